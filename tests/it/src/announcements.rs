//! What Belvo announces, and whether the rows agree with it: `total_…` numbers are of the whole
//! resource, `new_…` numbers are not.

use serde_json::{Value, json};

use crate::bank::Bank;

impl Bank {
    /// What the API says of a resource: rows, announced rows, and whether they agree.
    async fn rows_and_verdict(&self, resource: &str) -> Value {
        let path = format!("/links/{}", self.link_id());
        let link = self.world.get(&self.user, &path).await;
        let link: Value = link.json().await.unwrap();
        let shown = &link["resources"][resource];
        json!([
            shown["rows"],
            shown["announced_rows"],
            shown["completeness"]
        ])
    }

    async fn rows_at_belvo(&self, resource: &str) -> usize {
        self.truth().await[resource].as_array().unwrap().len()
    }

    /// Every resource has as many rows as Belvo says, and shows it.
    async fn assert_agrees(&self, when: &str) {
        for resource in ["accounts", "transactions", "bills", "owners"] {
            let rows = self.rows_at_belvo(resource).await;
            let shown = self.rows_and_verdict(resource).await;
            assert_eq!(shown, json!([rows, rows, "agrees"]), "{resource} {when}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_is_right_after_every_webhook() {
    let bank = Bank::connected().await;
    bank.assert_agrees("after the first read").await;
    for (changes, when) in [
        (json!({"add": 3}), "after new rows"),
        (json!({"update": 4}), "after changed rows"),
        (json!({"delete": 2}), "after removed rows"),
        (
            json!({"add": 6, "update": 2, "delete": 1}),
            "after all of these",
        ),
    ] {
        bank.control("changes", &changes).await;
        bank.world.settle().await;
        bank.assert_agrees(when).await;
    }
    let bill = json!({"resource": "bills", "add": 1});
    bank.control("objects", &bill).await;
    bank.world.settle().await;
    bank.assert_agrees("after a new bill").await;

    // A webhook that Belvo sends twice announces nothing more.
    let today = bank.today().await;
    let row = json!({"add": [{"value_date": today}], "webhooks": false});
    bank.control("changes", &row).await;
    for _ in 0..2 {
        let one = json!({"new_transactions": 1});
        bank.announce("TRANSACTIONS", "new_transactions_available", one)
            .await;
        bank.assert_agrees("after the same webhook").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_are_announced_on_top_of_the_others_until_they_are_read() {
    let bank = Bank::connected().await;
    let rows = bank.rows_at_belvo("transactions").await;
    let throttled = json!({"status_429": true, "path": "/api/transactions/"});
    bank.faults(&throttled).await;
    bank.control("changes", &json!({"add": 3})).await;
    bank.world.settle().await;
    let announced = json!([rows, rows + 3, "unknown"]);
    assert_eq!(bank.rows_and_verdict("transactions").await, announced);

    bank.faults(&json!({})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    bank.assert_agrees("after the read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_does_not_come_differs_until_belvo_says_something_else() {
    let bank = Bank::connected().await;
    let rows = bank.rows_at_belvo("transactions").await;
    let total = json!({"total_transactions": rows + 7});
    bank.announce("TRANSACTIONS", "historical_update", total)
        .await;
    let differs = json!([rows, rows + 7, "differs"]);
    assert_eq!(bank.rows_and_verdict("transactions").await, differs);

    let today = bank.today().await;
    let changes = json!({"add": [{"value_date": today}]});
    bank.control("changes", &changes).await;
    bank.world.settle().await;
    bank.assert_agrees("after the next webhook").await;
}
