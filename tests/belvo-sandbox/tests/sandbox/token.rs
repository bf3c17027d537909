//! `POST /api/token/`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, CPF, error, management_request, parts, token_request};

#[tokio::test]
async fn a_correct_request_gets_two_tokens_with_belvos_claims() {
    let bench = Bench::new().await;
    let answer = bench
        .request(Method::POST, "/api/token/", Some(token_request()))
        .await;
    let (status, body) = parts(answer).await;
    assert_eq!(status, 200);
    let access = claims(body["access"].as_str().unwrap());
    assert_eq!(access["token_type"], "access");
    assert_eq!(seconds(&access), 1_200);
    assert_eq!(access["stale_in"], "365d");
    let refresh = claims(body["refresh"].as_str().unwrap());
    assert_eq!(seconds(&refresh), 7_200 * 86_400);
}

#[tokio::test]
async fn a_management_token_needs_neither_callbacks_nor_branding() {
    let bench = Bench::new().await;
    bench.mint(&management_request()).await;
}

#[tokio::test]
async fn each_mistake_gets_belvos_error() {
    let bench = Bench::new().await;
    let check = async |pointer: &str, value: Option<Value>, expected: (u16, &str, &str)| {
        let mut body = token_request();
        change(&mut body, pointer, value);
        let answer = bench.request(Method::POST, "/api/token/", Some(body)).await;
        let (status, code, field) = error(answer).await;
        assert_eq!(
            (status, code.as_str(), field.as_str()),
            expected,
            "{pointer}"
        );
    };
    let consent = "widget.consent";
    check("/id", None, (400, "required", "id")).await;
    check("/id", Some(Value::Null), (400, "null", "id")).await;
    check("/password", Some("".into()), (400, "blank", "password")).await;
    check(
        "/password",
        Some("wrong".into()),
        (401, "authentication_failed", ""),
    )
    .await;
    check(
        "/id",
        Some("wrong".into()),
        (401, "authentication_failed", ""),
    )
    .await;
    check(
        "/scopes",
        Some("read_links".into()),
        (400, "invalid_choice", "scopes"),
    )
    .await;
    check("/stale_in", None, (400, "required", "stale_in")).await;
    check("/stale_in", Some("1y".into()), (400, "invalid", "stale_in")).await;
    check(
        "/stale_in",
        Some("1000d".into()),
        (400, "invalid", "stale_in"),
    )
    .await;
    check(
        "/fetch_resources",
        Some("OWNERS".into()),
        (400, "not_a_list", "fetch_resources"),
    )
    .await;
    check(
        "/fetch_resources",
        Some(json!(["OWNER"])),
        (400, "invalid_choice", "fetch_resources"),
    )
    .await;
    check(
        "/widget/openfinance_feature",
        Some("other".into()),
        (400, "invalid_choice", "widget.openfinance_feature"),
    )
    .await;
    for name in ["success", "exit", "event"] {
        let field = format!("widget.callback_urls.{name}");
        check(
            &format!("/widget/callback_urls/{name}"),
            None,
            (400, "required", &field),
        )
        .await;
    }
    for name in [
        "company_icon",
        "company_logo",
        "company_name",
        "company_terms_url",
    ] {
        let field = format!("widget.branding.{name}");
        check(
            &format!("/widget/branding/{name}"),
            None,
            (400, "required", &field),
        )
        .await;
    }
    check(
        "/widget/consent/terms_and_conditions_url",
        None,
        (
            400,
            "required",
            &format!("{consent}.terms_and_conditions_url"),
        ),
    )
    .await;
    check(
        "/widget/consent/permissions",
        Some(json!(["REGISTER"])),
        (400, "validation_error", &format!("{consent}.permissions")),
    )
    .await;
    check(
        "/widget/consent/identification_info",
        Some(json!([])),
        (
            400,
            "validation_error",
            &format!("{consent}.identification_info"),
        ),
    )
    .await;
    check(
        "/widget/consent/identification_info/0/number",
        Some("482.915.307-50".into()),
        (
            400,
            "invalid",
            &format!("{consent}.identification_info.0.number"),
        ),
    )
    .await;
    check(
        "/widget/consent/identification_info/0/number",
        Some(48_291_530_750_u64.into()),
        (
            400,
            "invalid",
            &format!("{consent}.identification_info.0.number"),
        ),
    )
    .await;
    check(
        "/widget/consent/identification_info/0/type",
        Some("RG".into()),
        (
            400,
            "invalid_choice",
            &format!("{consent}.identification_info.0.type"),
        ),
    )
    .await;
    check(
        "/widget/consent/identification_info/0/type",
        Some("CNPJ".into()),
        (
            400,
            "invalid",
            &format!("{consent}.identification_info.0.number"),
        ),
    )
    .await;
}

#[tokio::test]
async fn three_identities_are_too_many() {
    let bench = Bench::new().await;
    let entry = json!({ "type": "CPF", "number": CPF, "name": "Marina" });
    let mut body = token_request();
    body["widget"]["consent"]["identification_info"] = json!([entry, entry, entry]);
    let answer = bench.request(Method::POST, "/api/token/", Some(body)).await;
    assert_eq!(error(answer).await.0, 400);
}

#[tokio::test]
async fn broken_json_is_a_parse_error() {
    let bench = Bench::new().await;
    let request = bench.anonymous(Method::POST, "/api/token/");
    let answer = request.body("{\"id\": \"x\",}").send().await.unwrap();
    let (status, code, _) = error(answer).await;
    assert_eq!((status, code.as_str()), (400, "parse_error"));
}

#[tokio::test]
async fn the_request_log_hides_the_keys_and_nothing_else() {
    let bench = Bench::new().await;
    bench.mint(&token_request()).await;
    let log = bench.json("/_sandbox/requests").await;
    let body = &log[0]["body"];
    assert_eq!(body["id"], "{{BELVO_SECRET_ID}}");
    assert_eq!(body["password"], "{{BELVO_SECRET_PASSWORD}}");
    assert_eq!(body["widget"], token_request()["widget"]);
}

fn change(body: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match value {
        Some(value) => parent[key] = value,
        None => {
            parent.as_object_mut().unwrap().remove(key);
        }
    }
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn seconds(claims: &Value) -> i64 {
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}
