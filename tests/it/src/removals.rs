//! Drift and removals: when an empty or short list is believed, and when a row is removed.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::{World, acquire};
use truth::Canonical;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_short_failed_or_inconsistent_read_removes_no_row() {
    let bank = Bank::connected().await;
    let before = bank.stored("TRANSACTIONS").await;
    for fault in [
        json!({"empty_list": true}),
        json!({"empty_page": true}),
        json!({"short_page": true}),
        json!({"null_results": true}),
        json!({"cut_body": true}),
        json!({"count_lies": -500}),
        json!({"count_lies": 3}),
        json!({"count_flips": {"every": 2}}),
        json!({"shift_rows": true}),
        json!({"repeat_rows": true}),
        json!({"status_429": true}),
        json!({"html_403": true}),
    ] {
        let mut scoped = fault.clone();
        scoped["path"] = json!("/api/transactions/");
        bank.faults(&scoped).await;
        bank.all_news().await;
        assert_eq!(bank.stored("TRANSACTIONS").await, before, "{fault}");
        bank.faults(&json!({})).await;
        bank.world.let_time_pass(bank.link_id()).await;
        assert_eq!(bank.stored("TRANSACTIONS").await, before, "{fault}");
        let link = bank.link().await;
        assert!(!link.contains_key("last_error"), "{fault} passes");
    }
    bank.assert_complete().await;
}

