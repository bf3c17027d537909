//! Webhooks: bodies, order, and retries.

use serde_json::{Value, json};

use crate::bench::{AUTHORIZATION, Bench, token_request};

#[tokio::test]
async fn a_connection_is_followed_by_one_true_webhook_per_resource_in_order() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    let headers: Vec<_> = {
        let received = bench.received.webhooks.lock().unwrap();
        received
            .iter()
            .map(|(headers, _)| headers.clone())
            .collect()
    };
    for headers in headers {
        assert_eq!(headers["authorization"], AUTHORIZATION);
        assert_eq!(headers["content-type"], "application/json");
    }
    let bodies = bench.take_webhooks();
    let kinds: Vec<&str> = bodies
        .iter()
        .map(|body| body["webhook_type"].as_str().unwrap())
        .collect();
    let order = [
        "OWNERS",
        "ACCOUNTS",
        "TRANSACTIONS",
        "BILLS",
        "INVESTMENTS",
        "INVESTMENT_TRANSACTIONS",
    ];
    assert_eq!(kinds, order);
    let truth = bench.truth(&link).await;
    for (body, kind) in bodies.iter().zip([
        "owners",
        "accounts",
        "transactions",
        "bills",
        "investments",
        "investment_transactions",
    ]) {
        assert_eq!(body["link_id"], link.as_str());
        assert_eq!(body["external_id"], "user-1");
        assert_eq!(
            (&body["webhook_code"], &body["process_type"]),
            (&json!("historical_update"), &json!("historical_update"))
        );
        assert_eq!(
            body["webhook_id"], bodies[0]["webhook_id"],
            "one id for all, as in Belvo's samples"
        );
        let total = body["data"]
            .get(format!("total_{kind}"))
            .unwrap_or(&body["data"]["total_transactions"]);
        assert_eq!(total, truth[kind].as_array().unwrap().len(), "{kind}");
    }
    let rows = truth["transactions"].as_array().unwrap();
    let data = &bodies[2]["data"];
    let count = |direction: &str| rows.iter().filter(|row| row["type"] == direction).count();
    assert_eq!(data["total_inflow_transactions"], count("INFLOW"));
    assert_eq!(data["total_outflow_transactions"], count("OUTFLOW"));
    let days = rows.iter().map(|row| row["value_date"].as_str().unwrap());
    assert_eq!(data["first_transaction_date"], days.clone().min().unwrap());
    assert_eq!(data["last_transaction_date"], days.max().unwrap());
}

#[tokio::test]
async fn only_requested_resources_are_announced_and_readable() {
    let bench = Bench::new().await;
    let mut request = token_request();
    request["fetch_resources"] = json!(["OWNERS", "BILLS"]);
    let access_token = bench.mint(&request).await;
    let connected = bench
        .control(
            "connect",
            json!({ "access_token": access_token, "external_id": "user-1" }),
        )
        .await;
    bench.settle().await;
    let kinds: Vec<Value> = bench
        .take_webhooks()
        .iter()
        .map(|body| body["webhook_type"].clone())
        .collect();
    assert_eq!(kinds, ["OWNERS", "BILLS"]);
    let link = connected["link_id"].as_str().unwrap();
    assert_eq!(
        bench.json(&format!("/api/bills/?link={link}")).await["count"],
        12
    );
    assert_eq!(
        bench.json(&format!("/api/transactions/?link={link}")).await["count"],
        0
    );
}

#[tokio::test]
async fn anything_but_200_is_tried_again_three_times() {
    let bench = Bench::new().await;
    bench.faults(json!({ "webhooks": { "retry_ms": 1 } })).await;
    bench.received.answers.lock().unwrap().extend([500, 204]);
    bench.control("webhook", json!({ "hello": 1 })).await;
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 3);
    bench.received.answers.lock().unwrap().extend([503; 4]);
    bench.control("webhook", json!({ "hello": 2 })).await;
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 4);
    let log = bench.json("/_sandbox/webhooks").await;
    assert_eq!(
        log[0],
        json!({ "body": { "hello": 1 }, "attempts": 3, "status": "delivered", "http_status": 200 })
    );
    assert_eq!(
        log[1],
        json!({ "body": { "hello": 2 }, "attempts": 4, "status": "failed", "http_status": 503 })
    );
}

#[tokio::test]
async fn held_webhooks_wait_for_their_release() {
    let bench = Bench::new().await;
    bench.faults(json!({ "webhooks": { "hold": true } })).await;
    bench.connect().await;
    assert_eq!(bench.take_webhooks().len(), 0);
    assert_eq!(bench.json("/_sandbox/webhooks").await[0]["status"], "held");
    let released = bench.control("webhooks/release", json!({})).await;
    assert_eq!(released["released"], 6);
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 6);
}

#[tokio::test]
async fn webhooks_can_be_lost_repeated_reordered_late_and_nameless() {
    let bench = Bench::new().await;
    bench.faults(json!({ "webhooks": { "lose": 2 } })).await;
    bench.connect().await;
    let kinds: Vec<Value> = bench
        .take_webhooks()
        .iter()
        .map(|body| body["webhook_type"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "TRANSACTIONS",
            "BILLS",
            "INVESTMENTS",
            "INVESTMENT_TRANSACTIONS"
        ]
    );
    bench.faults(json!({ "webhooks": { "repeat": 1, "reorder": true, "late_ms": 1, "external_id_null": true } })).await;
    bench.connect().await;
    let bodies = bench.take_webhooks();
    assert_eq!(bodies.len(), 12);
    assert_eq!((&bodies[0], &bodies[10]), (&bodies[1], &bodies[11]));
    assert_eq!(bodies[0]["webhook_type"], "INVESTMENT_TRANSACTIONS");
    assert_eq!(bodies[11]["webhook_type"], "OWNERS");
    assert!(bodies.iter().all(|body| body["external_id"].is_null()));
}

#[tokio::test]
async fn without_a_target_nothing_is_sent_and_nothing_waits() {
    let bench = Bench::new().await;
    bench.sandbox.set_webhook(None);
    bench.connect().await;
    assert_eq!(bench.take_webhooks().len(), 0);
    assert_eq!(
        bench.json("/_sandbox/webhooks").await[0]["status"],
        "no_target"
    );
}

#[tokio::test]
async fn data_that_is_still_loading_is_empty_and_unannounced() {
    let bench = Bench::new().await;
    bench.faults(json!({ "loading": true })).await;
    let link = bench.connect().await;
    for path in [
        "owners",
        "accounts",
        "transactions",
        "bills",
        "br/investments",
    ] {
        assert_eq!(
            bench.json(&format!("/api/{path}/?link={link}")).await["count"],
            0,
            "{path}"
        );
    }
    assert_eq!(bench.take_webhooks().len(), 0);
    bench.faults(json!({})).await;
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 6);
    assert_eq!(
        bench.json(&format!("/api/transactions/?link={link}")).await["count"],
        2_300
    );
}
