//! The shape of events, checked against API Gateway's description of payload format 2.0.

use std::net::Ipv4Addr;

use super::*;
use crate::gateway::routes::Target;

fn make(request: http::request::Builder, body: &'static [u8]) -> Value {
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let target = Target {
        key: "POST /callback/{session}/{outcome}".to_owned(),
        function: "callback".to_owned(),
        authorized: true,
    };
    let found = Match {
        target: &target,
        parameters: [
            ("session".to_owned(), "a b".to_owned()),
            ("outcome".to_owned(), "exit".to_owned()),
        ]
        .into(),
    };
    let claims = json!({"sub": "user-1", "exp": 1_700_000_000, "groups": ["a", "b"]});
    let context = Context {
        api_id: "Api",
        request_id: "request-1",
        source_ip: Ipv4Addr::LOCALHOST.into(),
        port: 8080,
        now: "2026-11-23T08:09:10.123Z".parse().unwrap(),
        claims: claims.as_object(),
    };
    event(&parts, &Bytes::from_static(body), &found, &context)
}

#[test]
fn an_event_has_every_part_of_payload_format_2() {
    let request = http::Request::post("/callback/a%20b/exit?x=1&y=%C3%A3&x=2")
        .header("Host", "api.localhost:8080")
        .header("User-Agent", "test")
        .header("Content-Type", "application/json")
        .header("Cookie", "a=1; b=2")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("Connection", "keep-alive");
    let expected = json!({
        "version": "2.0",
        "routeKey": "POST /callback/{session}/{outcome}",
        "rawPath": "/callback/a b/exit",
        "rawQueryString": "x=1&y=%C3%A3&x=2",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "content-type": "application/json",
            "host": "api.localhost:8080",
            "user-agent": "test",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "8080",
            "x-forwarded-proto": "http",
            "x-twice": "1,2",
        },
        "queryStringParameters": {"x": "1,2", "y": "ã"},
        "pathParameters": {"session": "a b", "outcome": "exit"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "Api",
            "authorizer": {"jwt": {
                "claims": {"exp": "1700000000", "groups": "[a b]", "sub": "user-1"},
                "scopes": null,
            }},
            "domainName": "api.localhost",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/callback/a b/exit",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "request-1",
            "routeKey": "POST /callback/{session}/{outcome}",
            "stage": "$default",
            "time": "23/Nov/2026:08:09:10 +0000",
            "timeEpoch": 1_795_421_350_123_i64,
        },
        "body": "{\"a\":1}",
        "isBase64Encoded": false,
    });
    assert_eq!(make(request, b"{\"a\":1}"), expected);
}

#[test]
fn absent_parts_of_a_request_are_absent_from_the_event() {
    let event = make(http::Request::post("/"), b"");
    for name in ["cookies", "queryStringParameters", "body"] {
        assert!(event.get(name).is_none(), "{name}: {event}");
    }
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["isBase64Encoded"], false);
}

#[test]
fn only_text_is_passed_without_encoding() {
    #[track_caller]
    fn check(content_type: &str, body: &'static [u8], encoded: bool) {
        let event = make(
            http::Request::post("/").header("content-type", content_type),
            body,
        );
        assert_eq!(event["isBase64Encoded"], encoded, "{content_type}");
        let expected = if encoded {
            STANDARD.encode(body)
        } else {
            String::from_utf8(body.to_vec()).unwrap()
        };
        assert_eq!(event["body"], expected);
    }
    check("application/json; charset=utf-8", b"{}", false);
    check("text/plain", "são".as_bytes(), false);
    check("application/x-www-form-urlencoded", b"a=1", false);
    check("application/problem+json", b"{}", false);
    check("image/png", b"abc", true);
    check("application/json", b"\xff\xfe", true);
}

#[test]
fn a_path_is_cut_at_a_question_mark_that_decoding_reveals() {
    assert_eq!(raw_path("/links/a%3Fb"), "/links/a");
    assert_eq!(raw_path("/links/a%2Fb"), "/links/a/b");
}
