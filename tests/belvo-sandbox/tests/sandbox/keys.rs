//! API keys that are replaced.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::bench::{Bench, ID, PASSWORD, token_request};

impl Bench {
    /// The statuses of a list and of a token request with these keys.
    async fn try_keys(&self, id: &str, password: &str) -> [StatusCode; 2] {
        let list = self.anonymous(Method::GET, "/api/links/");
        let list = list.basic_auth(id, Some(password)).send().await.unwrap();
        let mut body = token_request();
        body["id"] = id.into();
        body["password"] = password.into();
        let token = self
            .anonymous(Method::POST, "/api/token/")
            .body(body.to_string());
        [list.status(), token.send().await.unwrap().status()]
    }
}

const GOOD: [StatusCode; 2] = [StatusCode::OK; 2];
const REJECTED: [StatusCode; 2] = [StatusCode::UNAUTHORIZED; 2];

#[tokio::test]
async fn two_pairs_of_keys_are_valid_until_one_is_revoked() {
    let bench = Bench::new().await;
    assert_eq!(bench.try_keys("new", "new-password").await, REJECTED);
    let new = json!({"id": "new", "password": "new-password"});
    bench.control("keys", json!({ "add": new })).await;
    assert_eq!(bench.try_keys("new", "new-password").await, GOOD);
    assert_eq!(bench.try_keys(ID, PASSWORD).await, GOOD);
    assert_eq!(bench.try_keys("new", PASSWORD).await, REJECTED);
    bench.control("keys", json!({ "revoke": ID })).await;
    assert_eq!(bench.try_keys("new", "new-password").await, GOOD);
    assert_eq!(bench.try_keys(ID, PASSWORD).await, REJECTED);
}

#[tokio::test]
async fn the_request_log_keeps_no_keys() {
    let bench = Bench::new().await;
    let new = json!({"id": "new", "password": "new-password"});
    bench.control("keys", json!({ "add": new })).await;
    bench.try_keys("new", "new-password").await;
    let asked: Value = serde_json::from_str(&bench.text("/_sandbox/requests").await).unwrap();
    let token = asked
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["path"] == "/api/token/");
    let body = &token.unwrap()["body"];
    assert_eq!(body["id"], "{{BELVO_SECRET_ID}}");
    assert_eq!(body["password"], "{{BELVO_SECRET_PASSWORD}}");
}

#[tokio::test]
async fn unknown_keys_cannot_be_revoked() {
    let bench = Bench::new().await;
    let call = bench.anonymous(Method::POST, "/_sandbox/keys");
    let answer = call.body(r#"{"revoke": "unknown"}"#).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bench.try_keys(ID, PASSWORD).await, GOOD);
}
