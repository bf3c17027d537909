//! Refreshes, consents, deletion, and the clock.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, ID, PASSWORD, codes, error, parts};

#[tokio::test]
async fn a_refresh_is_announced_under_its_id_and_cools_down_for_ten_minutes() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    bench.take_webhooks();
    let path = format!("/api/links/{link}/refresh/");
    let (status, body) = parts(bench.request(Method::POST, &path, Some(json!({}))).await).await;
    assert_eq!(status, 202);
    assert_eq!(body["request_id"].as_str().unwrap().len(), 32);
    bench.settle().await;
    let bodies = bench.take_webhooks();
    assert_eq!(codes(&bodies), ["historical_update"; 6]);
    assert!(
        bodies
            .iter()
            .all(|webhook| webhook["request_id"] == body["request_id"])
    );
    let again = bench.request(Method::POST, &path, None).await;
    assert_eq!(
        error(again).await,
        (409, "link_refreshed".into(), "".into())
    );
    bench.control("clock", json!({ "advance": "10m" })).await;
    let only = json!({ "fetch_resources": ["BILLS"] });
    assert_eq!(
        bench
            .request(Method::POST, &path, Some(only))
            .await
            .status(),
        202
    );
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 1);
}

#[tokio::test]
async fn consent_events_carry_no_external_id() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    bench.take_webhooks();
    let check = async |wish: Value, code: &str, status: &str| {
        bench.control(&format!("links/{link}/consent"), wish).await;
        bench.settle().await;
        let bodies = bench.take_webhooks();
        assert_eq!(codes(&bodies), [code]);
        assert_eq!(bodies[0]["external_id"], Value::Null);
        let truth = bench.truth(&link).await;
        assert_eq!(bodies[0]["data"]["consent_id"], truth["consent"]["id"]);
        assert_eq!(truth["consent"]["status"], status, "{code}");
        bodies[0]["data"]["consent_due_date"].clone()
    };
    let due = check(
        json!({ "about_to_expire": true }),
        "openfinance_consent_about_to_expire",
        "AUTHORISED",
    )
    .await;
    assert!(due.is_string());
    check(
        json!({ "unrecoverable": true }),
        "openfinance_consent_with_unrecoverable_resources",
        "AUTHORISED",
    )
    .await;
    check(
        json!({ "expired_at": "2099-01-01T00:00:00Z" }),
        "openfinance_consent_expiration_changed",
        "AUTHORISED",
    )
    .await;
    check(
        json!({ "expire": true }),
        "openfinance_consent_expired",
        "EXPIRED",
    )
    .await;
}

#[tokio::test]
async fn a_consent_expires_when_its_time_has_come() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    bench.take_webhooks();
    bench.control("clock", json!({ "advance": "365d" })).await;
    assert_eq!(bench.truth(&link).await["consent"]["status"], "AUTHORISED");
    bench.control("clock", json!({ "advance": "P1D" })).await;
    bench.settle().await;
    assert_eq!(bench.truth(&link).await["consent"]["status"], "EXPIRED");
    assert_eq!(
        codes(&bench.take_webhooks()),
        ["openfinance_consent_expired"]
    );
}

#[tokio::test]
async fn a_link_can_need_the_user() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    bench
        .control(
            &format!("links/{link}/status"),
            json!({ "status": "invalid" }),
        )
        .await;
    bench.settle().await;
    assert_eq!(codes(&bench.take_webhooks()), ["invalid_credentials"]);
    assert_eq!(
        bench.json(&format!("/api/links/{link}/")).await["status"],
        "invalid"
    );
    let answer = bench
        .request(Method::POST, &format!("/api/links/{link}/refresh/"), None)
        .await;
    assert_eq!(error(answer).await.1, "invalid_link");
}

#[tokio::test]
async fn five_links_a_minute_can_be_deleted_at_once_and_any_number_asynchronously() {
    let bench = Bench::new().await;
    for number in 1..=6 {
        let link = bench.link(1).await;
        let answer = bench
            .request(Method::DELETE, &format!("/api/links/{link}/"), None)
            .await;
        assert_eq!(answer.status(), if number <= 5 { 204 } else { 429 });
    }
    let link = bench.link(1).await;
    let path = format!("/api/links/{link}/");
    let request = bench
        .anonymous(Method::DELETE, &path)
        .basic_auth(ID, Some(PASSWORD));
    let (status, body) = parts(
        request
            .header("X-Belvo-Request-Mode", "async")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, 202);
    bench.settle().await;
    let bodies = bench.take_webhooks();
    assert_eq!(codes(&bodies), ["link_deleted"]);
    assert_eq!(bodies[0]["request_id"], body["request_id"]);
    assert_eq!(bench.get(&path).await.status(), 404);
    assert_eq!(
        bench.json(&format!("/api/transactions/?link={link}")).await["count"],
        0
    );
}

#[tokio::test]
async fn a_link_can_be_made_single() {
    let bench = Bench::new().await;
    let link = bench.link(1).await;
    let path = format!("/api/links/{link}/");
    let body = json!({ "access_mode": "single", "stale_in": "90d" });
    let (status, changed) = parts(bench.request(Method::PATCH, &path, Some(body)).await).await;
    assert_eq!(status, 200);
    assert_eq!(
        (
            &changed["access_mode"],
            &changed["refresh_rate"],
            &changed["stale_in"]
        ),
        (&json!("single"), &Value::Null, &json!("90d"))
    );
    let wrong = bench
        .request(
            Method::PATCH,
            &path,
            Some(json!({ "access_mode": "often" })),
        )
        .await;
    assert_eq!(error(wrong).await.1, "invalid_choice");
}
