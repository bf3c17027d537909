//! Links that vanish or are renewed, and the webhooks about their status.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, codes, error};

const LISTS: [&str; 6] = [
    "owners",
    "accounts",
    "transactions",
    "bills",
    "br/investments",
    "br/investment-transactions",
];

#[tokio::test]
async fn a_wipe_removes_all_links_without_a_webhook() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    bench.take_webhooks();
    assert_eq!(bench.control("wipe", json!({})).await["wiped"], 1);
    assert_eq!(
        bench.get(&format!("/api/links/{link}/")).await.status(),
        404
    );
    assert_eq!(bench.json("/api/links/").await["count"], 0);
    for list in LISTS {
        let body = bench.json(&format!("/api/{list}/?link={link}")).await;
        assert_eq!(body["count"], 0, "{list}");
    }
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 0);
}

#[tokio::test]
async fn a_link_that_is_gone_is_not_found_until_it_is_back() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    let other = bench.link(3).await;
    let truth = bench.truth(&link).await;
    bench
        .control(&format!("links/{link}/gone"), json!({ "gone": true }))
        .await;
    let path = format!("/api/links/{link}/");
    assert_eq!(error(bench.get(&path).await).await.1, "not_found");
    assert_eq!(
        bench.request(Method::DELETE, &path, None).await.status(),
        404
    );
    let refresh = bench
        .request(Method::POST, &format!("{path}refresh/"), None)
        .await;
    assert_eq!(refresh.status(), 404);
    for list in LISTS {
        let body = bench.json(&format!("/api/{list}/?link={link}")).await;
        assert_eq!(body["count"], 0, "{list}");
    }
    for (list, kind) in [("owners", "owners"), ("transactions", "transactions")] {
        let id = truth[kind][0]["id"].as_str().unwrap();
        assert_eq!(bench.get(&format!("/api/{list}/{id}/")).await.status(), 404);
    }
    let links = bench.json("/api/links/").await;
    assert_eq!(
        (&links["count"], &links["results"][0]["id"]),
        (&json!(1), &json!(other))
    );
    let consent = truth["consent"]["id"].as_str().unwrap();
    assert_eq!(
        bench
            .get(&format!("/api/consents/{consent}/"))
            .await
            .status(),
        404
    );
    bench
        .control(&format!("links/{link}/gone"), json!({ "gone": false }))
        .await;
    assert_eq!(bench.get(&path).await.status(), 200);
    assert_eq!(bench.truth(&link).await, truth);
}

#[tokio::test]
async fn a_consent_is_renewed_on_the_same_link() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    let consent = bench.truth(&link).await["consent"]["id"].clone();
    bench
        .control(&format!("links/{link}/consent"), json!({ "expire": true }))
        .await;
    bench
        .control(
            &format!("links/{link}/status"),
            json!({ "status": "invalid" }),
        )
        .await;
    bench.settle().await;
    bench.take_webhooks();
    bench.control("clock", json!({ "advance": "30d" })).await;
    let renewed = bench
        .control(&format!("links/{link}/renew"), json!({ "new_link": false }))
        .await;
    assert_eq!(renewed, json!({ "link_id": link, "consent_id": consent }));
    let truth = bench.truth(&link).await;
    assert_eq!(truth["consent"]["status"], "AUTHORISED");
    assert_eq!(truth["link"]["status"], "valid");
    assert_eq!(
        truth["consent"]["expired_at"].as_str().unwrap()[..10],
        *"2027-12-21"
    );
    bench.settle().await;
    let bodies = bench.take_webhooks();
    assert_eq!(bodies.len(), 7);
    assert_eq!(
        bodies[0]["webhook_code"],
        "openfinance_consent_expiration_changed"
    );
    assert_eq!(codes(&bodies[1..]), ["historical_update"; 6]);
    let wish = json!({ "new_link": false, "new_consent": true, "webhooks": false });
    let renewed = bench.control(&format!("links/{link}/renew"), wish).await;
    assert_ne!(renewed["consent_id"], consent);
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 0);
}

