//! What was never ours, or is not at Belvo any more: how long it is asked about, and kept.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::bank::Bank;
use crate::world::World;
use truth::Canonical;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How often Belvo was asked about a link since it was last counted.
async fn asked_about(world: &World, link_id: &str) -> usize {
    let requests = world.ask_sandbox("requests").await;
    let url = format!("{}/_sandbox/requests", world.stack.endpoints().belvo_url);
    world.http.delete(url).send().await.unwrap();
    let path = format!("/api/links/{link_id}/");
    requests.matches(&path).count()
}

/// The days from now until DynamoDB removes the record of a link.
async fn days_kept(world: &World, link_id: &str) -> Option<i64> {
    let get = world.stack.dynamodb().get_item();
    let get = get.table_name(&world.stack.endpoints().link_table);
    let get = get.key("link_id", AttributeValue::S(link_id.to_owned()));
    let get = get.key("record", AttributeValue::S("LINK".to_owned()));
    let item = get.send().await.unwrap().item.unwrap();
    let second: i64 = item.get("expires_at")?.as_n().unwrap().parse().unwrap();
    let kept = second - Timestamp::now().as_second();
    Some((kept + DAY.as_secs() / 2) / DAY.as_secs())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_never_ours_is_asked_about_for_two_days_and_then_not_kept_for_long() {
    let world = World::start().await;
    let order = json!({"external_id": "user-of-another-system", "transactions": 3});
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    assert_eq!(world.link(link_id).await["status"].text(), "unclaimed");
    assert_eq!(days_kept(&world, link_id).await, None, "it is asked about");

    let three_days_ago = AttributeValue::S((Timestamp::now() - DAY * 3).to_string());
    world
        .set_on_link(link_id, &["unresolved", "since"], three_days_ago)
        .await;
    world.let_time_pass(link_id).await;
    assert_eq!(days_kept(&world, link_id).await, Some(29));
    let link = world.link(link_id).await;
    for gone in ["due_at", "institution_user_id"] {
        assert!(!link.contains_key(gone), "{gone}");
    }
    assert_eq!(link["unlogged"], Canonical::List(Vec::new()));

    // Neither its webhooks nor Belvo's list are a reason to ask about it.
    asked_about(&world, link_id).await;
    let changes = format!("links/{link_id}/changes");
    world.sandbox(&changes, &json!({"add": 2})).await;
    world.settle().await;
    let at = Timestamp::now() - SignedDuration::from_hours(2);
    let access = json!({"at": at.to_string()});
    world
        .sandbox(&format!("links/{link_id}/access"), &access)
        .await;
    let walk = json!({"sweep": "links"});
    let report = world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!(report["seen"], 0);
    assert_eq!(asked_about(&world, link_id).await, 0);
    assert_eq!(days_kept(&world, link_id).await, Some(29));

    // An operator is one, and a user who comes back with it.
    let by_hand = json!({"sweep": "links", "page": 1});
    let report = world.stack.invoke("sweeper", by_hand).await.unwrap();
    assert_eq!(report["enqueued"], 1);
    world.settle().await;
    assert_eq!(asked_about(&world, link_id).await, 1);
}

/// The rows of a link, and the reason for which it waits.
async fn left_of(bank: &Bank) -> (usize, Option<Timestamp>) {
    let rows = bank.stored("TRANSACTIONS").await.len();
    let link = bank.world.records(bank.link_id()).await.remove("LINK");
    let link = link.unwrap_or_default();
    let erased_at = link.get("schedule").map(|it| it.get("deleted").clone());
    let erased_at = erased_at.filter(|it| *it != Canonical::Null);
    (rows, erased_at.map(|it| it.text().parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belvo_has_deleted_is_erased_here_after_the_days_of_the_parameter() {
    for (parameters, days) in [(vec![], 30), (vec![("DeletedLinkDays", "7")], 7)] {
        let bank = Bank::connected_in(World::with(&parameters).await).await;
        bank.control("gone", &json!({"gone": true})).await;
        bank.all_news().await;
        let (rows, erased_at) = left_of(&bank).await;
        assert!(rows > 0);
        assert_eq!(erased_at, None, "Belvo has not said that it has deleted it");

        bank.announce("LINK", "link_deleted", json!({})).await;
        let (_, erased_at) = left_of(&bank).await;
        let left = erased_at.unwrap().duration_since(Timestamp::now());
        assert!(
            (DAY * days - left).abs() < SignedDuration::from_mins(5),
            "{left}"
        );
        let before = Timestamp::now() + DAY * days - SignedDuration::from_hours(1);
        bank.world.let_time_pass_until(bank.link_id(), before).await;
        assert_eq!(left_of(&bank).await, (rows, erased_at));

        let after = before + SignedDuration::from_hours(2);
        bank.world.let_time_pass_until(bank.link_id(), after).await;
        assert_eq!(left_of(&bank).await, (0, None));
        let records = bank.world.records(bank.link_id()).await;
        assert!(records.contains_key("TOMBSTONE"));
        let links = bank.world.get(&bank.user, "/links").await;
        let links: serde_json::Value = links.json().await.unwrap();
        assert_eq!(links["links"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_still_there_is_not_erased_whatever_a_webhook_said() {
    let bank = Bank::connected().await;
    bank.announce("LINK", "link_deleted", json!({})).await;
    bank.control("gone", &json!({"gone": true})).await;
    bank.all_news().await;
    assert_eq!(bank.link().await["status"].text(), "gone");
    assert_eq!(left_of(&bank).await.1, None, "that webhook was wrong");

    bank.announce("LINK", "link_deleted", json!({})).await;
    assert!(left_of(&bank).await.1.is_some());
    // It was hidden, and is there again when its time has come.
    bank.control("gone", &json!({"gone": false})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.link().await["status"].text(), "bound");
    assert_eq!(left_of(&bank).await.1, None);
    bank.assert_complete().await;
}
