//! What is stored equals what Belvo holds: whatever changes at the bank.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::{acquire, record};
use truth::Canonical;

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
async fn every_resource_follows_what_belvo_holds() {
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
async fn an_account_nobody_announced_is_stored_from_the_copy_in_its_transactions() {
    let bank = Bank::unheard().await;
    bank.hear_of("OWNERS").await;
    bank.hear_of("TRANSACTIONS").await;
    let records = bank.world.records(bank.link_id()).await;
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
async fn an_account_that_is_gone_does_not_come_back_with_its_transactions() {
    let bank = Bank::connected().await;
    let records = bank.world.records(bank.link_id()).await;
    let row = records
        .iter()
        .find(|(key, _)| key.starts_with("TRANSACTIONS#"));
    let (_, row) = row.unwrap();
    let of = |name: &str| row["data"].get(name).text().to_owned();
    let (id, account) = (of("id"), of("account_id"));
    let gone = json!({"resource": "accounts", "delete": [account]});
    bank.control("objects", &gone).await;
    bank.world.settle().await;
    let key = format!("ACCOUNTS#{account}");
    assert!(!bank.stored("ACCOUNTS").await.contains(&key));

    let settled = json!({"update": [{"id": id, "observations": "settled"}]});
    bank.control("changes", &settled).await;
    bank.world.settle().await;
    assert!(!bank.stored("ACCOUNTS").await.contains(&key));
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
async fn a_job_that_was_overtaken_removes_and_moves_nothing() {
    use domain::{DateRange, LinkId, ResourceKind};

    let bank = Bank::connected().await;
    let store = bank.world.resource_store();
    let link_id = LinkId::parse(bank.link_id()).unwrap();
    let kind = ResourceKind::Transactions;
    let before = bank.stored("TRANSACTIONS").await;
    let id = bank.by_date().await[0].clone();
    let moved = json!({"id": id, "value_date": "2026-06-06"}).to_string();
    let moved: Box<serde_json::value::RawValue> = serde_json::from_str(&moved).unwrap();
    let moved = store::ResourceRow::new(kind, &moved).ok().unwrap();

    let links = bank.world.link_store();
    let slow = acquire(&links, link_id).await;
    let quick = acquire(&links, link_id).await;
    let mut index = store.index(&quick, kind, DateRange::ALL).await.unwrap();
    let removal = store
        .remove(&slow, std::slice::from_ref(&id), &mut index)
        .await;
    assert!(matches!(removal, Err(store::StoreError::Superseded)));
    let moving = store.write(&slow, vec![moved.clone()], &mut index).await;
    assert!(matches!(moving, Err(store::StoreError::Superseded)));
    assert_eq!(bank.stored("TRANSACTIONS").await, before);

    store.write(&quick, vec![moved], &mut index).await.unwrap();
    store.remove(&quick, &[id], &mut index).await.unwrap();
    assert_eq!(bank.stored("TRANSACTIONS").await.len(), before.len() - 1);
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
    let run = json!({
        "mode": "full",
        "started_at": "2026-11-23T00:00:00Z",
        "chunk_size": 1000,
        "cursor": "2026-11-01",
        "tally": {"rows": found.count()},
    });
    bank.set_on_link(&["resources", "TRANSACTIONS", "run"], attribute(&run))
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

/// Names and forms that are ours in what is stored and answered may stand in Belvo's objects too.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_belvos_with_a_name_of_ours_neither_doubles_nor_replaces_ours() {
    let bank = Bank::connected().await;
    let foreign = uuid::Uuid::new_v4().to_string();
    let numbers = json!([
        {"$number": "1,\"link_id\":\"x\""}, {"$number": "12"}, {"$$number": "12"},
        {"$number": 12, "a": 1}, {"$number": null},
    ]);
    let marked = json!({"link_id": foreign, "account_id": foreign, "investment_id": foreign,
        "missing_since": "never", "only_embedded": "never", "odd_forms": numbers});
    let truth = bank.truth().await;
    for (list, name, parent) in [
        ("transactions", "transactions", Some("account")),
        ("bills", "bills", Some("account")),
        (
            "investment-transactions",
            "investment_transactions",
            Some("investment"),
        ),
        ("accounts", "accounts", None),
        ("owners", "owners", None),
        ("investments", "investments", None),
    ] {
        let row = &truth[name][0];
        let mut update = marked.clone();
        update["id"] = row["id"].clone();
        let (path, changes) = match name {
            "transactions" => ("changes", json!({"update": [update]})),
            resource => ("objects", json!({"resource": resource, "update": [update]})),
        };
        bank.control(path, &changes).await;
        bank.world.settle().await;
        let path = format!("/links/{}/{list}?limit=500", bank.link_id());
        let mut found = None;
        let mut cursor = String::new();
        while found.is_none() {
            let page = bank.world.get(&bank.user, &format!("{path}{cursor}")).await;
            let text = page.text().await.unwrap();
            let page: Value = serde_json::from_str(&text).unwrap();
            // serde takes the last of two members, a reader of another kind the first.
            let items = page["items"].as_array().unwrap().len();
            assert_eq!(text.matches(r#""link_id":"#).count(), items, "{name}");
            found = page["items"]
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["id"] == row["id"])
                .cloned();
            cursor = format!(
                "&cursor={}",
                page["next_cursor"].as_str().unwrap_or_default()
            );
        }
        let found = found.unwrap();
        assert_eq!(found["link_id"], json!(bank.link_id()), "{name}");
        for mark in ["missing_since", "only_embedded"] {
            assert_eq!(found.get(mark), None, "{name} {mark}");
        }
        assert_eq!(
            found["odd_forms"],
            json!([
                {"$number": "1,\"link_id\":\"x\""}, {"$number": "12"}, {"$$number": "12"},
                {"$number": 12, "a": 1}, {},
            ]),
            "{name}"
        );
        if let Some(parent) = parent {
            assert_eq!(found[format!("{parent}_id")], row[parent]["id"], "{name}");
        }
    }
}

/// JSON as DynamoDB has it.
pub fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            AttributeValue::M(members.map(|(k, v)| (k.clone(), attribute(v))).collect())
        }
        Value::Number(number) => AttributeValue::N(number.to_string()),
        other => AttributeValue::S(other.as_str().unwrap().to_owned()),
    }
}
