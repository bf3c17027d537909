//! The system and what one can do to it from outside; `stored` is what it then holds.

mod stored;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local_stack::{Stack, StackOptions};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

pub use self::stored::*;
use crate::openapi::{Answer, DESCRIPTION};

pub const CPF: &str = "76109277673";
pub const OTHER_CPF: &str = "23824264030";
pub const CNPJ: &str = "50685362006773";

/// A running system. Each test has its own.
pub struct World {
    pub stack: Stack,
    pub http: Client,
}

/// A user who has signed in to the app.
pub struct User {
    pub external_id: String,
    jwt: String,
}

/// What `POST /token` gave.
pub struct Minted {
    pub widget_url: String,
    pub access_token: String,
    pub session_id: String,
}

/// What the widget gave.
pub struct Connected {
    pub link_id: String,
    pub redirect_url: String,
    pub consent_id: String,
}

impl User {
    /// Signs a request as this user.
    pub fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.jwt)
    }
}

impl World {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these template parameters instead of the defaults.
    pub async fn with(parameters: &[(&str, &str)]) -> Self {
        Self::with_options(parameters, StackOptions::default()).await
    }

    /// Where the HTTP functions cannot reach the queue.
    pub async fn without_queue() -> Self {
        let nowhere = "http://127.0.0.1:1/000000000000/no-such-queue.fifo".to_owned();
        let options = StackOptions {
            variables: BTreeMap::from([("QUEUE_URL".to_owned(), nowhere)]),
            ..StackOptions::default()
        };
        Self::with_options(&[], options).await
    }

    /// Where links can be neither read nor written.
    pub async fn without_link_table() -> Self {
        let options = StackOptions {
            variables: BTreeMap::from([("LINK_TABLE".to_owned(), "no-such-table".to_owned())]),
            ..StackOptions::default()
        };
        Self::with_options(&[], options).await
    }

    pub async fn with_options(parameters: &[(&str, &str)], options: StackOptions) -> Self {
        // Tests connect the same few people again and again.
        let uncapped = [
            ("AttemptsPerUserPerHour", "1000"),
            ("AttemptsPerDocumentPerHour", "1000"),
        ];
        let pairs = uncapped.iter().chain(parameters);
        let pairs = pairs.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let stack = Stack::start(StackOptions {
            parameters: pairs.collect(),
            executable: Some(PathBuf::from(env!("CARGO_BIN_EXE_functions"))),
            ..options
        });
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build();
        Self {
            stack: stack.await.unwrap(),
            http: http.unwrap(),
        }
    }

    /// Signs in as an invented person, and the company the person acts for.
    pub async fn individual(&self) -> User {
        self.sign_in(json!({"cpf": CPF, "name": "Ralph Bragg"}))
            .await
    }

    pub async fn company(&self) -> User {
        self.sign_in(json!({
            "cpf": CPF, "name": "Ralph Bragg",
            "cnpj": CNPJ, "company_name": "Bragg Mechanics",
        }))
        .await
    }

    /// Signs in with these claims; `sub` is made up unless given.
    pub async fn sign_in(&self, mut claims: Value) -> User {
        if claims.get("sub").is_none() {
            let random = || format!("user-{}", uuid::Uuid::new_v4().simple());
            // A run of its digits may look like a card's number.
            let mut ids = std::iter::repeat_with(random);
            let id = ids.find(|it| domain::ExternalId::of_user(it).is_ok());
            claims["sub"] = json!(id.unwrap());
        }
        let url = format!("{}/token", self.stack.endpoints().issuer_url);
        let answer = self.http.post(url).json(&claims).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        User {
            external_id: claims["sub"].as_str().unwrap().to_owned(),
            jwt: answer["access_token"].as_str().unwrap().to_owned(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.endpoints().api_url)
    }

    /// Calls the API as a user.
    pub async fn post(&self, user: &User, path: &str, body: &Value) -> Response {
        let request = self.http.post(self.url(path)).bearer_auth(&user.jwt);
        self.send(request.json(body)).await
    }

    /// Calls the API as a user, with any bytes.
    pub async fn post_bytes(&self, user: &User, path: &str, body: Vec<u8>) -> Response {
        let request = self.http.post(self.url(path)).bearer_auth(&user.jwt);
        let request = request.header("content-type", "application/json");
        self.send(request.body(body)).await
    }

    /// Reads from the API as a user.
    pub async fn get(&self, user: &User, path: &str) -> Response {
        self.get_with(user, path, &[]).await
    }

    /// Reads from the API as a user, with headers such as `If-None-Match`.
    pub async fn get_with(&self, user: &User, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.http.get(self.url(path)).bearer_auth(&user.jwt);
        let headers = headers.iter();
        let request = headers.fold(request, |it, (name, value)| it.header(*name, *value));
        self.send(request).await
    }

    /// Deletes something of a user.
    pub async fn delete(&self, user: &User, path: &str) -> Response {
        let request = self.http.delete(self.url(path)).bearer_auth(&user.jwt);
        self.send(request).await
    }

    /// Sends a request, and holds what the API answers against `openapi.yaml`.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let request = request.build().unwrap();
        let (method, url) = (request.method().clone(), request.url().clone());
        let answer = self.http.execute(request).await.unwrap();
        if !url.as_str().starts_with(&self.stack.endpoints().api_url) {
            return answer;
        }
        let mut seen = http::Response::builder().status(answer.status());
        seen.headers_mut().unwrap().extend(answer.headers().clone());
        let seen = seen.body(answer.bytes().await.unwrap()).unwrap();
        let verdict = DESCRIPTION.check(
            method.as_str(),
            url.path(),
            &Answer {
                status: seen.status().as_u16(),
                headers: seen.headers(),
                body: seen.body(),
            },
        );
        if let Err(complaint) = verdict {
            let path = url.path();
            panic!("{method} {path} is answered otherwise than openapi.yaml says: {complaint}");
        }
        seen.into()
    }

