//! Counts that never agree, and pages that repeat some rows and hide others every time: all that can
//! be had is stored, what cannot is said, and nothing is read for ever.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;
use truth::Canonical;

/// More requests than any of these reads needs.
const MANY: usize = 150;

/// A bank whose transactions, two pages of them, Belvo gives with these faults from the beginning.
async fn with_faults(faults: &Value) -> Bank {
    let world = World::with(&[("BelvoRequestsPer30Seconds", "10000")]).await;
    world.sandbox("faults", faults).await;
    Bank::connected_with(world, json!({"transactions": 1_200})).await
}

impl Bank {
    /// What the API says of the link.
    async fn answer_of_counts(&self) -> Value {
        let path = format!("/links/{}", self.link_id());
        let link = self.world.get(&self.user, &path).await;
        link.json().await.unwrap()
    }

    /// The rows are Belvo's, and they agree with what it counts.
    async fn assert_ready_and_complete(&self, when: &Value) {
        self.assert_complete().await;
        let link = self.answer_of_counts().await;
        assert_eq!(link["status"], "ready", "{when}");
        let transactions = &link["resources"]["transactions"];
        assert_eq!(transactions["state"], "ready", "{when}: {transactions}");
        assert_eq!(transactions["completeness"], "agrees", "{when}");
    }

    async fn rows_at_belvo_of(&self, resource: &str) -> i64 {
        let rows = self.truth().await[resource].as_array().unwrap().len();
        i64::try_from(rows).unwrap()
    }
}

