//! Each fault has its effect, and stops when it is lifted.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, error, parts};

#[tokio::test]
async fn answers_fail_as_often_as_asked() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let path = format!("/api/transactions/?link={link}");
    let check = async |faults: Value, expected: [u16; 3]| {
        bench.faults(faults.clone()).await;
        for status in expected {
            assert_eq!(bench.get(&path).await.status().as_u16(), status, "{faults}");
        }
    };
    check(json!({ "status_429": 2 }), [429, 429, 200]).await;
    check(json!({ "http_5xx": true }), [500, 500, 500]).await;
    check(json!({ "timeout_408": 1 }), [408, 200, 200]).await;
    check(json!({ "html_403": { "every": 2 } }), [200, 403, 200]).await;
    check(
        json!({ "http_5xx": true, "path": "owners" }),
        [200, 200, 200],
    )
    .await;
    check(
        json!({ "fail_next": { "count": 2, "status": 503 } }),
        [503, 503, 200],
    )
    .await;
    check(
        json!({ "fail_next": { "count": 9, "status": 503, "path": "/api/token/" } }),
        [200, 200, 200],
    )
    .await;
    check(json!({}), [200, 200, 200]).await;
}

#[tokio::test]
async fn failures_look_like_belvos() {
    let bench = Bench::new().await;
    let check = async |faults: Value, code: &str| {
        bench.faults(faults).await;
        assert_eq!(error(bench.get("/api/links/").await).await.1, code);
    };
    check(json!({ "http_5xx": 1 }), "unexpected_error").await;
    check(json!({ "timeout_408": 1 }), "request_timeout").await;
    check(
        json!({ "fail_next": { "count": 1, "status": 400, "code": "too_many_sessions" } }),
        "too_many_sessions",
    )
    .await;
    bench.faults(json!({ "html_403": 1 })).await;
    let (status, page) = parts(bench.get("/api/links/").await).await;
    assert_eq!(status, 403);
    assert!(page.as_str().unwrap().contains("openresty"));
    bench
        .faults(json!({ "fail_next": { "count": 1, "status": 502, "body": "html" } }))
        .await;
    let (status, page) = parts(bench.get("/api/links/").await).await;
    assert_eq!(status, 502);
    assert!(page.as_str().unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_gateway_answers_some_requests_instead_of_belvo() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let path = format!("/api/links/{link}/");
    let forbidden = r#"{"message":"Forbidden"}"#;
    let gateways = json!([
        { "status": 202, "method": "DELETE", "path": path, "body": "done" },
        { "status": 403, "path": path, "type": "application/json", "body": forbidden },
        { "status": 421, "path": "/api/owners/" },
    ]);
    bench.faults(json!({ "gateway": gateways })).await;
    let answer = bench.get(&path).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let (status, body) = parts(answer).await;
    assert_eq!((status, body.to_string().as_str()), (403, forbidden));
    let answer = bench.request(Method::DELETE, &path, None).await;
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(parts(answer).await, (202, json!("done")));
    assert_eq!(bench.get("/api/owners/").await.status(), 421);
    assert_eq!(bench.get("/api/links/").await.status(), 200);
    bench.faults(json!({})).await;
    assert_eq!(bench.json(&path).await["id"], json!(link), "it is there");
}

#[tokio::test]
async fn answers_can_be_slow() {
    let bench = Bench::new().await;
    bench.faults(json!({ "latency_ms": 30 })).await;
    let begun = Instant::now();
    bench.json("/api/links/").await;
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_cut_body_ends_before_its_length() {
    let bench = Bench::new().await;
    bench.faults(json!({ "cut_body": 1 })).await;
    let answer = bench.get("/api/links/").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.is_err());
    bench.json("/api/links/").await;
}

#[tokio::test]
async fn shifted_rows_come_twice_or_never() {
    let bench = Bench::new().await;
    let link = bench.link(25).await;
    bench.faults(json!({ "shift_rows": true })).await;
    let mut ids = Vec::new();
    for page in 1..=3 {
        let body = bench
            .json(&format!(
                "/api/transactions/?link={link}&page_size=10&page={page}"
            ))
            .await;
        assert_eq!(body["count"], 25);
        ids.extend(
            body["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].to_string()),
        );
    }
    assert_eq!(ids.len(), 25);
    assert_eq!(ids[9], ids[10], "the last row of the first page again");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 24, "one row never");
}

#[tokio::test]
async fn the_envelope_can_lie() {
    let bench = Bench::new().await;
    let link = bench.link(25).await;
    let first = format!("/api/transactions/?link={link}&page_size=10");
    bench.faults(json!({ "count_lies": -5 })).await;
    assert_eq!(bench.json(&first).await["count"], 20);
    bench.faults(json!({ "count_lies": true })).await;
    assert_eq!(bench.json(&first).await["count"], 26);
    bench.faults(json!({ "next_elsewhere": true })).await;
    let next = bench.json(&first).await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        next.starts_with("https://elsewhere.example/api/transactions/"),
        "{next}"
    );
    bench.faults(json!({ "next_circle": true })).await;
    let page = bench.json(&format!("{first}&page=2")).await;
    assert!(page["next"].as_str().unwrap().ends_with("page=2"));
    bench.faults(json!({ "null_results": 1 })).await;
    assert_eq!(bench.json(&first).await["results"], Value::Null);
    assert_eq!(
        bench.json(&first).await["results"]
            .as_array()
            .unwrap()
            .len(),
        10
    );
}

