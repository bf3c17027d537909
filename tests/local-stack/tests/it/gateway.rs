//! The HTTP API, from outside.

use local_stack::StackOptions;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::world::World;

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

fn message(text: &str) -> Value {
    json!({"message": text})
}

#[tokio::test]
async fn a_request_reaches_its_function_as_payload_format_2() {
    let world = World::start().await;
    let request = world
        .http
        .patch(world.url("/open?a=1&a=2"))
        .header("X-Test", "yes")
        .header("Cookie", "c=1")
        .header("Content-Type", "application/octet-stream")
        .body(vec![0xff]);
    let (status, event) = answer(request).await;
    assert_eq!(status, 200);
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "ANY /open");
    assert_eq!(event["rawPath"], "/open");
    assert_eq!(event["rawQueryString"], "a=1&a=2");
    assert_eq!(event["queryStringParameters"], json!({"a": "1,2"}));
    assert_eq!(event["headers"]["x-test"], "yes");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["cookies"], json!(["c=1"]));
    assert_eq!(event["body"], "/w==");
    assert_eq!(event["isBase64Encoded"], true);
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "PATCH");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["stage"], "$default");
    assert!(context["authorizer"].is_null());
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn verified_claims_reach_the_function() {
    let world = World::start().await;
    let token = world
        .token(&json!({"sub": "user-1", "cpf": "76109277673", "groups": ["a", "b"]}))
        .await;
    // API Gateway accepts a token with and without its scheme.
    for authorization in [format!("Bearer {token}"), token] {
        let request = world
            .http
            .post(world.url("/closed/a%20b"))
            .header("Authorization", authorization);
        let (status, event) = answer(request).await;
        assert_eq!(status, 200, "{event}");
        assert_eq!(event["pathParameters"], json!({"id": "a b"}));
        let jwt = &event["requestContext"]["authorizer"]["jwt"];
        assert_eq!(jwt["claims"]["sub"], "user-1");
        assert_eq!(jwt["claims"]["groups"], "[a b]");
        assert_eq!(
            jwt["claims"]["iss"],
            world.stack.endpoints().issuer_url.as_str()
        );
        assert!(jwt["claims"]["exp"].is_string());
    }
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn an_invalid_token_is_refused() {
    let world = World::start().await;
    let other = World::start().await;
    let now = jiff::Timestamp::now().as_second();
    let good = world.token(&json!({"sub": "user-1"})).await;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let forged = jsonwebtoken::encode(
        &jsonwebtoken::Header { kid: Some("local".to_owned()), ..jsonwebtoken::Header::default() },
        &json!({"iss": world.stack.endpoints().issuer_url, "aud": "belvo-backend", "exp": now + 60}),
        &jsonwebtoken::EncodingKey::from_secret(b"guess"),
    )
    .unwrap();
    let tokens = [
        ("none", String::new()),
        ("garbage", "abc".to_owned()),
        (
            "another issuer's key",
            other
                .token(&json!({"iss": world.stack.endpoints().issuer_url}))
                .await,
        ),
        ("another issuer", other.token(&json!({})).await),
        ("expired", world.token(&json!({"exp": now - 1})).await),
        (
            "not yet valid",
            world.token(&json!({"nbf": now + 60})).await,
        ),
        (
            "issued in the future",
            world.token(&json!({"iat": now + 60})).await,
        ),
        (
            "another audience",
            world.token(&json!({"aud": "other"})).await,
        ),
        (
            "changed claims",
            format!("{header}.eyJzdWIiOiJ1c2VyLTIifQ.{signature}"),
        ),
        ("symmetric signature", forged),
    ];
    for (what, token) in tokens {
        let request = world
            .http
            .post(world.url("/closed/1"))
            .header("Authorization", format!("Bearer {token}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{what}");
        assert_eq!(
            response.headers()["www-authenticate"],
            r#"Bearer scope="" error="invalid_token""#
        );
        let body: Value = response.json().await.unwrap();
        assert_eq!(body, message("Unauthorized"), "{what}");
    }
    let without = world.http.post(world.url("/closed/1"));
    let response = without.send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    let basic = world
        .http
        .post(world.url("/closed/1"))
        .header("Authorization", format!("Basic {good}"));
    assert_eq!(answer(basic).await.0, StatusCode::UNAUTHORIZED);
    other.stack.stop().await.unwrap();
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_gateway_answers_its_own_errors() {
    let world = World::start().await;
    let check = async |method: Method, path: &str, body: Vec<u8>, status: u16, text: &str| {
        let request = world.http.request(method, world.url(path)).body(body);
        assert_eq!(
            answer(request).await,
            (StatusCode::from_u16(status).unwrap(), message(text)),
            "{path}"
        );
    };
    check(Method::GET, "/nowhere", vec![], 404, "Not Found").await;
    check(Method::GET, "/hang", vec![], 404, "Not Found").await;
    // The page's own path accepts no other method, and the API has no route there.
    check(Method::POST, "/", vec![], 404, "Not Found").await;
    check(Method::GET, "/broken", vec![], 500, "Internal Server Error").await;
    check(
        Method::POST,
        "/open",
        vec![b'a'; 10 * 1024 * 1024 + 1],
        413,
        "Request Entity Too Large",
    )
    .await;
    let event = json!({"answer": {"statusCode": "x"}}).to_string();
    check(
        Method::POST,
        "/open",
        event.into(),
        500,
        "Internal Server Error",
    )
    .await;
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_that_times_out_makes_the_service_unavailable() {
    let variables = [("HANG".to_owned(), "1".to_owned())].into();
    let world = World::with(StackOptions {
        variables,
        ..StackOptions::default()
    })
    .await;
    let request = world.http.post(world.url("/hang"));
    assert_eq!(
        answer(request).await,
        (
            StatusCode::SERVICE_UNAVAILABLE,
            message("Service Unavailable")
        )
    );
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_functions_result_becomes_the_response() {
    let world = World::start().await;
    let ask = async |result: Value| {
        world
            .http
            .post(world.url("/open"))
            .json(&json!({"answer": result}))
            .send()
            .await
            .unwrap()
    };
    let response = ask(json!({
        "statusCode": 302,
        "headers": {"location": "https://app.example.com/"},
        "cookies": ["a=1", "b=2"],
        "body": "T2zDoQ==",
        "isBase64Encoded": true,
    }))
    .await;
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "https://app.example.com/");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert!(response.headers().contains_key("apigw-requestid"));
    assert_eq!(response.text().await.unwrap(), "Olá");

    let response = ask(json!("Olá")).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.text().await.unwrap(), "Olá");
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_call() {
    let world = World::start().await;
    let own = world.stack.endpoints().api_url.clone();
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://elsewhere.example.com", false),
    ] {
        let preflight = world
            .http
            .request(Method::OPTIONS, world.url("/closed/1"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST");
        let response = preflight.send().await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(
            response
                .headers()
                .contains_key("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
        let response = world
            .http
            .post(world.url("/closed/1"))
            .header("Origin", origin)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(
            response
                .headers()
                .contains_key("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
    }
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_issuer_publishes_its_key() {
    let world = World::start().await;
    let issuer = &world.stack.endpoints().issuer_url;
    let get = async |url: String| answer(world.http.get(url)).await.1;
    let configuration = get(format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(configuration["issuer"], issuer.as_str());
    let keys = get(configuration["jwks_uri"].as_str().unwrap().to_owned()).await;
    let key: jsonwebtoken::jwk::Jwk = serde_json::from_value(keys["keys"][0].clone()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["belvo-backend"]);
    let token = world.token(&json!({"sub": "user-1", "cpf": "1"})).await;
    let key = jsonwebtoken::DecodingKey::from_jwk(&key).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation)
        .unwrap()
        .claims;
    assert_eq!(claims["sub"], "user-1");
    world.stack.stop().await.unwrap();
}
