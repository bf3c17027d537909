//! Secrets without a value, as after the first deployment, or with a malformed one. Every request
//! is refused, the error or log names the secret, and once it is set all work continues by itself.

use std::collections::BTreeMap;

use domain::{Document, SigningKeys};
use local_stack::StackOptions;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{CPF, User, World, failures, record};

/// A part of the malformed values that no answer or log may repeat.
const MARK: &str = "somebody-pasted-this";

impl World {
    /// The state after the first deployment, in which this secret has no value.
    pub async fn without(secret: &str, parameters: &[(&str, &str)]) -> Self {
        let options = StackOptions {
            secrets: BTreeMap::from([(secret.to_owned(), None)]),
            ..StackOptions::default()
        };
        Self::with_options(parameters, options).await
    }

    pub async fn put(&self, secret: &str, value: &str) {
        let name = self.secret_name(secret).await;
        let put = self.stack.secretsmanager().put_secret_value();
        let put = put.secret_id(name).secret_string(value);
        put.send().await.unwrap();
    }

    /// Calls a route, which answers 503 and names the secret. Browsers get a page.
    async fn assert_unavailable(&self, call: &Call<'_>, secret: &str, rule: &str) {
        let answer = self.call(call).await;
        let (method, path) = (&call.method, call.path);
        assert_eq!(answer.status(), 503, "{method} {path}");
        if path.starts_with("/callback/") {
            return;
        }
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(
            answer.headers().contains_key("retry-after"),
            "{method} {path}"
        );
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "/problems/unavailable");
        let error = &problem["errors"][0];
        assert_eq!(
            error["pointer"],
            format!("secret {secret}"),
            "{method} {path}"
        );
        assert_eq!(error["detail"], rule, "{method} {path}");
    }

    async fn call(&self, call: &Call<'_>) -> reqwest::Response {
        let request = self.http.request(call.method.clone(), self.url(call.path));
        let request = match call.user {
            Some(user) => user.sign(request),
            None => request,
        };
        let request = match call.method == Method::POST {
            true => request.json(&call.body),
            false => request,
        };
        let authorization = &self.stack.endpoints().webhook_authorization;
        self.send(match call.path {
            "/webhook" => request.header("authorization", authorization),
            _ => request,
        })
        .await
    }

    /// The number of this function's log lines with all these words.
    fn logged(&self, function: &str, words: &[&str]) -> usize {
        let source = format!("[{function}]");
        let lines = self.stack.logs();
        assert_eq!(lines.iter().find(|line| line.contains(MARK)), None);
        let lines = lines.iter().filter(|line| line.starts_with(&source));
        let lines = lines.filter(|line| words.iter().all(|word| line.contains(word)));
        lines.count()
    }
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    user: Option<&'a User>,
    body: Value,
}

fn get<'a>(path: &'a str, user: Option<&'a User>) -> Call<'a> {
    Call {
        method: Method::GET,
        path,
        user,
        body: Value::Null,
    }
}

fn post<'a>(path: &'a str, user: Option<&'a User>, body: Value) -> Call<'a> {
    Call {
        method: Method::POST,
        path,
        user,
        body,
    }
}

/// Malformed values for every secret except Belvo's keys: no JSON, a missing member, an empty
/// member, a short member.
const WRONG: [&str; 4] = [
    MARK,
    r#"{"somebody-pasted-this":"somebody-pasted-this"}"#,
    r#"{"current":""}"#,
    r#"{"current":"somebody"}"#,
];

const WRONG_KEYS: [&str; 5] = [
    MARK,
    r#"{"somebody-pasted-this":"somebody-pasted-this"}"#,
    r#"{"id":"somebody-pasted-this"}"#,
    r#"{"id":"","password":"somebody-pasted-this"}"#,
    r#"{"id":"somebody-pasted-this","password":""}"#,
];