#[tokio::test]
async fn a_list_can_ignore_its_link_and_a_row_name_another_one() {
    let bench = Bench::new().await;
    let (first, second) = (bench.link(5).await, bench.link(7).await);
    let count = async |link: &str, more: &str| {
        let list = format!("/api/transactions/?link={link}{more}");
        bench.json(&list).await["count"].clone()
    };
    bench
        .faults(json!({ "ignore_filter": 1, "path": "transactions" }))
        .await;
    let accounts = bench.json(&format!("/api/accounts/?link={first}")).await;
    assert_eq!(count(&first, "").await, 12);
    assert_eq!(count(&first, "").await, 5);
    bench.faults(json!({ "ignore_filter": true })).await;
    assert_eq!(count(&first, "&value_date__gte=2999-01-01").await, 0);

    let account = &accounts["results"][0];
    let path = format!("/api/accounts/{}/", account["id"].as_str().unwrap());
    bench.faults(json!({ "foreign_object": 1 })).await;
    let mut swapped = bench.json(&path).await;
    assert_eq!(swapped["link"], json!(second));
    swapped["link"] = json!(first);
    assert_eq!(swapped, *account);
    assert_eq!(bench.json(&path).await, *account);
}

#[tokio::test]
async fn the_rate_limit_lets_eighty_requests_pass_in_thirty_seconds() {
    let bench = Bench::new().await;
    for _ in 0..85 {
        assert_eq!(
            bench.get("/api/links/").await.status(),
            200,
            "off unless asked for"
        );
    }
    bench.faults(json!({ "rate_limit": true })).await;
    for _ in 0..80 {
        assert_eq!(bench.get("/api/links/").await.status(), 200);
    }
    assert_eq!(bench.get("/api/links/").await.status(), 403);
    bench.control("clock", json!({ "advance": 31 })).await;
    assert_eq!(bench.get("/api/links/").await.status(), 200);
}

#[tokio::test]
async fn pages_are_smaller_than_asked_for_or_fail_for_their_size() {
    let bench = Bench::new().await;
    let link = bench.link(7).await;
    let path = format!("/api/transactions/?link={link}&page_size=5");
    let rows = async |page: u32| {
        let answer = bench.json(&format!("{path}&page={page}")).await;
        assert_eq!(answer["count"], 7);
        let rows = answer["results"].as_array().unwrap().len();
        (rows, !answer["next"].is_null())
    };
    assert_eq!(rows(2).await, (2, false));
    bench.faults(json!({ "largest_page": 3 })).await;
    assert_eq!(rows(1).await, (3, true));
    assert_eq!(rows(3).await, (1, false));
    let large = json!({ "large_pages": { "rows": 4, "status": 504 } });
    bench.faults(large).await;
    assert_eq!(bench.get(&path).await.status(), 504);
    assert_eq!(rows(2).await, (2, false));
}

#[tokio::test]
async fn texts_of_an_answer_become_others() {
    let bench = Bench::new().await;
    let link = bench.link(1).await;
    let path = format!("/api/transactions/?link={link}");
    let to = "\"count\":NaN,\"x\":\"\u{e3}\",";
    for (latin1, expected) in [
        (false, to.as_bytes().to_vec()),
        (true, b"\"count\":NaN,\"x\":\"\xe3\",".to_vec()),
    ] {
        let rewrite = json!([{
            "path": "/api/transactions/", "from": "\"count\":1,", "to": to, "latin1": latin1,
        }]);
        bench.faults(json!({ "rewrite": rewrite })).await;
        let body = bench.get(&path).await.bytes().await.unwrap();
        let found = body.windows(expected.len()).any(|it| it == expected);
        assert!(found, "{latin1}");
        assert_eq!(bench.get("/api/links/").await.status(), 200);
    }
}
