//! Missed webhooks: a single later webhook makes the data complete, and a sync without changes
//! writes no row.

use domain::{Job, LinkId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use serde_json::json;

use super::compare::assert_all_is_well;
use super::parallel::run_one;
use super::world::{Setup, World};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A link that was completely synced, after this many days without webhooks.
async fn silence(transactions: u64, page_size: u32, days: i32) -> (World, String) {
    let mut world = World::new(Setup {
        seed: 23,
        page_size,
        chunk_size: 20_000,
    })
    .await;
    let link_id = world.connect(transactions).await;
    world.deliver_all().await;
    world.work_off().await;
    world.time.pass(DAY * days);
    (world, link_id)
}

/// Delivers only the latest webhook with this code, and drops the others.
async fn only(world: &mut World, code: &str) {
    let bodies = world.bank.new_webhooks().await;
    let heard = bodies.iter().rev().find(|it| it["webhook_code"] == code);
    world.deliver(heard.unwrap());
    world.work_off().await;
}

#[test]
fn after_thirty_days_without_webhooks_one_webhook_makes_the_data_complete() {
    run_one(async {
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
        assert_all_is_well(&world).await;
    });
}

#[test]
fn after_days_without_webhooks_the_days_before_them_are_read_again() {
    run_one(async {
        let (mut world, link_id) = silence(900, 100, 2).await;
        // A transaction of the week before, which settles during the days without webhooks.
        let today = world.time.now().to_zoned_datetime(TimeZone::UTC).date();
        let then = (today - Span::new().days(11)).to_string();
        let rows = world.bank.transactions(&link_id).await;
        let row = rows.iter().max_by(|a, b| {
            let date = |it: &super::bank::Movement| it.value_date.clone().filter(|d| *d <= then);
            date(a).cmp(&date(b))
        });
        let update = json!({"id": row.unwrap().id, "observations": "settled"});
        world
            .bank
            .change(&link_id, &json!({"update": [update], "webhooks": false}))
            .await;
        world.bank.change(&link_id, &json!({"add": 1})).await;
        only(&mut world, "new_transactions_available").await;
        assert_all_is_well(&world).await;
    });
}

#[test]
fn reading_ten_thousand_unchanged_transactions_again_writes_nothing() {
    run_one(async {
        let (mut world, link_id) = silence(10_000, 1000, 0).await;
        let (writes, calls) = (world.calls.writes(), world.calls.to_belvo());
        let job = Job::LinkReread {
            link_id: LinkId::parse(&link_id).unwrap(),
            not_before: world.time.now(),
        };
        world.queue.lock().unwrap().send(&job, world.time.now());
        world.work_off().await;
        assert!(world.calls.to_belvo() >= calls + 15, "everything was read");
        assert_eq!(world.calls.writes(), writes);
        assert_all_is_well(&world).await;
    });
}
