//! Answers that are compressed: asked for, unasked, and not as they say.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn compressed_answers_are_asked_for_and_read() {
    for encoding in ["gzip", "deflate"] {
        let world = World::start().await;
        let fault = json!({"encoding": encoding});
        world.sandbox("faults", &fault).await;
        let bank = Bank::connected_in(world).await;
        bank.assert_complete().await;
        let requests = bank.world.ask_sandbox("requests").await;
        let requests: Vec<Value> = serde_json::from_str(&requests).unwrap();
        for request in requests {
            let accepted = request["accept_encoding"].as_str().unwrap_or_default();
            assert!(accepted.contains(encoding), "{request}");
        }
    }
}

/// The bomb's body is good JSON as far as it goes: only its size refuses it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_compressed_as_it_says_is_an_outage() {
    let bank = Bank::connected().await;
    let before = bank.stored("BILLS").await;
    for encoding in ["half_gzip", "false_gzip", "gzip_bomb", "unknown"] {
        bank.faults(&json!({"path": "/api/bills/", "encoding": encoding}))
            .await;
        bank.news_of_bills().await;
        let link = bank.link().await;
        let last_error = &link["last_error"];
        assert_eq!(last_error.get("code").text(), "no_answer", "{encoding}");
        assert_eq!(bank.stored("BILLS").await, before, "{encoding}");

        bank.faults(&json!({})).await;
        bank.world.let_time_pass(bank.link_id()).await;
        assert!(!bank.link().await.contains_key("last_error"), "{encoding}");
        bank.assert_complete().await;
    }
}
