//! Webhooks that say the same again and again, and the webhook log once more: what they cost, and
//! that nothing is missed for it.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::{OTHER_CPF, RESOURCES, World};

impl Bank {
    /// Belvo calls the webhook a thousand times. Gives how many reads that may cost: five, and one for
    /// each minute that it takes longer than one.
    async fn thousand(&self, body: &Value) -> u64 {
        let began = Instant::now();
        let calls = futures::stream::iter(0..1000).map(|_| self.world.post_webhook(body));
        calls.buffer_unordered(25).collect::<Vec<_>>().await;
        // Each is an invocation of its own.
        let limit = Duration::from_secs(180);
        self.world.stack.settle_within(limit).await.unwrap();
        5 + began.elapsed().as_secs() / 60
    }

    /// Lets the time come for which reads were put off.
    async fn soon(&self) {
        let soon = Timestamp::now() + SignedDuration::from_mins(2);
        self.world.let_time_pass_until(self.link_id(), soon).await;
    }

    /// How often the list of a path was begun to be read.
    async fn reads(&self, path: &str) -> u64 {
        let requests = self.requests().await;
        let first = |it: &&String| {
            it.starts_with(path) && it.ends_with("&page=1") && !it.contains("page_size=1&")
        };
        requests.iter().filter(first).count() as u64
    }
}

fn list(kind: &str) -> String {
    let name = kind.to_lowercase().replace('_', "-");
    match kind.starts_with("INVESTMENT") {
        true => format!("/api/br/{name}/?"),
        false => format!("/api/{name}/?"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_equal_webhooks_cost_five_reads_and_the_last_one_is_not_missed() {
    let bank = Bank::connected().await;
    let body = json!({
        "webhook_type": "TRANSACTIONS", "webhook_code": "new_transactions_available",
        "link_id": bank.link_id(), "data": {"new_transactions": 1},
    });
    bank.forget_requests().await;
    let most = bank.thousand(&body).await;
    for kind in ["TRANSACTIONS", "ACCOUNTS"] {
        let reads = bank.reads(&list(kind)).await;
        assert!((1..=most).contains(&reads), "{kind}: {reads}");
    }

    // What came with the last one is read, though later.
    let today = bank.today().await;
    let changes = json!({"add": [{"value_date": today}], "webhooks": false});
    bank.control("changes", &changes).await;
    bank.world.post_webhook(&body).await;
    bank.world.settle().await;
    bank.soon().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_equal_webhooks_of_a_consent_cost_five_reads_of_it() {
    for code in [
        "openfinance_consent_expired",
        "openfinance_consent_never_heard_of",
    ] {
        let bank = Bank::connected().await;
        let body = json!({
            "webhook_type": "CONSENT", "webhook_code": code,
            "link_id": bank.link_id(), "data": {"consent_id": bank.connected.consent_id},
        });
        bank.forget_requests().await;
        let most = bank.thousand(&body).await;
        let reads = bank.reads("/api/consents/?").await;
        assert!((1..=most).contains(&reads), "{code}: {reads}");

        bank.faults(&json!({"webhooks": {"lose": true}})).await;
        bank.control("consent", &json!({"expire": true})).await;
        bank.world.post_webhook(&body).await;
        bank.world.settle().await;
        bank.soon().await;
        assert_eq!(bank.link().await["consent"].get("status").text(), "EXPIRED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_equal_webhooks_ask_five_times_what_the_user_has_mended() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"webhooks": {"lose": true}})).await;
    let expired = AttributeValue::S("EXPIRED".to_owned());
    bank.set_on_link(&["consent", "status"], expired).await;
    let refuse = json!({"fail_next": {
        "count": 10_000, "status": 403, "code": "permission_denied", "path": "/api/consents/",
    }});
    bank.faults(&refuse).await;
    let body = json!({
        "webhook_type": "TRANSACTIONS", "webhook_code": "new_transactions_available",
        "link_id": bank.link_id(), "data": {"new_transactions": 1},
    });
    bank.forget_requests().await;
    let most = bank.thousand(&body).await;
    let reads = bank.reads("/api/consents/?").await;
    assert!((1..=most).contains(&reads), "{reads}");

    bank.faults(&json!({})).await;
    bank.world.post_webhook(&body).await;
    bank.world.settle().await;
    bank.soon().await;
    let consent = bank.link().await["consent"].clone();
    assert_eq!(consent.get("status").text(), "AUTHORISED");
}

/// The owners of such a link are read to be compared.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_equal_webhooks_of_a_link_that_is_not_bound_cost_five_reads_of_it() {
    let world = World::start().await;
    let bank = Bank::connected_with(world, json!({"owner": OTHER_CPF})).await;
    assert_eq!(bank.link().await["status"].text(), "quarantined");
    let body = json!({
        "webhook_type": "OWNERS", "webhook_code": "historical_update",
        "link_id": bank.link_id(), "data": {"total_owners": 1},
    });
    bank.forget_requests().await;
    let most = bank.thousand(&body).await;
    let reads = bank.reads(&list("OWNERS")).await;
    assert!((1..=most).contains(&reads), "{reads}");

    bank.forget_requests().await;
    bank.soon().await;
    let reads = bank.reads(&list("OWNERS")).await;
    assert!(
        reads >= 1,
        "what came with the last one is read, though later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_asks_belvo_once_for_each_resource() {
    let bank = Bank::connected().await;
    bank.control("changes", &json!({"add": 3, "update": 2, "delete": 2}))
        .await;
    bank.world.settle().await;
    bank.announce("BILLS", "new_bills_available", json!({}))
        .await;
    let limit = json!({"errors": [{"code": "operational_limits_reached"}]});
    bank.announce("ACCOUNTS", "new_accounts_available", limit)
        .await;
    bank.all_news().await;
    bank.forget_requests().await;
    let replay = json!({"sweep": "replay", "link_id": bank.link_id()});
    bank.world.stack.invoke("sweeper", replay).await.unwrap();
    bank.world.settle().await;
    for (kind, _) in RESOURCES {
        assert_eq!(bank.reads(&list(kind)).await, 1, "{kind}");
    }
    let link = bank.link().await;
    assert!(
        !link.contains_key("limited_until"),
        "that was told of before"
    );
    bank.assert_complete().await;
}