fn of(path: &str, fault: &Value) -> Value {
    let mut faults = fault.clone();
    faults["path"] = json!(path);
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_never_agrees_ends_as_partial_with_all_rows_and_removals() {
    for lie in [3_i64, -500] {
        let faults = of("/api/transactions/", &json!({"count_lies": lie}));
        let bank = with_faults(&faults).await;
        let says = async |when: &str| {
            bank.assert_complete().await;
            let link = bank.answer_of_counts().await;
            assert_eq!(link["status"], "ready", "{lie} {when}");
            let transactions = &link["resources"]["transactions"];
            assert_eq!(transactions["state"], "partial", "{lie} {when}");
            let rows = bank.rows_at_belvo_of("transactions").await;
            assert_eq!(transactions["rows"], rows, "{lie} {when}");
            assert_eq!(transactions["announced_rows"], rows + lie, "{lie} {when}");
            assert_eq!(transactions["completeness"], "differs", "{lie} {when}");
            let requests = bank.requests().await.len();
            assert!(requests < MANY, "{lie} {when}: {requests}");
            bank.forget_requests().await;
        };
        says("at first").await;
        let logs = bank.world.stack.logs();
        assert!(logs.iter().any(|line| line.contains("TotalsDiffer")));
        let record = bank.link().await;
        assert!(!record.contains_key("last_error"), "{lie}");

        let old = bank.by_date().await[0].clone();
        bank.control("changes", &json!({"delete": [old]})).await;
        bank.world.settle().await;
        bank.news_of_bills().await;
        says("after a removal").await;
        bank.control("changes", &json!({"add": 4, "update": 3, "delete": 2}))
            .await;
        bank.world.settle().await;
        says("after changes").await;

        bank.faults(&json!({})).await;
        bank.world.let_time_pass(bank.link_id()).await;
        bank.assert_ready_and_complete(&faults).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_beyond_all_reason_does_not_make_a_list_long() {
    let faults = of("/api/transactions/", &json!({"count_lies": 1_000_000}));
    let bank = with_faults(&faults).await;
    bank.assert_complete().await;
    let transactions = &bank.answer_of_counts().await["resources"]["transactions"];
    assert_eq!(transactions["state"], "partial");
    let requests = bank.requests().await.len();
    assert!(requests < MANY, "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_pages_hide_every_time_are_found_in_slices_by_date() {
    for fault in [
        json!({"shift_rows": true}),
        json!({"first_page_again": true}),
        json!({"count_flips": {"every": 2}}),
        json!({"shift_rows": true, "largest_page": 100}),
    ] {
        let faults = of("/api/transactions/", &fault);
        let bank = with_faults(&faults).await;
        bank.assert_ready_and_complete(&faults).await;

        bank.control("changes", &json!({"add": 7, "update": 6, "delete": 5}))
            .await;
        bank.world.settle().await;
        bank.news_of_bills().await;
        bank.assert_ready_and_complete(&faults).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_row_without_a_date_is_kept_and_removed_though_rows_are_found_in_slices() {
    let faults = of("/api/transactions/", &json!({"shift_rows": true}));
    let bank = with_faults(&faults).await;
    let ids = bank.by_date().await;
    let undated = json!({"update": [
        {"id": ids[0], "value_date": null, "status": "PENDING"},
        {"id": ids[1], "value_date": null, "status": "PENDING"},
    ]});
    bank.control("changes", &undated).await;
    bank.world.settle().await;
    bank.news_of_bills().await;
    bank.assert_ready_and_complete(&faults).await;
    bank.control("changes", &json!({"delete": [ids[0]]})).await;
    bank.world.settle().await;
    bank.news_of_bills().await;
    bank.assert_ready_and_complete(&faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_dates_ends_as_partial_too() {
    let faults = of("/api/bills/", &json!({"count_lies": 2}));
    let bank = with_faults(&faults).await;
    for (delete, when) in [(0, "at first"), (1, "after a removal")] {
        let removal = json!({"resource": "bills", "delete": delete});
        bank.control("objects", &removal).await;
        bank.world.settle().await;
        bank.assert_complete().await;
        let link = bank.answer_of_counts().await;
        assert_eq!(link["status"], "ready", "{when}");
        let bills = &link["resources"]["bills"];
        assert_eq!(bills["state"], "partial", "{when}");
        let rows = bank.rows_at_belvo_of("bills").await;
        assert_eq!(bills["rows"], rows, "{when}");
        assert_eq!(bills["announced_rows"], rows + 2, "{when}");
        assert_eq!(bills["completeness"], "differs", "{when}");
    }
    bank.faults(&json!({})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(
        bank.answer_of_counts().await["resources"]["bills"]["state"],
        "ready"
    );
}

/// The doubt does not keep Belvo busy: it is looked at again for a day, and then with news.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_disagrees_with_its_count_is_looked_at_again_for_a_day() {
    let faults = of("/api/transactions/", &json!({"count_lies": 3}));
    let bank = with_faults(&faults).await;
    let due = async || bank.link().await["schedule"].get("empty_list").clone();
    assert_ne!(due().await, Canonical::Null);
    let since = ["resources", "TRANSACTIONS", "miscount", "since"];
    let long_ago = aws_sdk_dynamodb::types::AttributeValue::S("2020-01-01T00:00:00Z".to_owned());
    bank.set_on_link(&since, long_ago).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(due().await, Canonical::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_whose_count_never_agrees_ends_as_well() {
    let bank = with_faults(&json!({})).await;
    let faults = of("/api/transactions/", &json!({"count_lies": 3}));
    bank.faults(&faults).await;
    let today: jiff::civil::Date = bank.today().await.parse().unwrap();
    let tomorrow = today.tomorrow().unwrap().to_string();
    // An earlier job has begun to read it in chunks.
    let run = [
        ("mode", "full"),
        ("started_at", "2026-11-23T00:00:00Z"),
        ("cursor", tomorrow.as_str()),
    ];
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let mut members: std::collections::HashMap<_, _> = run
        .iter()
        .map(|(name, value)| ((*name).to_owned(), text(value)))
        .collect();
    let size = aws_sdk_dynamodb::types::AttributeValue::N("700".to_owned());
    members.insert("chunk_size".to_owned(), size);
    let run = aws_sdk_dynamodb::types::AttributeValue::M(members);
    bank.set_on_link(&["resources", "TRANSACTIONS", "run"], run)
        .await;
    let old = bank.by_date().await[0].clone();
    bank.control("changes", &json!({"delete": [old]})).await;
    bank.world.settle().await;
    bank.news_of_bills().await;
    bank.assert_complete().await;
    let link = bank.answer_of_counts().await;
    let transactions = &link["resources"]["transactions"];
    assert_eq!(transactions["state"], "partial", "{transactions}");
    assert!(!bank.link().await.contains_key("last_error"));
}
