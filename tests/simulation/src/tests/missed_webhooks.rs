//! Missed webhooks: a single later webhook makes the data complete, and a sync without changes
//! writes no row.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use serde_json::json;

use crate::parallel::run_one;
use crate::people::Person;
use crate::settled;
use crate::sides::belvo::Movement;
use crate::story::connect;
use crate::system::Setup;
use crate::world::World;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A link that was completely synced, after this many days without webhooks.
async fn silence(transactions: u64, page_size: u32, days: i32) -> (World, String) {
    let mut world = World::new(Setup {
        page_size,
        ..Setup::plain(23)
    })
    .await;
    world.people.push(Person::invented(0));
    let link_id = connect(&mut world, 0, transactions).await.unwrap();
    world.deliver_all().await;
    world.work_off().await;
    world.time.pass(DAY * days);
    (world, link_id)
}

/// Delivers only the latest webhook with this code, and drops the others.
async fn only(world: &mut World, code: &str) {
    world.collect_mail().await;
    let mail = std::mem::take(&mut world.mail);
    let heard = mail.iter().rev().find(|it| it["webhook_code"] == code);
    world.call_webhook(heard.unwrap()).await;
    world.work_off().await;
}

#[test]
fn after_thirty_days_without_webhooks_one_webhook_makes_the_data_complete() {
    run_one(async || {
        let (mut world, link_id) = silence(120, 50, 30).await;
        let changes = json!({"add": 9, "update": 9, "delete": 5});
        world.bank.change(&link_id, &changes).await;
        for resource in [
            "owners",
            "accounts",
            "bills",
            "investments",
            "investment_transactions",
        ] {
            let changes = json!({"resource": resource, "add": 1, "update": 1});
            world.bank.change_objects(&link_id, &changes).await;
        }
        world.bank.change(&link_id, &json!({"add": 2})).await;
        only(&mut world, "new_transactions_available").await;
        settled::check(&mut world).await;
    });
}

#[test]
fn after_days_without_webhooks_the_days_before_them_are_read_again() {
    run_one(async || {
        let (mut world, link_id) = silence(900, 100, 2).await;
        // A transaction of the week before, which settles during the days without webhooks.
        let today = world.time.now().to_zoned_datetime(TimeZone::UTC).date();
        let then = (today - Span::new().days(11)).to_string();
        let rows = world.bank.transactions(&link_id).await;
        let date = |it: &Movement| it.value_date.clone().filter(|date| *date <= then);
        let row = rows.iter().max_by_key(|it| date(it)).unwrap();
        let update = json!({"id": row.id, "observations": "settled"});
        let changes = json!({"update": [update], "webhooks": false});
        world.bank.change(&link_id, &changes).await;
        world.bank.change(&link_id, &json!({"add": 1})).await;
        only(&mut world, "new_transactions_available").await;
        settled::check(&mut world).await;
    });
}

#[test]
fn reading_ten_thousand_unchanged_transactions_again_writes_nothing() {
    run_one(async || {
        let (mut world, link_id) = silence(10_000, 1000, 0).await;
        let before = world.network.counts();
        let event = json!({"sweep": "reread", "link_id": link_id});
        world.operate(&event).await;
        world.work_off().await;
        let after = world.network.counts();
        assert!(
            after.to_belvo >= before.to_belvo + 15,
            "everything was read"
        );
        assert_eq!(after.writes, before.writes);
        settled::check(&mut world).await;
    });
}