    pub async fn mint(&self, user: &User) -> Minted {
        self.mint_with(user, &json!({})).await
    }

    pub async fn mint_with(&self, user: &User, body: &Value) -> Minted {
        let answer = self.post(user, "/token", body).await;
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Minted {
            widget_url: text("widget_url"),
            access_token: text("access_token"),
            session_id: text("session_id"),
        }
    }

    /// Ends the visit to the widget well. The redirect is not followed yet.
    pub async fn connect(&self, user: &User, minted: &Minted) -> Connected {
        self.connect_with(user, minted, json!({})).await
    }

    /// Ends the visit as these members say (`outcome`, `owner`, `institution`, `access_mode`).
    pub async fn connect_with(&self, user: &User, minted: &Minted, how: Value) -> Connected {
        // A user needs longer in the widget than the queue needs for the attempt.
        self.stack.settle().await.unwrap();
        let mut body = json!({
            "access_token": minted.access_token,
            "external_id": user.external_id,
        });
        for (name, value) in how.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.sandbox("connect", &body).await;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Connected {
            link_id: text("link_id"),
            redirect_url: text("redirect_url"),
            consent_id: text("consent_id"),
        }
    }

    /// The session in each of the three callback URLs of the last token.
    pub async fn session(&self, kind: &str) -> String {
        let requests: Value = serde_json::from_str(&self.ask_sandbox("requests").await).unwrap();
        let requests = requests.as_array().unwrap().iter().rev();
        let token = requests.into_iter().find(|it| it["path"] == "/api/token/");
        let url = &token.unwrap()["body"]["widget"]["callback_urls"][kind];
        let url = url.as_str().unwrap();
        url.split('/').nth_back(1).unwrap().to_owned()
    }

    /// Follows a redirect, as the user's browser does.
    pub async fn follow(&self, url: &str) -> Response {
        self.send(self.http.get(url)).await
    }

    /// A user with a bank connected and everything read.
    pub async fn connected(&self, user: &User) -> Connected {
        let minted = self.mint(user).await;
        let connected = self.connect(user, &minted).await;
        assert_eq!(self.follow(&connected.redirect_url).await.status(), 200);
        self.settle().await;
        connected
    }

    /// The whole name of a secret.
    pub async fn secret_name(&self, part: &str) -> String {
        let list = self
            .stack
            .secretsmanager()
            .list_secrets()
            .send()
            .await
            .unwrap();
        let mut names = list.secret_list().iter().filter_map(|it| it.name());
        names.find(|name| name.contains(part)).unwrap().to_owned()
    }

    /// What is in a secret.
    pub async fn secret(&self, part_of_name: &str) -> Value {
        let name = self.secret_name(part_of_name).await;
        let secret = self.stack.secretsmanager().get_secret_value();
        let secret = secret.secret_id(name).send().await.unwrap();
        serde_json::from_str(secret.secret_string().unwrap()).unwrap()
    }

    /// Rotates a secret.
    pub async fn set_secret(&self, part_of_name: &str, value: &serde_json::Value) {
        let name = self.secret_name(part_of_name).await;
        let put = self
            .stack
            .secretsmanager()
            .put_secret_value()
            .secret_id(name);
        put.secret_string(value.to_string()).send().await.unwrap();
    }

