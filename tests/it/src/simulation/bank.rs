//! Belvo's side of a world: the sandbox, events at the bank, and the client of its API.

use std::sync::Arc;

use belvo::{Belvo, ClientOptions, KeySource, Keys, RateLimiter, Transport, TransportError};
use belvo_sandbox::{Config, Sandbox};
use bytes::Bytes;
use futures::FutureExt as _;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::crash_points::{Calls, Side};
use super::time::Time;
use crate::canonical::Canonical;

pub struct Bank {
    sandbox: Sandbox,
    http: Client,
    time: Time,
    webhooks_taken: usize,
}

/// A transaction at the bank.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Movement {
    pub value_date: Option<String>,
    pub id: String,
}

impl Bank {
    pub async fn open(seed: u64, time: Time) -> Self {
        let sandbox = Sandbox::start(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            secret_id: "id".to_owned(),
            secret_password: "password".to_owned(),
            seed,
            webhook: None,
        });
        Self {
            sandbox: sandbox.await.unwrap(),
            http: client(),
            time,
            webhooks_taken: 0,
        }
    }

    /// A Belvo client as functions use it; `calls` counts its calls.
    pub fn api(&self, calls: Option<Calls>, page_size: u32) -> Belvo {
        let http = self.http.clone();
        let transport = Transport::from_fn(move |request| {
            let sent = send(http.clone(), request);
            match calls.clone() {
                None => sent.boxed(),
                Some(calls) => async move { calls.make(Side::Belvo, sent).await }.boxed(),
            }
        });
        let keys = Keys::from_json(r#"{"id": "id", "password": "password"}"#).unwrap();
        let keys = KeySource::fixed(keys);
        let options = ClientOptions {
            // Limits that would wait in real time.
            rate_limiter: RateLimiter::new(1_000_000),
            first_delay: std::time::Duration::ZERO,
            page_size,
        };
        Belvo::new(self.sandbox.url().parse().unwrap(), transport, keys).with_options(options)
    }

    /// Makes a link with this many transactions; all its webhooks follow.
    pub async fn connect(&self, external_id: &str, transactions: u64) -> String {
        let wish = json!({"external_id": external_id, "transactions": transactions});
        let link = self.tell("links", &wish).await;
        link["link_id"].as_str().unwrap().to_owned()
    }

    /// Changes transactions at the bank; Belvo reads it and sends webhooks.
    pub async fn change(&self, link_id: &str, changes: &Value) {
        self.tell(&format!("links/{link_id}/changes"), changes)
            .await;
    }

    /// Changes objects of another resource than transactions, which `changes` names.
    pub async fn change_objects(&self, link_id: &str, changes: &Value) {
        self.tell(&format!("links/{link_id}/objects"), changes)
            .await;
    }

    /// Hides the link from Belvo's API, or shows it again.
    pub async fn hide(&self, link_id: &str, gone: bool) {
        let wish = json!({"gone": gone});
        self.tell(&format!("links/{link_id}/gone"), &wish).await;
    }

    /// Belvo reads the bank again and announces everything.
    pub async fn refresh(&self, link_id: &str) {
        let wish = json!({"refresh": true});
        self.tell(&format!("links/{link_id}/status"), &wish).await;
    }

    /// Replaces all faults.
    pub async fn fail(&self, faults: &Value) {
        self.tell("faults", faults).await;
    }

    /// The bodies of new webhooks since the last call.
    pub async fn new_webhooks(&mut self) -> Vec<Map<String, Value>> {
        let new = self
            .ask(&format!("webhooks?after={}", self.webhooks_taken))
            .await;
        let new: Vec<Value> = serde_json::from_str(&new).unwrap();
        let new = new.into_iter();
        let new: Vec<_> = new
            .map(|it| it["body"].as_object().cloned().unwrap())
            .collect();
        self.webhooks_taken += new.len();
        new
    }

    pub async fn knows(&self, link_id: &str) -> bool {
        self.ask("links").await.contains(link_id)
    }

    /// All of Belvo's data of a link.
    pub async fn truth(&self, link_id: &str) -> Canonical {
        Canonical::from_json(&self.ask(&format!("links/{link_id}/truth")).await)
    }

    /// Belvo's transactions of a link, in short.
    pub async fn transactions(&self, link_id: &str) -> Vec<Movement> {
        #[derive(Deserialize)]
        struct Truth {
            transactions: Vec<Movement>,
        }
        let truth = self.ask(&format!("links/{link_id}/truth")).await;
        serde_json::from_str::<Truth>(&truth).unwrap().transactions
    }

    /// Requests for paths that Belvo does not have.
    pub async fn unknown_requests(&self) -> String {
        self.ask("unknown").await
    }

    async fn tell(&self, path: &str, body: &Value) -> Value {
        // The sandbox's clock is frozen until a test moves it, like ours.
        let now = json!({"set": self.time.now().to_string(), "freeze": true});
        self.post("clock", &now).await;
        self.post(path, body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let answer = self.http.post(url).body(body.to_string()).send();
        let answer = answer.await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn ask(&self, path: &str) -> String {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let answer = self.http.get(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }
}

/// It only connects to this machine, and loading certificates would take longer than a run.
fn client() -> Client {
    let client = Client::builder().no_proxy().tls_certs_only([]);
    client.build().unwrap()
}

async fn send(
    http: Client,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    let failed = |error: reqwest::Error| TransportError::NoAnswer(Arc::new(error));
    let request = request.try_into().map_err(failed)?;
    let answer = http.execute(request).await.map_err(failed)?;
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.body_mut() = answer.bytes().await.map_err(failed)?;
    Ok(response)
}
