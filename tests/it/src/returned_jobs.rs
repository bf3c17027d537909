//! Jobs that come back, and links that have nothing in common: none waits for another.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;

/// Far more than any wait here takes.
const LIMIT: Duration = Duration::from_secs(120);

/// Waits until the log says what is waited for.
async fn logged(world: &World, what: &str, is_there: impl Fn(&[String]) -> bool) {
    let found = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while !is_there(&world.stack.logs()) {
            looks.tick().await;
        }
    };
    let found = tokio::time::timeout(LIMIT, found).await;
    assert!(found.is_ok(), "{what} is not logged");
}

fn webhook(link_id: &str, kind: &str) -> Value {
    json!({"webhook_type": kind, "webhook_code": "historical_update", "link_id": link_id})
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_read_soon_after_an_outage_of_the_tables() {
    let bank = Bank::connected().await;
    let (world, link_id) = (&bank.world, bank.link_id());
    bank.control("changes", &json!({"add": 3, "webhooks": false}))
        .await;
    world.stack.fail_tables(true);
    world.post_webhook(&webhook(link_id, "TRANSACTIONS")).await;
    let failed = |logs: &[String]| logs.iter().any(|it| it.contains("job failed"));
    logged(world, "the failed job", failed).await;
    // These come behind it.
    for kind in ["TRANSACTIONS", "ACCOUNTS"] {
        world.post_webhook(&webhook(link_id, kind)).await;
    }
    world.stack.fail_tables(false);
    world.stack.settle().await.unwrap();
    bank.assert_complete().await;
}
