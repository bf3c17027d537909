//! What is stored equals what Belvo holds: changes, drift, doubt and proof.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::canonical::Canonical;
use crate::world::{World, record};

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_settle_change_come_back_dated_or_vanish_do_so_here() {
    let bank = Bank::connected().await;
    for round in 0..4 {
        let changes = json!({"add": 7, "update": 6, "delete": 5});
        bank.control("changes", &changes).await;
        bank.world.settle().await;
        bank.assert_complete().await;
        let link = bank.link().await;
        let stored = bank.stored("TRANSACTIONS").await.len();
        let transactions = link["resources"].get("TRANSACTIONS");
        let rows = Canonical::from_json(&stored.to_string());
        assert_eq!(*transactions.get("rows"), rows, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_lead_to_a_read_of_the_last_days_and_not_of_everything() {
    let bank = Bank::connected().await;
    let today = bank.today().await;
    bank.control(
        "changes",
        &json!({"add": [{"value_date": today}], "webhooks": false}),
    )
    .await;
    bank.forget_requests().await;
    bank.news().await;
    bank.assert_complete().await;
    let requests = bank.requests().await;
    let lists = requests
        .iter()
        .filter(|it| it.contains("/api/transactions/?"));
    let lists: Vec<_> = lists.collect();
    assert_eq!(
        lists.len(),
        2,
        "the last days, and the number of all: {lists:?}"
    );
    assert!(lists[0].contains("value_date__gte="), "{lists:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_or_goes_outside_the_last_days_is_noticed_all_the_same() {
    let bank = Bank::connected().await;
    let old = bank.by_date().await[0].clone();
    let changes = json!({"delete": [old], "webhooks": false});
    bank.control("changes", &changes).await;
    bank.news().await;
    bank.news_of_bills().await;
    bank.assert_complete().await;

    let changes = json!({"add": [{"value_date": "2026-01-15"}], "webhooks": false});
    bank.control("changes", &changes).await;
    bank.news().await;
    bank.news_of_bills().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_moves_within_the_last_days_out_of_them_and_into_them() {
    let bank = Bank::connected().await;
    let today = bank.today().await;
    let ids = bank.by_date().await;
    let (old, recent) = (&ids[0], &ids[ids.len() - 1]);
    for (id, date) in [
        (recent, today.as_str()),
        (recent, "2026-02-03"),
        (old, today.as_str()),
    ] {
        let change = json!({"update": [{"id": id, "value_date": date}], "webhooks": false});
        bank.control("changes", &change).await;
        bank.news().await;
        let stored = bank.stored("TRANSACTIONS").await;
        let keys: Vec<_> = stored.iter().filter(|key| key.ends_with(id)).collect();
        assert_eq!(keys, [&format!("TRANSACTIONS#{date}#{id}")]);
        bank.assert_complete().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_and_consent_follows_what_belvo_holds() {
    let bank = Bank::connected().await;
    for (resource, changes) in [
        ("owners", json!({"update": 1})),
        ("accounts", json!({"update": 2, "add": 1})),
        ("bills", json!({"add": 2, "update": 1, "delete": 1})),
        ("investments", json!({"add": 1, "update": 1})),
        (
            "investment_transactions",
            json!({"add": 2, "update": 2, "delete": 2}),
        ),
        ("bills", json!({"delete": 1})),
        ("accounts", json!({"update": 1})),
    ] {
        let mut body = changes;
        body["resource"] = json!(resource);
        bank.control("objects", &body).await;
        bank.world.settle().await;
        bank.assert_complete().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_on_an_empty_short_failed_or_doubtful_read() {
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
        assert!(!link.contains_key("trouble"), "{fault} passes");
    }
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_shift_while_a_list_is_read_are_neither_lost_nor_doubled() {
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
        // What changed behind the reader's back is announced afterwards.
        bank.announce("TRANSACTIONS", "transactions_updated", json!({}))
            .await;
        bank.news_of_bills().await;
        bank.assert_complete().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_read_that_lacks_a_row_is_repeated_though_nothing_else_tells() {
    for fault in [
        json!({"short_page": 1}),
        json!({"shift_rows": 1}),
        json!({"empty_page": 1}),
        // The first row goes after it was read, so that the next page begins one row too late.
        json!({"drift": [{"path": "/api/transactions/", "page": 1}]}),
    ] {
        let world = World::start().await;
        let held = json!({"webhooks": {"hold": true}});
        world.sandbox("faults", &held).await;
        let user = world.individual().await;
        let minted = world.mint(&user).await;
        let connected = world.connect(&user, &minted).await;
        world.stack.settle().await.unwrap();
        let path = format!("links/{}/truth", connected.link_id);
        let truth: Value = serde_json::from_str(&world.ask_sandbox(&path).await).unwrap();
        let first = truth["transactions"][0]["id"].clone();
        let mut faults = fault.clone();
        faults["path"] = json!("/api/transactions/");
        faults["webhooks"] = held["webhooks"].clone();
        if let Some(drift) = faults.pointer_mut("/drift/0") {
            drift["delete"] = json!([first]);
        }
        world.sandbox("faults", &faults).await;
        // Without totals, there is nothing to compare with but the pages themselves.
        for kind in ["OWNERS", "TRANSACTIONS"] {
            let body = json!({
                "webhook_type": kind,
                "webhook_code": "historical_update",
                "link_id": connected.link_id,
            });
            world.post_webhook(&body).await;
        }
        world.stack.settle().await.unwrap();
        let truth: Value = serde_json::from_str(&world.ask_sandbox(&path).await).unwrap();
        let truth = truth["transactions"].as_array().unwrap().iter();
        let truth: BTreeSet<&str> = truth.map(|it| it["id"].as_str().unwrap()).collect();
        let records = world.records(&connected.link_id).await;
        let keys = records
            .keys()
            .filter(|key| key.starts_with("TRANSACTIONS#"));
        let stored: BTreeSet<&str> = keys.filter_map(|key| key.rsplit('#').next()).collect();
        let lacking = truth.difference(&stored).count();
        let left_over = stored.difference(&truth).count();
        assert_eq!((lacking, left_over), (0, 0), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_list_hides_stays_as_long_as_belvo_has_it() {
    let bank = Bank::connected().await;
    let before = bank.stored("BILLS").await;
    // One row less, and one less counted: the list agrees with itself.
    let faults = json!({"path": "/api/bills/", "short_page": true, "count_lies": -1});
    bank.faults(&faults).await;
    bank.news_of_bills().await;
    assert_eq!(bank.stored("BILLS").await, before);
    assert!(!bank.link().await.contains_key("trouble"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_missing_rows_are_read_for_again_and_then_asked_for_one_by_one() {
    let bank = Bank::connected().await;
    let ids = bank.by_date().await;
    let many = &ids[..60];
    let changes = json!({"delete": many, "webhooks": false});
    bank.control("changes", &changes).await;
    bank.forget_requests().await;
    bank.all_news().await;
    bank.news_of_bills().await;
    bank.assert_complete().await;
    let requests = bank.requests().await;
    let details = requests
        .iter()
        .filter(|it| many.iter().any(|id| it.contains(&format!("/{id}/"))));
    assert_eq!(details.count(), 60);
    let logs = bank.world.stack.logs();
    assert!(logs.iter().any(|line| line.contains("RowsMissing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_nobody_announced_is_stored_from_the_copy_in_its_transactions() {
    let world = World::start().await;
    let held = json!({"webhooks": {"hold": true}});
    world.sandbox("faults", &held).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    world.stack.settle().await.unwrap();
    for kind in ["OWNERS", "TRANSACTIONS"] {
        let body = json!({
            "webhook_type": kind,
            "webhook_code": "historical_update",
            "link_id": connected.link_id,
        });
        world.post_webhook(&body).await;
    }
    world.stack.settle().await.unwrap();
    let records = world.records(&connected.link_id).await;
    let of = |prefix: &'static str| {
        records
            .iter()
            .filter(move |(key, _)| key.starts_with(prefix))
    };
    let referred: BTreeSet<&str> = of("TRANSACTIONS#")
        .map(|(_, item)| item["data"].get("account_id").text())
        .collect();
    let accounts: BTreeSet<&str> = of("ACCOUNTS#")
        .map(|(_, item)| item["data"].get("id").text())
        .collect();
    assert!(!referred.is_empty());
    assert_eq!(accounts, referred);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_named_on_the_link_and_nothing_else_is_lost() {
    let bank = Bank::connected().await;
    let before = bank.stored("TRANSACTIONS").await.len();
    let nested = (0..40).fold(json!("deep"), |inner, _| json!([inner]));
    let today = bank.today().await;
    let changes = json!({"add": [
        {"value_date": today, "observations": "x".repeat(410_000)},
        {"value_date": today, "observations": nested},
        {"value_date": today, "observations": "plain"},
    ]});
    let added = bank.control("changes", &changes).await;
    bank.world.settle().await;
    assert_eq!(bank.stored("TRANSACTIONS").await.len(), before + 1);
    let link = bank.link().await;
    let transactions = link["resources"].get("TRANSACTIONS");
    assert_eq!(transactions.get("state").text(), "partial");
    let rejected = transactions.get("rejected");
    let id = |n: usize| added["added"][n].as_str().unwrap();
    assert_eq!(rejected.get(id(0)).text(), "too_large");
    assert_eq!(rejected.get(id(1)).text(), "too_deep");

    // Once Belvo holds something better, so do we.
    let ids = json!({"update": [
        {"id": id(0), "observations": "short"},
        {"id": id(1), "observations": "flat"},
    ]});
    bank.control("changes", &ids).await;
    bank.world.settle().await;
    bank.assert_complete().await;
    let link = bank.link().await;
    assert_eq!(
        link["resources"].get("TRANSACTIONS").get("state").text(),
        "ready"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_became_empty_is_believed_when_belvo_says_so_itself() {
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
    assert_ne!(*link["agenda"].get("empty"), Canonical::Null);

    let none = json!({"total_bills": 0});
    bank.announce("BILLS", "historical_update", none).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_overtaken_removes_and_moves_nothing() {
    use domain::{Days, ExternalId, LinkId, ResourceKind};

    let bank = Bank::connected().await;
    let store = bank.world.resource_store();
    let link_id = LinkId::parse(bank.link_id()).unwrap();
    let external_id = ExternalId::parse(&bank.user.external_id).unwrap();
    let kind = ResourceKind::Transactions;
    let before = bank.stored("TRANSACTIONS").await;
    let id = bank.by_date().await[0].clone();
    let moved = json!({"id": id, "value_date": "2026-06-06"}).to_string();
    let moved: Box<serde_json::value::RawValue> = serde_json::from_str(&moved).unwrap();
    let moved = store::ResourceRow::new(kind, link_id, &external_id, &moved)
        .ok()
        .unwrap();

    let slow = store.begin(link_id).await.unwrap().hold();
    let quick = store.begin(link_id).await.unwrap().hold();
    let mut index = store.index(link_id, kind, Days::ALL).await.unwrap();
    let removal = store
        .remove(slow, std::slice::from_ref(&id), &mut index)
        .await;
    assert!(matches!(removal, Err(store::StoreError::Superseded)));
    let moving = store.write(slow, vec![moved.clone()], &mut index).await;
    assert!(matches!(moving, Err(store::StoreError::Superseded)));
    assert_eq!(bank.stored("TRANSACTIONS").await, before);

    store.write(quick, vec![moved], &mut index).await.unwrap();
    store.remove(quick, &[id], &mut index).await.unwrap();
    assert_eq!(bank.stored("TRANSACTIONS").await.len(), before.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_that_became_empty_is_believed_as_well() {
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
    let records = world.records(link_id).await;
    let mut left = records
        .keys()
        .filter(|key| key.starts_with("TRANSACTIONS#"));
    assert_eq!(left.next(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_stored_twice_is_there_once_after_the_next_full_read() {
    use domain::{ExternalId, LinkId, ResourceKind};

    let bank = Bank::connected().await;
    let store = bank.world.resource_store();
    let link_id = LinkId::parse(bank.link_id()).unwrap();
    let external_id = ExternalId::parse(&bank.user.external_id).unwrap();
    let id = bank.by_date().await[0].clone();
    // Under a later and under an earlier day than the one Belvo has.
    for date in ["2099-01-01", "2001-01-01"] {
        let double = json!({"id": id, "value_date": date}).to_string();
        let double: Box<serde_json::value::RawValue> = serde_json::from_str(&double).unwrap();
        let kind = ResourceKind::Transactions;
        let double = store::ResourceRow::new(kind, link_id, &external_id, &double);
        let hold = store.begin(link_id).await.unwrap().hold();
        let mut nothing = store::Index::default();
        let rows = vec![double.ok().unwrap()];
        store.write(hold, rows, &mut nothing).await.unwrap();
    }
    bank.all_news().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_moved_unnoticed_is_there_once_after_the_next_full_read() {
    let bank = Bank::connected().await;
    let id = bank.by_date().await[0].clone();
    // It claims to be new, as it does when Belvo's clock is ahead of ours.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_bill_leads_to_a_read_of_its_transactions() {
    let bank = Bank::connected().await;
    let id = bank.by_date().await[0].clone();
    let update = json!({"id": id, "description": "on the closed bill"});
    let changes = json!({"update": [update], "webhooks": false});
    bank.control("changes", &changes).await;
    bank.announce("BILLS", "new_bills_available", json!({"new_bills": 1}))
        .await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_came_while_a_long_read_went_on_are_read_after_it() {
    let bank = Bank::connected().await;
    let id = bank.by_date().await.pop().unwrap();
    // An earlier job has read from November on; then a row of these days changes.
    let truth = bank.truth().await;
    let rows = truth["transactions"].as_array().unwrap().iter();
    let found = rows.filter(|it| it["value_date"].as_str() >= Some("2026-11-01"));
    let pass = json!({
        "scope": "everything",
        "started_at": "2026-11-23T00:00:00Z",
        "portion": 1000,
        "before": "2026-11-01",
        "found": {"rows": found.count()},
    });
    bank.set_on_link(&["resources", "TRANSACTIONS", "pass"], attribute(&pass))
        .await;
    let update = json!({"id": id, "description": "settled"});
    let changes = json!({"update": [update], "webhooks": false});
    bank.control("changes", &changes).await;
    let webhook = |kind: &str| {
        json!({
            "job": "webhook_received.v1",
            "link_id": bank.link_id(),
            "event": {
                "link_id": bank.link_id(), "event": "resource_changed", "resource": kind,
            },
        })
    };
    // In one batch, and the first of them finishes the read.
    let records = json!({"Records": [
        record("1", bank.link_id(), &webhook("OWNERS")),
        record("2", bank.link_id(), &webhook("TRANSACTIONS")),
    ]});
    bank.world.stack.invoke("fetcher", records).await.unwrap();
    bank.assert_complete().await;
}

/// JSON as DynamoDB has it.
fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            AttributeValue::M(members.map(|(k, v)| (k.clone(), attribute(v))).collect())
        }
        Value::Number(number) => AttributeValue::N(number.to_string()),
        other => AttributeValue::S(other.as_str().unwrap().to_owned()),
    }
}