/// Belvo has no row of a link that it hides for a while.
#[tokio::test(flavor = "multi_thread")]
async fn no_row_goes_while_belvo_does_not_show_the_link() {
    let bank = Bank::connected().await;
    let ids = bank.by_date().await;
    let changes = json!({"delete": &ids[..3], "webhooks": false});
    bank.control("changes", &changes).await;
    let before = bank.stored("TRANSACTIONS").await;
    let path = format!("/api/links/{}/", bank.link_id());
    let hidden = json!({"count": 1000, "status": 404, "code": "not_found", "path": path});
    bank.faults(&json!({"fail_next": hidden})).await;
    bank.all_news().await;
    assert_eq!(bank.stored("TRANSACTIONS").await, before);

    bank.faults(&json!({})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.link().await["status"].text(), "bound");
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_shift_during_a_read_are_neither_lost_nor_duplicated() {
    let bank = Bank::connected().await;
    let ids = bank.by_date().await;
    let (first, second) = (&ids[0], &ids[1]);
    for drift in [
        json!({"delete": [first]}),
        json!({"add": [{"value_date": "2026-03-03", "created_at": "2020-01-01T00:00:00Z"}]}),
        json!({
            "delete": [second],
            "add": [{"value_date": "2026-03-04"}],
        }),
        json!({"update": 3}),
    ] {
        let mut drift = drift;
        drift["path"] = json!("/api/transactions/");
        drift["page"] = json!(1);
        bank.faults(&json!({"drift": [drift]})).await;
        bank.all_news().await;
        bank.faults(&json!({})).await;
        // Belvo announces afterwards the changes that happened during the read.
        bank.announce("TRANSACTIONS", "transactions_updated", json!({}))
            .await;
        bank.news_of_bills().await;
        bank.assert_complete().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_read_that_skipped_a_row_is_repeated_even_without_totals() {
    for fault in [
        json!({"short_page": 1}),
        json!({"shift_rows": 1}),
        json!({"empty_page": 1}),
        // The first row vanishes after it was read, so that the next page begins one row too late.
        json!({"drift": [{"path": "/api/transactions/", "page": 1}]}),
    ] {
        let bank = Bank::unheard().await;
        let first = bank.truth().await["transactions"][0]["id"].clone();
        let mut faults = fault.clone();
        faults["path"] = json!("/api/transactions/");
        faults["webhooks"] = json!({"hold": true});
        if let Some(drift) = faults.pointer_mut("/drift/0") {
            drift["delete"] = json!([first]);
        }
        bank.faults(&faults).await;
        // Without announced totals, only the pages themselves can show the gap.
        bank.hear_of("OWNERS").await;
        bank.hear_of("TRANSACTIONS").await;
        let truth = bank.by_date().await;
        let truth: BTreeSet<&str> = truth.iter().map(String::as_str).collect();
        let keys = bank.stored("TRANSACTIONS").await;
        let stored: BTreeSet<&str> = keys
            .iter()
            .filter_map(|key| key.rsplit('#').next())
            .collect();
        let lacking = truth.difference(&stored).count();
        let left_over = stored.difference(&truth).count();
        assert_eq!((lacking, left_over), (0, 0), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_list_hides_stays_as_long_as_belvo_has_it() {
    let bank = Bank::connected().await;
    let before = bank.stored("BILLS").await;
    // The list is one row short and its count one too low, so the list agrees with itself.
    let faults = json!({"path": "/api/bills/", "short_page": true, "count_lies": -1});
    bank.faults(&faults).await;
    bank.news_of_bills().await;
    assert_eq!(bank.stored("BILLS").await, before);
    assert!(!bank.link().await.contains_key("last_error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_missing_rows_wait_for_another_read_and_are_then_removed_together() {
    let bank = Bank::connected().await;
    let ids = bank.by_date().await;
    let many = &ids[..60];
    let changes = json!({"delete": many, "webhooks": false});
    bank.control("changes", &changes).await;
    let before = bank.stored("TRANSACTIONS").await;
    bank.forget_requests().await;
    bank.all_news().await;
    bank.news_of_bills().await;
    assert_eq!(bank.stored("TRANSACTIONS").await, before);
    let long_ago = AttributeValue::S("2026-11-23T00:00:00Z".to_owned());
    let read_at = ["resources", "TRANSACTIONS", "missing", "all", "read_at"];
    bank.set_on_link(&read_at, long_ago).await;
    bank.all_news().await;
    bank.assert_complete().await;
    let requests = bank.requests().await;
    let details = requests
        .iter()
        .filter(|it| many.iter().any(|id| it.contains(&format!("/{id}/"))));
    assert_eq!(details.count(), 20);
    let logs = bank.world.stack.logs();
    assert!(logs.iter().any(|line| line.contains("RowsMissing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_is_believed_after_belvo_announces_a_total_of_zero() {
    let bank = Bank::connected().await;
    let truth = bank.truth().await;
    let bills: Vec<&str> = truth["bills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    let all = json!({"resource": "bills", "delete": bills, "webhooks": false});
    bank.control("objects", &all).await;
    bank.announce("BILLS", "new_bills_available", json!({}))
        .await;
    assert_eq!(bank.stored("BILLS").await.len(), bills.len(), "kept");
    let link = bank.link().await;
    assert_ne!(*link["schedule"].get("empty_list"), Canonical::Null);

    let none = json!({"total_bills": 0});
    bank.announce("BILLS", "historical_update", none).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_of_many_stored_rows_is_believed_as_well() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    let order = json!({
        "external_id": user.external_id, "owner": crate::world::CPF, "transactions": 70,
    });
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    world.assert_complete(link_id, &user.external_id).await;

    let path = format!("links/{link_id}/truth");
    let truth: Value = serde_json::from_str(&world.ask_sandbox(&path).await).unwrap();
    let all = truth["transactions"].as_array().unwrap().iter();
    let all: Vec<&Value> = all.map(|it| &it["id"]).collect();
    let changes = json!({"delete": all, "webhooks": false});
    world
        .sandbox(&format!("links/{link_id}/changes"), &changes)
        .await;
    world
        .post_webhook(&json!({
            "webhook_type": "TRANSACTIONS",
            "webhook_code": "historical_update",
            "link_id": link_id,
            "data": {"total_transactions": 0},
        }))
        .await;
    world.settle().await;
    let requests = world.ask_sandbox("requests").await;
    let is_asked = |id: &&&Value| {
        let path = format!("/api/transactions/{}/", id.as_str().unwrap());
        requests.contains(&path)
    };
    assert_eq!(all.iter().filter(is_asked).count(), 70, "each of them");
    let records = world.records(link_id).await;
    let mut left = records
        .keys()
        .filter(|key| key.starts_with("TRANSACTIONS#"));
    assert_eq!(left.next(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_stored_twice_is_there_once_after_the_next_full_read() {
    use domain::{LinkId, ResourceKind};

    let bank = Bank::connected().await;
    let store = bank.world.resource_store();
    let link_id = LinkId::parse(bank.link_id()).unwrap();
    let id = bank.by_date().await[0].clone();
    // Under a later and an earlier date than Belvo's.
    for date in ["2099-01-01", "2001-01-01"] {
        let double = json!({"id": id, "value_date": date}).to_string();
        let double: Box<serde_json::value::RawValue> = serde_json::from_str(&double).unwrap();
        let kind = ResourceKind::Transactions;
        let double = store::ResourceRow::new(kind, &double);
        let bound = acquire(&bank.world.link_store(), link_id).await;
        let mut nothing = store::Index::default();
        let rows = vec![double.ok().unwrap()];
        store.write(&bound, rows, &mut nothing).await.unwrap();
    }
    bank.all_news().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_moved_unnoticed_is_there_once_after_the_next_full_read() {
    let bank = Bank::connected().await;
    let id = bank.by_date().await[0].clone();
    // Its `created_at` claims that it is new, as with a clock of Belvo's ahead of ours.
    let moved = json!({
        "id": id,
        "value_date": bank.today().await,
        "created_at": "2027-06-01T00:00:00Z",
    });
    let changes = json!({"update": [moved], "webhooks": false});
    bank.control("changes", &changes).await;
    bank.news().await;
    let stored = bank.stored("TRANSACTIONS").await;
    assert_eq!(stored.iter().filter(|key| key.ends_with(&id)).count(), 1);
    bank.news_of_bills().await;
    bank.assert_complete().await;
}