#[tokio::test]
async fn a_consent_is_renewed_as_a_new_link_of_the_same_person() {
    let bench = Bench::new().await;
    let old = bench.connect().await;
    bench.take_webhooks();
    bench.control("clock", json!({ "advance": "30d" })).await;
    let renewed = bench
        .control(&format!("links/{old}/renew"), json!({ "new_link": true }))
        .await;
    bench.settle().await;
    let new = renewed["link_id"].as_str().unwrap();
    let (before, after) = (bench.truth(&old).await, bench.truth(new).await);
    assert_ne!(new, old);
    assert_eq!(after["link"]["external_id"], Value::Null);
    assert_eq!(after["consent"]["id"], renewed["consent_id"]);
    assert_ne!(after["consent"]["id"], before["consent"]["id"]);
    for field in ["institution_user_id", "institution"] {
        assert_eq!(after["link"][field], before["link"][field]);
    }
    assert_eq!(
        after["owners"][0]["document_id"],
        before["owners"][0]["document_id"]
    );
    assert_ne!(after["owners"][0]["id"], before["owners"][0]["id"]);
    let bodies = bench.take_webhooks();
    assert_eq!(codes(&bodies), ["historical_update"; 6]);
    assert!(
        bodies
            .iter()
            .all(|body| body["link_id"] == new && body["external_id"].is_null())
    );
    let wish = json!({ "new_link": true, "external_id": "user-1", "webhooks": false });
    let named = bench.control(&format!("links/{old}/renew"), wish).await;
    let named = bench.truth(named["link_id"].as_str().unwrap()).await;
    assert_eq!(named["link"]["external_id"], "user-1");
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 0);
}

#[tokio::test]
async fn a_status_that_needs_the_user_sends_a_webhook() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    for (status, code, error_code, http) in [
        ("invalid", "invalid_credentials", "login_error", 400),
        ("token_required", "token_required", "token_required", 428),
    ] {
        bench.take_webhooks();
        bench
            .control(&format!("links/{link}/status"), json!({ "status": status }))
            .await;
        bench.settle().await;
        assert_eq!(bench.truth(&link).await["link"]["status"], status);
        let bodies = bench.take_webhooks();
        assert_eq!(codes(&bodies), [code]);
        assert_eq!(bodies[0]["webhook_type"], "LINK");
        let data = &bodies[0]["data"];
        assert_eq!(
            (&data["error_code"], &data["status"]),
            (&json!(error_code), &json!(http))
        );
        assert!(data["error_message"].is_string());
    }
    bench
        .control(
            &format!("links/{link}/status"),
            json!({ "status": "valid" }),
        )
        .await;
    let failed = json!({
        "webhook_type": "TRANSACTIONS",
        "webhook_code": "historical_update",
        "link_id": link,
        "data": { "errors": [{ "code": "institution_down", "message": "…" }] },
    });
    bench.take_webhooks();
    bench
        .control(&format!("links/{link}/webhook"), failed.clone())
        .await;
    bench.settle().await;
    assert_eq!(bench.take_webhooks(), [failed]);
}

#[tokio::test]
async fn last_accessed_at_can_change_without_a_webhook() {
    let bench = Bench::new().await;
    let link = bench.link(3).await;
    let read =
        async || bench.json(&format!("/api/links/{link}/")).await["last_accessed_at"].clone();
    let path = format!("links/{link}/access");
    bench
        .control(&path, json!({ "at": "2026-11-25T10:00:00Z" }))
        .await;
    assert_eq!(read().await, "2026-11-25T10:00:00.000Z");
    bench
        .control(
            "clock",
            json!({ "set": "2026-11-26T10:00:00Z", "freeze": true }),
        )
        .await;
    bench.control(&path, json!({})).await;
    assert_eq!(read().await, "2026-11-26T10:00:00.000Z");
    bench
        .control(
            &format!("links/{link}/changes"),
            json!({ "add": 2, "webhooks": false }),
        )
        .await;
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 0);
}
