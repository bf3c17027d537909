//! Equal counts are not equal sets: changes outside the last days that leave the number of rows as
//! it was. Each is seen with the webhook that tells of it.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::{World, failures, record_sent};

/// A bank with so many transactions.
async fn with_rows(transactions: u32) -> Bank {
    let world = World::with(&[("BelvoRequestsPer30Seconds", "10000")]).await;
    Bank::connected_with(world, json!({"transactions": transactions})).await
}

impl Bank {
    /// The first of Belvo's transactions dated on this day or after it.
    async fn row_of(&self, day: &str) -> Value {
        let truth = self.truth().await;
        let rows = truth["transactions"].as_array().unwrap().iter();
        let from = rows.filter(|it| it["value_date"].as_str() >= Some(day));
        let first = from.min_by_key(|it| it["value_date"].as_str());
        first.unwrap().clone()
    }

    /// So many days before Belvo's today.
    async fn days_ago(&self, days: i32) -> String {
        let today: jiff::civil::Date = self.today().await.parse().unwrap();
        let span = jiff::Span::new().days(days);
        today.checked_sub(span).unwrap().to_string()
    }

    async fn change_silently(&self, changes: Value) {
        let mut changes = changes;
        changes["webhooks"] = json!(false);
        self.control("changes", &changes).await;
    }

    async fn announce_new(&self, data: Value) {
        self.announce("TRANSACTIONS", "new_transactions_available", data)
            .await;
        // Bills are sums of transactions, and Belvo has not announced those.
        self.news_of_bills().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_row_that_goes_and_a_backdated_one_that_comes_are_seen_with_the_webhook() {
    for data in [json!({"new_transactions": 1}), json!({})] {
        let bank = Bank::connected().await;
        let (gone, come) = (bank.days_ago(200).await, bank.days_ago(90).await);
        let gone = bank.row_of(&gone).await["id"].clone();
        let changes = json!({"delete": [gone], "add": [{"value_date": come}]});
        bank.change_silently(changes).await;
        bank.announce_new(data).await;
        bank.assert_complete().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_row_of_two_weeks_ago_that_settles_under_a_new_id_is_seen_with_the_webhook() {
    let bank = Bank::connected().await;
    let today = bank.today().await;
    let row = bank.row_of(&bank.days_ago(16).await).await;
    let pending = json!({"update": [{"id": row["id"], "status": "PENDING"}]});
    bank.control("changes", &pending).await;
    bank.world.settle().await;
    bank.assert_complete().await;

    let settled = json!({"value_date": row["value_date"], "status": "PROCESSED"});
    let changes = json!({
        "delete": [row["id"]], "add": [settled, {"value_date": today}],
    });
    bank.change_silently(changes).await;
    // One of the two is of today, and one of two weeks ago.
    bank.announce_new(json!({"new_transactions": 2})).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_row_that_is_edited_in_place_is_seen_with_the_webhook_however_long_the_statement() {
    let bank = with_rows(5_400).await;
    let old = bank.row_of(&bank.days_ago(300).await).await["id"].clone();
    let update = json!({"update": [{"id": old, "description": "corrigido"}]});
    bank.control("changes", &update).await;
    bank.world.settle().await;
    bank.news_of_bills().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_two_webhooks_announced_are_looked_for_though_one_read_covers_both() {
    let bank = Bank::connected().await;
    let (today, old) = (bank.today().await, bank.days_ago(200).await);
    let gone = bank.row_of(&old).await["id"].clone();
    let changes = json!({
        "delete": [gone],
        "add": [{"value_date": today}, {"value_date": bank.days_ago(90).await}],
    });
    bank.change_silently(changes).await;
    let webhook = |request: &str| {
        json!({
            "job": "webhook_received.v1",
            "link_id": bank.link_id(),
            "event": {
                "link_id": bank.link_id(), "event": "resource_changed",
                "resource": "TRANSACTIONS", "request_id": request,
                "totals": {"new_rows": 1},
            },
        })
    };
    let sent = jiff::Timestamp::now().as_millisecond().to_string();
    let link = bank.link_id();
    let records = json!({"Records": [
        record_sent("1", link, &webhook("4363b08b-51eb-4350-9c74-5df5ac92a7f6"), &sent),
        record_sent("2", link, &webhook("59e2d1a0-7c3f-4f70-8d1e-6a2b9c0d4e5f"), &sent),
    ]});
    let answer = bank.world.stack.invoke("fetcher", records).await;
    assert_eq!(failures(&answer.unwrap()), Vec::<String>::new());
    bank.news_of_bills().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_costs_no_more_requests_whole_than_in_part_is_read_whole() {
    // Two pages, and the last days with the number of all rows are two requests as well.
    let bank = with_rows(1_900).await;
    let old = bank.row_of(&bank.days_ago(300).await).await["id"].clone();
    let edited = json!({"update": [{"id": old, "observations": "corrigido"}]});
    bank.change_silently(edited).await;
    bank.forget_requests().await;
    bank.announce(
        "TRANSACTIONS",
        "new_transactions_available",
        json!({"new_transactions": 0}),
    )
    .await;
    assert_eq!(bank.transaction_lists().await, [false, false]);
    bank.assert_complete().await;

    // Three pages either way, because most rows are of the last days.
    let today = bank.today().await;
    let recent: Vec<Value> = (0..1_000).map(|_| json!({"value_date": today})).collect();
    bank.control("changes", &json!({"add": recent})).await;
    bank.world.settle().await;
    let edited = json!({"update": [{"id": old, "observations": "de novo"}]});
    bank.change_silently(edited).await;
    bank.forget_requests().await;
    bank.announce(
        "TRANSACTIONS",
        "new_transactions_available",
        json!({"new_transactions": 0}),
    )
    .await;
    assert_eq!(bank.transaction_lists().await, [false, false, false]);
    bank.news_of_bills().await;
    bank.assert_complete().await;
}

impl Bank {
    /// The requests for lists of transactions: whether each was for some days.
    async fn transaction_lists(&self) -> Vec<bool> {
        let requests = self.requests().await;
        let lists = requests
            .iter()
            .filter(|it| it.starts_with("/api/transactions/?"));
        lists.map(|it| it.contains("value_date__gte")).collect()
    }
}