    /// For clients of the service of this address.
    pub fn aws(&self, url: &str) -> aws_config::SdkConfig {
        use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
        let credentials = Credentials::new("test", "test", None, None, "test");
        aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new(self.stack.endpoints().region.clone()))
            .endpoint_url(url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    /// The table of links, as jobs see it.
    pub fn link_store(&self) -> store::LinkStore {
        let endpoints = self.stack.endpoints();
        let aws = self.aws(&endpoints.dynamodb_url);
        store::LinkStore::new(&aws, endpoints.link_table.clone())
    }

    /// The table of rows, as jobs see it.
    pub fn resource_store(&self) -> store::ResourceStore {
        let endpoints = self.stack.endpoints();
        let aws = self.aws(&endpoints.dynamodb_url);
        let (links, rows) = (&endpoints.link_table, &endpoints.resource_table);
        store::ResourceStore::new(&aws, links.clone(), rows.clone())
    }

    /// The table of attempts, as functions see it.
    pub fn connection_store(&self) -> store::ConnectionStore {
        let endpoints = self.stack.endpoints();
        let aws = self.aws(&endpoints.dynamodb_url);
        store::ConnectionStore::new(&aws, endpoints.connection_table.clone())
    }

    /// Calls the webhook as Belvo does.
    pub async fn post_webhook(&self, body: &Value) {
        let authorization = &self.stack.endpoints().webhook_authorization;
        let request = self.http.post(self.url("/webhook")).json(body);
        let answer = self.send(request.header("authorization", authorization));
        assert_eq!(answer.await.status(), 200);
    }

    /// Lets the time come that a link waits for, whatever it is.
    pub async fn let_time_pass(&self, link_id: &str) {
        let end = "2099-01-01T00:00:00Z".parse().unwrap();
        self.let_time_pass_until(link_id, end).await;
    }

    /// The same for what waits until then. A purge waits for its own time, so that is moved.
    pub async fn let_time_pass_until(&self, link_id: &str, until: jiff::Timestamp) {
        let now = AttributeValue::S(jiff::Timestamp::now().to_string());
        let update = self.stack.dynamodb().update_item();
        let moved = update
            .table_name(&self.stack.endpoints().link_table)
            .key("link_id", AttributeValue::S(link_id.to_owned()))
            .key("record", AttributeValue::S("TOMBSTONE".to_owned()))
            .update_expression("SET schedule.purge = :now REMOVE change")
            .condition_expression("attribute_exists(schedule.purge)")
            .expression_attribute_values(":now", now);
        // Most links have no tombstone.
        drop(moved.send().await);
        let job = json!({"job": "link_due.v1", "link_id": link_id, "until": until.to_string()});
        let record = record("due", link_id, &job);
        let answer = self
            .stack
            .invoke("fetcher", json!({"Records": [record]}))
            .await;
        assert_eq!(failures(&answer.unwrap()), Vec::<String>::new());
    }

    /// All that remains to be done of an erasure: Belvo deletes later than it is asked, and is asked
    /// twice whether it has.
    pub async fn let_erasure_end(&self, id: &str) {
        for _ in 0..4 {
            self.let_time_pass(id).await;
        }
    }

    /// Tells the sandbox to do something.
    pub async fn sandbox(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.stack.endpoints().belvo_url);
        let answer = self.http.post(url).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Asks the sandbox for something; the text keeps every digit.
    pub async fn ask_sandbox(&self, path: &str) -> String {
        let url = format!("{}/_sandbox/{path}", self.stack.endpoints().belvo_url);
        let answer = self.http.get(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// Waits until every webhook has been delivered and every job done.
    pub async fn settle(&self) {
        self.sandbox("settle", &json!({})).await;
        if let Err(error) = self.stack.settle().await {
            let logs = self.stack.logs();
            let failures = logs.iter().filter(|line| line.contains("ERROR"));
            panic!("{error}: {:#?}", failures.collect::<Vec<_>>());
        }
    }
}

/// Acquires a link that is bound, as a job does.
pub async fn acquire(store: &store::LinkStore, link_id: domain::LinkId) -> store::BoundLink {
    match store.acquire(link_id).await.unwrap() {
        store::Acquired::Link { lease, link } => lease.bound(&link).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A file of `events/`, with some texts replaced.
pub fn event(function: &str, case: &str, replacements: &[(&str, &str)]) -> Value {
    let path = format!(
        "{}/../../events/{function}/{case}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (from, to) in replacements {
        text = text.replace(from, to);
    }
    serde_json::from_str(&text).unwrap()
}

/// The names of all files of `events/` for a function.
pub fn events(function: &str) -> Vec<String> {
    let path = format!("{}/../../events/{function}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(path).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.map(|name| name.replace(".json", "")).collect();
    names.sort();
    names
}

/// A record of the queue, sent in the future, so that nothing read before is fresh enough.
pub fn record(id: &str, group: &str, job: &Value) -> Value {
    record_sent(id, group, job, "4000000000000")
}

pub fn record_sent(id: &str, group: &str, job: &Value, sent: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": id,
        "body": job.to_string(),
        "attributes": {"MessageGroupId": group, "SentTimestamp": sent},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "sa-east-1",
    })
}

/// The records a batch returns.
pub fn failures(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|it| it["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}
