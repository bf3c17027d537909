//! Webhooks in forms that Belvo does not document: codes that are new, bodies of any size, and what
//! lies between Belvo and the function.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::metrics::counted;
use crate::world::World;

impl World {
    async fn webhook(
        &self,
        method: Method,
        path: &str,
        authorization: &str,
        body: String,
    ) -> Response {
        let request = self.http.request(method, self.url(path)).body(body);
        self.send(request.header("authorization", authorization))
            .await
    }

    fn agreed(&self) -> String {
        self.stack.endpoints().webhook_authorization.clone()
    }
}

impl Bank {
    /// What is read because of a webhook of this type and code: paths of Belvo's API.
    async fn read_because_of(&self, webhook_type: &str, code: &str) -> Vec<String> {
        self.forget_requests().await;
        let body = json!({
            "webhook_type": webhook_type,
            "webhook_code": code,
            "link_id": self.link_id(),
            "data": {},
        });
        self.world.post_webhook(&body).await;
        self.world.stack.settle().await.unwrap();
        self.requests().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_code_about_something_known_leads_to_a_read_of_it() {
    let bank = Bank::connected().await;
    for (webhook_type, code, path) in [
        ("ACCOUNTS", "accounts_updated", "/api/accounts/"),
        ("BILLS", "bills_updated", "/api/bills/"),
        ("TRANSACTIONS", "recurrent_update", "/api/transactions/"),
        ("OWNER", "something_new", "/api/owners/"),
        ("INVESTMENTS", "investments_deleted", "/api/br/investments/"),
        ("CONSENT", "openfinance_consent_revoked", "/api/consents/"),
        ("consents", "", "/api/consents/"),
        ("LINK", "link_updated", "/api/links/"),
        (
            "INSTITUTION",
            "openfinance_consent_revoked",
            "/api/consents/",
        ),
    ] {
        let read = bank.read_because_of(webhook_type, code).await;
        assert!(
            read.iter().any(|it| it.contains(path)),
            "{webhook_type} {code}: {read:?}"
        );
    }
    let ignored = bank.read_because_of("INCOMES", "incomes_updated").await;
    assert_eq!(ignored, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_an_unknown_code_tells_of_is_shown_to_the_user() {
    let bank = Bank::connected().await;
    bank.world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.read_because_of("CONSENT", "openfinance_consent_revoked")
        .await;
    let path = format!("/links/{}", bank.link_id());
    let link = bank.world.get(&bank.user, &path).await;
    let link: Value = link.json().await.unwrap();
    assert_eq!(link["status"], "needs_user");
    assert_eq!(link["next_action"]["action"], "renew_consent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_taken_whatever_it_lists() {
    let bank = Bank::connected().await;
    let world = &bank.world;
    // 78 KB, and almost all that a Lambda function is given.
    for count in [2_000, 140_000] {
        let gone: Vec<String> = (0..count)
            .map(|number| format!("{number:08x}-1111-4111-8111-111111111111"))
            .collect();
        let body = json!({
            "webhook_type": "TRANSACTIONS",
            "webhook_code": "transactions_deleted",
            "link_id": bank.link_id(),
            "data": {"transactions": gone},
        });
        bank.forget_requests().await;
        world.post_webhook(&body).await;
        world.stack.settle().await.unwrap();
        let read = bank.requests().await;
        assert!(
            read.iter().any(|it| it.contains("/api/transactions/")),
            "{count}: {read:?}"
        );
    }
    let large = json!({"link_id": bank.link_id(), "data": "x".repeat(6 << 20)}).to_string();
    let agreed = world.agreed();
    let answer = world
        .webhook(Method::POST, "/webhook", &agreed, large)
        .await;
    assert_eq!(answer.status(), 413);
    let stranger = "x".repeat(5 << 20);
    let answer = world.webhook(Method::POST, "/webhook", "Basic eDp5eDp5eDp5", stranger);
    assert_eq!(
        answer.await.status(),
        401,
        "the size is not looked at before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_value_spoils_no_webhook() {
    let bank = Bank::connected().await;
    let world = &bank.world;
    let link = bank.link_id();
    let (agreed, known) = (
        world.agreed(),
        r#""webhook_type":"ACCOUNTS","webhook_code":"historical_update""#,
    );
    let mut bodies = vec![
        format!(r#"{{"link_id":"{link}",{known},"data":{{"name":"caf\u00e9 \ud83d"}}}}"#).into_bytes(),
        format!(r#"{{"link_id":"{link}",{known},"external_id":"\ud83d","data":{{"a\udc00":[1]}}}}"#).into_bytes(),
        format!(r#"{{"link_id":"{link}",{known},"data":{{"total_accounts":"2","errors":[{{"code":"\ud83d"}}]}}}}"#).into_bytes(),
        format!(r#"{{"link_id":"{link}",{known},"x":1e999,"data":[[[0]]]}}"#).into_bytes(),
        format!("\u{feff}{{\"link_id\":\"{link}\",{known}}}").into_bytes(),
    ];
    let mut bad = format!(r#"{{"link_id":"{link}",{known},"data":{{"name":"?"}}}}"#).into_bytes();
    let mark = bad.iter().position(|byte| *byte == b'?').unwrap();
    bad[mark] = 0xff;
    bodies.push(bad);
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        bank.forget_requests().await;
        let request = world.http.post(world.url("/webhook")).body(body);
        let request = request.header("content-type", "application/json");
        let answer = world.send(request.header("authorization", &agreed)).await;
        assert_eq!(answer.status(), 200, "{shown}");
        world.stack.settle().await.unwrap();
        let read = bank.requests().await;
        assert!(
            read.iter().any(|it| it.contains("/api/accounts/")),
            "{shown}: {read:?}"
        );
    }
}

/// Only the ids and the codes are needed, and those can be told apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_not_even_json_leads_to_its_read() {
    let bank = Bank::connected().await;
    let agreed = bank.world.agreed();
    let kinds = ["accounts", "bills", "owners"].into_iter().cycle();
    for (odd, kind) in [
        r#""data":{"total":NaN}"#,
        r#""data":{"total":12,5}"#,
        r#""x":undefined,"data":{}"#,
        r#""\ud83d":1"#,
        r#""data":{"name":"TV 50" LG"}"#,
        r#""data":{"a":[1}"#,
    ]
    .into_iter()
    .zip(kinds)
    {
        let (link, webhook_type) = (bank.link_id(), kind.to_uppercase());
        let body = format!(
            r#"{{"link_id":"{link}","webhook_type":"{webhook_type}","webhook_code":"historical_update",{odd}}}"#
        );
        bank.forget_requests().await;
        let answer = bank
            .world
            .webhook(Method::POST, "/webhook", &agreed, body)
            .await;
        assert_eq!(answer.status(), 200, "{odd}");
        bank.world.stack.settle().await.unwrap();
        let read = bank.requests().await;
        let path = format!("/api/{kind}/");
        assert!(read.iter().any(|it| it.contains(&path)), "{odd}: {read:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_recognized_in_any_usual_form() {
    let world = World::start().await;
    let agreed = world.agreed();
    let (_, value) = agreed.split_once(' ').unwrap();
    for (method, path, authorization, status) in [
        (Method::POST, "/webhook/", agreed.clone(), 200),
        (Method::POST, "/webhook", format!("basic {value}"), 200),
        (Method::POST, "/webhook", format!("BASIC  {value}"), 200),
        (Method::POST, "/webhook", format!("Bearer {value}"), 401),
        (
            Method::POST,
            "/webhook/",
            "basic eDp5eDp5eDp5".to_owned(),
            401,
        ),
        // Belvo or an operator looks whether the address answers.
        (Method::GET, "/webhook", String::new(), 200),
        (Method::HEAD, "/webhook", String::new(), 200),
        (Method::GET, "/webhook/", agreed.clone(), 200),
        (
            Method::GET,
            "/webhook",
            "Basic eDp5eDp5eDp5".to_owned(),
            401,
        ),
        (Method::HEAD, "/webhook/", String::new(), 200),
    ] {
        let answer = world.webhook(method.clone(), path, &authorization, String::new());
        let answer = answer.await;
        assert_eq!(
            answer.status(),
            StatusCode::from_u16(status).unwrap(),
            "{method} {path} {}",
            &authorization[..authorization.len().min(6)]
        );
    }
    assert_eq!(counted(&world, "WebhookRejected").len(), 3);
}
