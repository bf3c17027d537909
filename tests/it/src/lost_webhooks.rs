//! News of which no webhook told, or a webhook of something else. The comparison of links sees that
//! Belvo has reached the bank, and what was lost is made up for at once.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::bank::Bank;
use crate::world::{RESOURCES, failures, record_sent};

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(minutes)
}

fn text(moment: Timestamp) -> AttributeValue {
    AttributeValue::S(moment.to_string())
}

impl Bank {
    /// The last read of a resource was so long ago, and was in full.
    async fn was_read(&self, kind: &str, minutes: i64) {
        for member in [&["last_sync", "started_at"][..], &["last_full_sync"]] {
            let path = [&["resources", kind][..], member].concat();
            self.set_on_link(&path, text(ago(minutes))).await;
        }
    }

    /// The last webhook about it was sent so long ago.
    async fn was_announced(&self, kind: &str, minutes: i64) {
        let path = ["resources", kind, "announced_at"];
        self.set_on_link(&path, text(ago(minutes))).await;
    }

    /// Belvo has reached the bank so long ago.
    async fn was_reached(&self, minutes: i64) {
        let at = json!({"at": ago(minutes).to_string()});
        self.control("access", &at).await;
    }

    /// An old row is another one, and the number of rows is the same.
    async fn edit_old_row(&self) {
        let row = json!({"id": self.by_date().await[0], "description": "another"});
        let changes = json!({"update": [row], "webhooks": false});
        self.control("changes", &changes).await;
    }

    async fn is_compared(&self) {
        let walk = json!({"sweep": "links", "page": 1});
        let report = self.world.stack.invoke("sweeper", walk).await.unwrap();
        assert_eq!(report["enqueued"], 1);
        self.world.settle().await;
    }
}

const DAY: i64 = 24 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_historical_update_is_made_up_for_by_a_full_read() {
    let bank = Bank::connected().await;
    bank.edit_old_row().await;
    bank.was_reached(120).await;
    for (kind, _) in RESOURCES {
        bank.was_read(kind, DAY).await;
        bank.was_announced(kind, DAY + 1).await;
    }
    bank.is_compared().await;
    bank.assert_complete().await;
}

/// The webhook of the transactions came, and they were read in part. The bill is in an old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_bill_leads_to_a_read_of_its_transactions() {
    let bank = Bank::connected().await;
    let bill = json!({"resource": "bills", "add": 1, "webhooks": false});
    bank.control("objects", &bill).await;
    bank.edit_old_row().await;
    bank.was_reached(120).await;
    bank.was_read("BILLS", DAY).await;
    bank.was_announced("BILLS", DAY + 1).await;
    let full_sync = ["resources", "TRANSACTIONS", "last_full_sync"];
    bank.set_on_link(&full_sync, text(ago(DAY))).await;
    bank.is_compared().await;
    bank.assert_complete().await;
}

/// Belvo has read the bank for an earlier refresh, and then for another one, of which no webhook
/// came. The late webhook of the first one does not speak for the second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_webhook_of_an_earlier_refresh_hides_nothing_from_the_comparison() {
    let bank = Bank::connected().await;
    let word = |text: &str| AttributeValue::S(text.to_owned());
    let refresh = HashMap::from([
        (
            "id".to_owned(),
            word("0b9f2c39-5f0e-4d62-9a5e-2f6a3d3b8a11"),
        ),
        ("asked_at".to_owned(), text(ago(101))),
        ("accepted".to_owned(), AttributeValue::Bool(true)),
        (
            "request_id".to_owned(),
            word("b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"),
        ),
    ]);
    bank.set_on_link(&["refresh"], AttributeValue::M(refresh))
        .await;
    let job = json!({
        "job": "webhook_received.v1",
        "link_id": bank.link_id(),
        "event": {
            "link_id": bank.link_id(),
            "event": "historical_update",
            "resource": "TRANSACTIONS",
            "request_id": "a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1",
        },
    });
    bank.was_announced("TRANSACTIONS", DAY).await;
    bank.was_read("TRANSACTIONS", DAY).await;
    let covers_until = ["resources", "TRANSACTIONS", "last_sync", "covers_until"];
    bank.set_on_link(&covers_until, text(ago(DAY))).await;
    let sent = ago(99).as_millisecond().to_string();
    let records = json!({"Records": [record_sent("late", bank.link_id(), &job, &sent)]});
    let answer = bank.world.stack.invoke("fetcher", records).await.unwrap();
    assert_eq!(failures(&answer), Vec::<String>::new());

    bank.edit_old_row().await;
    bank.was_reached(100).await;
    bank.was_read("TRANSACTIONS", 98).await;
    bank.is_compared().await;
    bank.assert_complete().await;
}
