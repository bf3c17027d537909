//! Tests that the check can fail.

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{Answer, DESCRIPTION};
use crate::world::World;

type Headers<'a> = &'a [(&'static str, &'static str)];

const JSON: (&str, &str) = ("content-type", "application/json");
const ETAG: (&str, &str) = ("etag", "W/\"1\"");
const CACHED: (&str, &str) = ("cache-control", "private, no-cache");
const PROBLEM: Headers<'static> = &[
    ("content-type", "application/problem+json"),
    ("cache-control", "no-store"),
];
const ID: &str = "a9f3d766-6b55-4a59-b286-d3528fb7824d";

/// `complaint` is a part of the check's message; an empty one expects that the check passes.
#[track_caller]
fn check(request: &str, status: u16, headers: Headers<'_>, body: &str, complaint: &str) {
    let (method, path) = request.split_once(' ').unwrap();
    let headers = headers.iter();
    let headers = headers.map(|(name, it)| (name.parse().unwrap(), HeaderValue::from_static(it)));
    let answer = Answer {
        status,
        headers: &HeaderMap::from_iter(headers),
        body: body.as_bytes(),
    };
    match DESCRIPTION.check(method, path, &answer) {
        Ok(()) => assert_eq!(complaint, "", "{request}"),
        Err(said) => assert!(
            !complaint.is_empty() && said.contains(complaint),
            "{request}: {said}"
        ),
    }
}

fn not_found(title: &str, status: u16) -> String {
    let problem = json!({
        "type": "/problems/not-found",
        "title": title,
        "status": status,
        "request_id": "1",
    });
    problem.to_string()
}

#[test]
fn an_answer_as_described_passes() {
    let bills = "GET /links/1/bills";
    let empty = r#"{"items":[],"next_cursor":null}"#;
    check(bills, 200, &[JSON, ETAG, CACHED], empty, "");
    check(bills, 304, &[ETAG, CACHED], "", "");
    let title = "There is nothing of this id that belongs to the user.";
    check(bills, 404, PROBLEM, &not_found(title, 404), "");
    let text = ("content-type", "text/plain;charset=UTF-8");
    check("POST /webhook", 200, &[text], "", "");
    let html = ("content-type", "text/html; charset=utf-8");
    let page = "<!doctype html>…";
    check("GET /callback/a.b/exit", 410, &[html, PROBLEM[1]], page, "");
}

#[test]
fn an_undescribed_path_or_method_is_answered_by_the_gateway() {
    let not_found = r#"{"message":"Not Found"}"#;
    for request in ["GET /token", "GET /links/", "GET /links/1/loans"] {
        check(request, 404, &[JSON], not_found, "");
        check(request, 404, &[JSON], "{}", "no such operation");
        check(request, 200, &[JSON], not_found, "no such operation");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undescribed_operation_is_reported() {
    let world = World::start().await;
    let user = world.individual().await;
    for path in ["/users", "/links/1/loans", "/token/1"] {
        assert_eq!(world.get(&user, path).await.status(), 404);
        assert_eq!(world.delete(&user, path).await.status(), 404);
    }
}

#[test]
fn a_different_status_type_header_or_body_is_reported() {
    let bills = |status, headers: Headers<'_>, body: &str, complaint: &str| {
        check("GET /links/1/bills", status, headers, body, complaint);
    };
    let page: Headers<'_> = &[JSON, ETAG, CACHED];
    bills(206, page, "{}", "status 206");
    bills(
        500,
        &[JSON],
        r#"{"message":"Internal Server Error"}"#,
        "500",
    );
    bills(200, &[JSON, ETAG], "{}", "no header Cache-Control");
    bills(200, &[JSON, ("etag", "\"1\""), CACHED], "{}", "header ETag");
    let late = ("retry-after", "soon");
    bills(200, &[JSON, ETAG, CACHED, late], "{}", "header Retry-After");
    let html = ("content-type", "text/html");
    bills(200, &[html, ETAG, CACHED], "", "content type");
    bills(200, page, "{}", "required");
    let item = r#"{"items":[{"id":"1","link_id":"1"}],"next_cursor":null}"#;
    bills(200, page, item, "uuid");
    let more = r#"{"items":[],"next_cursor":null,"total":0}"#;
    bills(200, page, more, "total");
    let title = "There is nothing of this id that belongs to the user.";
    bills(304, &page[1..], "x", "a body where none is described");
    bills(401, PROBLEM, &not_found(title, 401), "problem");
    bills(404, PROBLEM, &not_found("Gone.", 404), "title");
    let title = "There is nothing of this id that belongs to the user.";
    bills(
        404,
        PROBLEM,
        &not_found(title, 400),
        "status 400 inside of 404",
    );
}

#[test]
fn our_objects_are_closed_and_belvos_are_open() {
    let page: Headers<'_> = &[JSON, ETAG, CACHED];
    let bill = json!({"items": [{"id": ID, "link_id": ID, "news": 1}], "next_cursor": null});
    check("GET /links/1/bills", 200, page, &bill.to_string(), "");

    let place = "/paths/~1links/get/responses/200/content/application~1json/examples/loading/value";
    let mut links: Value = DESCRIPTION.document.pointer(place).unwrap().clone();
    check("GET /links", 200, page, &links.to_string(), "");
    links["links"][0]["next_action"]["news"] = json!(1);
    check("GET /links", 200, page, &links.to_string(), "news");
}
