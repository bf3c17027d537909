//! Belvo's side of a world: the sandbox, events at the bank, and the client of its API.

use std::sync::Arc;

use belvo::{Belvo, ClientOptions, KeySource, Keys, Transport, TransportError};
use belvo_sandbox::{Config, Sandbox};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{Method, Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::crash_points::{Calls, Fate, Side};
use super::time::Time;
use crate::canonical::Canonical;

pub struct Bank {
    sandbox: Arc<Sandbox>,
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
    pub fn open(seed: u64, time: Time) -> Self {
        let sandbox = Sandbox::in_process(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            secret_id: "id".to_owned(),
            secret_password: "password".to_owned(),
            seed,
            webhook: None,
        });
        Self {
            sandbox: Arc::new(sandbox),
            time,
            webhooks_taken: 0,
        }
    }

    /// A Belvo client as functions use it; `calls` counts its calls.
    pub fn api(&self, calls: Option<Calls>, page_size: u32) -> Belvo {
        let sandbox = Arc::clone(&self.sandbox);
        let transport = Transport::from_fn(move |request| {
            let sent = send(Arc::clone(&sandbox), request);
            match calls.clone() {
                None => sent.boxed(),
                Some(calls) => async move {
                    calls
                        .make(Side::Belvo, over_the_network(&calls, sent))
                        .await
                }
                .boxed(),
            }
        });
        let keys = Keys::from_json(r#"{"id": "id", "password": "password"}"#).unwrap();
        let keys = KeySource::fixed(keys);
        let options = ClientOptions {
            page_size,
            ..ClientOptions::default()
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
        let answer = self.control(Method::POST, path, body.to_string()).await;
        serde_json::from_str(&answer).unwrap()
    }

    async fn ask(&self, path: &str) -> String {
        self.control(Method::GET, path, String::new()).await
    }

    async fn control(&self, method: Method, path: &str, body: String) -> String {
        let request = Request::builder()
            .method(method)
            .uri(format!("/_sandbox/{path}"))
            .body(Bytes::from(body.clone()));
        let answer = self.sandbox.answer(request.unwrap()).await.unwrap();
        let (status, text) = (answer.status(), answer.into_body().to_vec());
        let text = String::from_utf8(text).unwrap();
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        text
    }
}

/// The network between, which may break before or after the request arrives.
async fn over_the_network(
    calls: &Calls,
    sent: impl Future<Output = Result<Response<Bytes>, TransportError>>,
) -> Result<Response<Bytes>, TransportError> {
    let broken = || {
        let error = std::io::Error::other("the connection broke");
        TransportError::NoAnswer(Arc::new(error))
    };
    match calls.fate() {
        Fate::Answered => sent.await,
        Fate::AnswerLost => sent.await.and_then(|_| Err(broken())),
        Fate::NeverArrives | Fate::Refused => Err(broken()),
    }
}

async fn send(
    sandbox: Arc<Sandbox>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let answer = sandbox.answer(request).await;
    answer.map_err(|error| TransportError::NoAnswer(Arc::new(error)))
}
