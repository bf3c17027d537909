//! Requests that the API refuses, as Belvo does.

use reqwest::Method;
use serde_json::json;

use crate::bench::{Bench, PASSWORD, error};

#[tokio::test]
async fn a_path_without_its_slash_is_not_found_and_remembered() {
    let bench = Bench::new().await;
    for path in [
        "/api/links",
        "/api/token",
        "/api/investments/",
        "/api/br/balances/",
    ] {
        let (status, code, _) = error(bench.get(path).await).await;
        assert_eq!((status, code.as_str()), (404, "not_found"), "{path}");
    }
    let unknown = bench.json("/_sandbox/unknown").await;
    assert_eq!(unknown["GET /api/links"], 1);
    assert_eq!(unknown["GET /api/investments/"], 1);
}

#[tokio::test]
async fn every_list_needs_the_keys() {
    let bench = Bench::new().await;
    for path in [
        "/api/links/",
        "/api/consents/",
        "/api/owners/",
        "/api/br/investments/",
    ] {
        let without_keys = bench.anonymous(Method::GET, path).send().await.unwrap();
        assert_eq!(
            error(without_keys).await,
            (401, "authentication_failed".into(), "".into())
        );
        let wrong = bench
            .anonymous(Method::GET, path)
            .basic_auth("wrong", Some(PASSWORD));
        assert_eq!(error(wrong.send().await.unwrap()).await.0, 401);
    }
}

#[tokio::test]
async fn wrong_methods_are_refused_by_name() {
    let bench = Bench::new().await;
    let answer = bench
        .request(Method::POST, "/api/transactions/", Some(json!({})))
        .await;
    assert_eq!(error(answer).await.1, "method_not_allowed");
    let answer = bench.request(Method::GET, "/api/token/", None).await;
    assert_eq!(error(answer).await.0, 405);
}

#[tokio::test]
async fn every_error_has_belvos_form() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let unknown = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
    let large = json!({"x": "x".repeat(2 << 20)});
    for (method, path, body, expected) in [
        (Method::GET, "/api/nothing/".into(), None, 404),
        (Method::GET, "/api/links/%FF/".into(), None, 400),
        (Method::GET, "/api/links/mine/".into(), None, 404),
        (Method::GET, format!("/api/links/{unknown}/"), None, 404),
        (Method::GET, format!("/api/consents/{unknown}/"), None, 404),
        (Method::GET, format!("/api/bills/{unknown}/"), None, 404),
        (
            Method::GET,
            format!("/api/bills/?link={link}&page=9"),
            None,
            404,
        ),
        (
            Method::GET,
            format!("/api/bills/?link={link}&x=%FF"),
            None,
            400,
        ),
        (Method::DELETE, format!("/api/links/{unknown}/"), None, 404),
        (Method::PUT, format!("/api/links/{link}/"), None, 405),
        (Method::POST, "/api/token/".into(), Some(large), 413),
        (Method::POST, "/api/token/".into(), Some(json!([])), 400),
        (
            Method::POST,
            format!("/api/links/{unknown}/refresh/"),
            None,
            404,
        ),
    ] {
        let answer = bench.request(method.clone(), &path, body).await;
        let (status, code, _) = error(answer).await;
        assert_eq!(
            (status, code.is_empty()),
            (expected, false),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn lists_that_need_a_link_say_so() {
    let bench = Bench::new().await;
    for path in [
        "transactions",
        "bills",
        "br/investments",
        "br/investment-transactions",
    ] {
        let answer = bench.get(&format!("/api/{path}/")).await;
        assert_eq!(error(answer).await, (400, "required".into(), "link".into()));
    }
    let answer = bench.get("/api/consents/").await;
    assert_eq!(
        error(answer).await,
        (400, "required".into(), "user_document".into())
    );
    for path in ["owners", "accounts"] {
        assert_eq!(bench.get(&format!("/api/{path}/")).await.status(), 200);
    }
}

#[tokio::test]
async fn nonsense_in_a_query_is_refused() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let check = async |path: &str, query: &str, expected: &str| {
        let answer = bench
            .get(&format!("/api/{path}/?link={link}&{query}"))
            .await;
        let (status, code, _) = error(answer).await;
        assert_eq!((status, code.as_str()), (400, expected), "{path} {query}");
    };
    check("transactions", "pagesize=10", "validation_error").await;
    check(
        "transactions",
        "value_date__above=2026-01-01",
        "validation_error",
    )
    .await;
    check("transactions", "value_date__gte=yesterday", "invalid").await;
    check("transactions", "value_date__gte=2026-02-30", "invalid").await;
    check("transactions", "value_date__range=2026-01-01", "invalid").await;
    check(
        "transactions",
        "created_at__gte=2026-01-01T00:00:00Z",
        "invalid",
    )
    .await;
    check("transactions", "account=mine", "invalid").await;
    check("transactions", "page_size=0", "invalid").await;
    check("transactions", "page_size=-5", "invalid").await;
    check("transactions", "page_size=many", "invalid").await;
    check("transactions", "page=0", "invalid").await;
    check(
        "br/investment-transactions",
        "value_date__gte=2026-01-01",
        "validation_error",
    )
    .await;
    let answer = bench.get("/api/transactions/?link=mine").await;
    assert_eq!(error(answer).await.0, 400);
}

#[tokio::test]
async fn unknown_rows_links_and_pages_are_not_found() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let nothing = "6a1b3b46-5d2e-4f0b-9d53-0f0c2a6c8a11";
    for path in [
        "links",
        "consents",
        "owners",
        "accounts",
        "transactions",
        "bills",
        "br/investments",
    ] {
        let answer = bench.get(&format!("/api/{path}/{nothing}/")).await;
        assert_eq!(error(answer).await.1, "not_found", "{path}");
    }
    let answer = bench
        .get(&format!("/api/transactions/?link={link}&page=2"))
        .await;
    assert_eq!(error(answer).await.0, 404);
    let empty = bench
        .json(&format!("/api/transactions/?link={nothing}"))
        .await;
    assert_eq!(empty["count"], 0);
}

#[tokio::test]
async fn invalid_control_requests_are_refused_with_a_reason() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let check = async |path: &str, body: serde_json::Value, part: &str| {
        let path = format!("/_sandbox/{path}");
        let answer = bench.request(Method::POST, &path, Some(body)).await;
        assert!(answer.status().is_client_error(), "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(part), "{text}");
    };
    check("faults", json!({ "latency": 5 }), "latency").await;
    check("faults", json!({ "http_5xx": "often" }), "expected true").await;
    check("clock", json!({ "advance": "soon" }), "not a duration").await;
    check(
        "connect",
        json!({ "access_token": "x", "external_id": "u-1" }),
        "access token",
    )
    .await;
    check(
        "links",
        json!({ "institution": "ofnowhere_br_retail" }),
        "no institution",
    )
    .await;
    let changes = format!("links/{link}/changes");
    check(
        &changes,
        json!({ "delete": ["6a1b3b46-5d2e-4f0b-9d53-0f0c2a6c8a11"] }),
        "no transaction",
    )
    .await;
    check(
        &changes,
        json!({ "add": [{ "amount": "much" }] }),
        "not an amount",
    )
    .await;
    check(
        &changes,
        json!({ "update": [{ "amount": 1 }] }),
        "needs its id",
    )
    .await;
    check("nowhere", json!({}), "no such control route").await;
}