/// Goes through the states of a secret: every call is refused until the value is valid, and
/// accepted at the next request. Each call names its function.
///
/// `secret` is the secret's name in the template, `word` the name in the answers.
async fn check(
    world: &World,
    (secret, word): (&str, &str),
    calls: &[(&str, Call<'_>)],
    wrong: &[&str],
    right: &str,
) {
    let name = world.secret_name(secret).await;
    for (function, call) in calls {
        let rule = "has no value yet";
        let before = world.logged(function, &[&name, rule]);
        world.assert_unavailable(call, word, rule).await;
        let logged = world.logged(function, &[&name, rule]) - before;
        assert_ne!(logged, 0, "{function} of {}", call.path);
    }
    for value in wrong {
        world.put(secret, value).await;
        for (function, call) in calls {
            let told = "has a value of another form than it must have";
            let before = world.logged(function, &[&name, " must "]);
            world.assert_unavailable(call, word, told).await;
            let logged = world.logged(function, &[&name, " must "]) - before;
            assert_ne!(logged, 0, "{function} of {}, for {value}", call.path);
        }
    }
    world.put(secret, right).await;
    for (_, call) in calls {
        let status = world.call(call).await.status();
        assert!(!status.is_server_error(), "{} {status}", call.path);
    }
}

const KEY: &str = r#"{"current":"a-key-a-key-a-key-a-key-a-key-a-key-a-key"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn without_the_session_key_no_session_is_signed_or_accepted() {
    let world = World::without("SessionSecret", &[]).await;
    let user = world.individual().await;
    let report = json!({"session": "e30.AAAA", "code": "x"});
    let caught = json!({"url": "acmeapp://x/e30.AAAA/exit"});
    let calls = [
        ("token", post("/token", Some(&user), json!({}))),
        (
            "token",
            post("/portal", Some(&user), json!({"mode": "manage"})),
        ),
        ("callback", get("/callback/e30.AAAA/exit", None)),
        ("callback", post("/callback", Some(&user), caught)),
        ("callback", post("/connection-reports", None, report)),
        ("links", get("/transactions", Some(&user))),
    ];
    check(&world, ("SessionSecret", "session"), &calls, &WRONG, KEY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_of_derived_ids_no_user_is_identified() {
    let derived = [("ExternalIdMode", "derived")];
    let world = World::without("ExternalIdSecret", &derived).await;
    let user = world.individual().await;
    let caught = json!({"url": "acmeapp://x/e30.AAAA/exit"});
    let calls = [
        ("token", post("/token", Some(&user), json!({}))),
        ("callback", post("/callback", Some(&user), caught)),
        ("links", get("/links", Some(&user))),
        ("links", get("/export", Some(&user))),
    ];
    check(
        &world,
        ("ExternalIdSecret", "external_id"),
        &calls,
        &WRONG,
        KEY,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_agreed_value_no_webhook_is_accepted() {
    let world = World::without("WebhookSecret", &[]).await;
    let link = json!({"link_id": uuid::Uuid::new_v4().to_string()});
    let calls = [("webhook", post("/webhook", None, link))];
    let authorization = &world.stack.endpoints().webhook_authorization;
    let good = json!({"current": authorization}).to_string();
    check(&world, ("WebhookSecret", "webhook"), &calls, &WRONG, &good).await;
    world.settle().await;
    let jobs = world.stack.logs();
    let jobs = jobs.iter().filter(|line| line.contains("job done")).count();
    assert_eq!(jobs, 1, "of the last webhook alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_belvos_keys_no_token_is_minted_and_jobs_wait() {
    let world = World::without("BelvoSecret", &[]).await;
    let user = world.individual().await;
    let endpoints = world.stack.endpoints();
    let wish = json!({"external_id": user.external_id, "owner": CPF, "transactions": 3, "seed": 1});
    let link = world.sandbox("links", &wish).await;
    let link = link["link_id"].as_str().unwrap();
    let name = world.secret_name("BelvoSecret").await;
    let empty = [name.as_str(), "has no value yet"];
    world.settle().await;
    assert_ne!(world.logged("fetcher", &empty), 0);
    let record_of_link = world.link(link).await;
    assert_eq!(record_of_link["status"].text(), "announced");
    assert!(record_of_link.contains_key("due_at"));
    let walk = json!({"sweep": "links", "page": 1});
    let failed = world.stack.invoke("sweeper", walk.clone()).await;
    let failed = format!("{:?}", failed.unwrap_err());
    assert!(empty.iter().all(|word| failed.contains(word)), "{failed}");

    let calls = [("token", post("/token", Some(&user), json!({})))];
    let good = json!({
        "id": endpoints.belvo_secret_id,
        "password": endpoints.belvo_secret_password,
    });
    check(
        &world,
        ("BelvoSecret", "belvo"),
        &calls,
        &WRONG_KEYS,
        &good.to_string(),
    )
    .await;
    world.stack.invoke("sweeper", walk).await.unwrap();
    for _ in 0..3 {
        world.settle().await;
        world.let_time_pass(link).await;
    }
    world.settle().await;
    world.assert_complete(link, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_session_key_a_link_waits_for_its_owner() {
    let world = World::without("SessionSecret", &[]).await;
    let keys = SigningKeys::from_json(KEY).unwrap();
    let person = Document::from_text(CPF).unwrap();
    let job = json!({
        "job": "attempt_started.v1",
        "access_mode": "recurrent",
        "attempt": {
            "session_id": "07070707070707070707070707070707",
            "external_id": "user-1",
            "started_at": jiff::Timestamp::now(),
            "person": keys.hash_document(&person),
        },
    });
    let batch = json!({"Records": [record("r", "user", &job)]});
    let answer = world.stack.invoke("fetcher", batch).await.unwrap();
    assert_eq!(failures(&answer), Vec::<String>::new());
    let wish = json!({"external_id": "user-1", "owner": CPF, "transactions": 3, "seed": 1});
    let link = world.sandbox("links", &wish).await;
    let link = link["link_id"].as_str().unwrap();
    world.settle().await;
    let name = world.secret_name("SessionSecret").await;
    let empty = [name.as_str(), "has no value yet"];
    assert_ne!(world.logged("fetcher", &empty), 0);
    let found = world.link(link).await;
    assert_eq!(found["status"].text(), "announced");
    assert!(found.contains_key("due_at"));
    assert_eq!(
        world
            .records(link)
            .await
            .keys()
            .filter(|it| it.contains("OWNERS#"))
            .count(),
        0
    );

    world.put("SessionSecret", KEY).await;
    for _ in 0..3 {
        world.let_time_pass(link).await;
    }
    world.assert_complete(link, "user-1").await;
}
