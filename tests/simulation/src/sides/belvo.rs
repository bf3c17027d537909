//! Belvo's side of a world: the sandbox, what happens at banks, and the client of its API.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belvo::{Belvo, ClientOptions, KeySource, Transport, TransportError};
use belvo_sandbox::{Config, Sandbox};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use truth::Canonical;

use super::network::{Call, Fate, Line, Side};
use super::protection::Protection;
use super::time::Time;
use crate::system::Setup;

/// How much later a late deletion comes.
const DELETED_AFTER: SignedDuration = SignedDuration::from_mins(40);

/// The first pair of Belvo's keys.
pub const KEYS: (&str, &str) = ("id", "password");

/// Belvo, its widget and its portal.
#[derive(Clone)]
pub struct Bank {
    sandbox: Arc<Sandbox>,
    time: Time,
    without: Option<Protection>,
    /// Links that were asked for.
    asked: Arc<Mutex<BTreeSet<String>>>,
    /// Deletions that it has accepted and will do, if it does them late.
    deletions: Option<Arc<Mutex<Vec<Deletion>>>>,
}

/// When, and the request.
type Deletion = (Timestamp, Request<Bytes>);

/// A transaction at the bank.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Movement {
    pub value_date: Option<String>,
    pub id: String,
}

/// What the widget gave.
#[derive(Clone, Debug, Deserialize)]
pub struct Connected {
    pub link_id: Option<String>,
    pub redirect_url: Option<String>,
}

impl Bank {
    pub fn open(setup: &Setup, time: Time) -> Self {
        let sandbox = Sandbox::in_process(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            secret_id: KEYS.0.to_owned(),
            secret_password: KEYS.1.to_owned(),
            seed: setup.seed,
            webhook: None,
        });
        Self {
            sandbox: Arc::new(sandbox),
            time,
            without: setup.without,
            asked: Arc::default(),
            deletions: setup.late_deletions.then(Arc::default),
        }
    }

    pub fn widget_url(&self) -> String {
        self.sandbox.widget_url()
    }

    /// A client of a function, on a line of its own; without a line nothing fails.
    pub fn api(
        &self,
        line: Option<Line>,
        keys: KeySource,
        timeout: Duration,
        options: ClientOptions,
    ) -> Belvo {
        let bank = self.clone();
        let transport = Transport::from_fn(move |request| {
            let bank = bank.clone();
            match line.clone() {
                None => async move { bank.answer(request).await }.boxed(),
                Some(line) => async move {
                    let call = Call {
                        side: Side::Belvo,
                        is_effect: request.method() != Method::GET,
                    };
                    let deliver = |fate| bank.deliver(fate, request);
                    let answer = line.call(call, deliver);
                    let answer = tokio::time::timeout(timeout, answer).await;
                    answer.unwrap_or_else(|_| Err(broken()))
                }
                .boxed(),
            }
        });
        Belvo::new(self.sandbox.url().parse().unwrap(), transport, keys).with_options(options)
    }

    async fn deliver(
        &self,
        fate: Fate,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        match fate {
            Fate::Answered => self.answer(request).await,
            Fate::NeverArrives => Err(broken()),
            Fate::AnswerLost => {
                self.answer(request).await?;
                Err(broken())
            }
            Fate::Repeated => {
                self.answer(request.clone()).await?;
                self.answer(request).await
            }
            Fate::Refused => Ok(page(StatusCode::TOO_MANY_REQUESTS)),
            // Any status, and never Belvo's form.
            Fate::Intercepted => {
                let statuses = [200, 204, 302, 403, 404, 410, 421, 502];
                let length = request.uri().path().len();
                let status = statuses.get(length % statuses.len());
                let status = StatusCode::from_u16(*status.unwrap()).unwrap();
                Ok(page(status))
            }
        }
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if self.without == Some(Protection::RemovalProof) && is_single_row(&request) {
            let body = r#"[{"code": "not_found", "message": "Not found", "field": null}]"#;
            let answer = Response::builder()
                .status(StatusCode::NOT_FOUND)
                .header("content-type", "application/json")
                .body(Bytes::from_static(body.as_bytes()));
            return Ok(answer.unwrap());
        }
        self.synchronize().await;
        self.asked.lock().unwrap().extend(link_of(&request));
        if request.method() == Method::DELETE
            && let Some(deletions) = &self.deletions
            && self.shows(request.uri().path()).await
        {
            let at = self.time.now() + DELETED_AFTER;
            deletions.lock().unwrap().push((at, request));
            let accepted =
                Bytes::from_static(br#"{"request_id": "00000000000000000000000000000000"}"#);
            let answer = Response::builder().status(StatusCode::ACCEPTED);
            let answer = answer.header("content-type", "application/json");
            return Ok(answer.body(accepted).unwrap());
        }
        let answer = self.sandbox.answer(request).await;
        answer.map_err(|error| TransportError::NoAnswer(Arc::new(error)))
    }

    /// Whether this path is that of a link it shows.
    async fn shows(&self, path: &str) -> bool {
        let links = self.links().await;
        links
            .iter()
            .any(|id| path.split('/').any(|part| part == id))
    }

    /// Belvo's clock is frozen at what it was told last, like that of a test.
    async fn synchronize(&self) {
        let now = self.time.now();
        let clock = json!({"set": now.to_string(), "freeze": true});
        self.post("clock", &clock).await;
        for request in self.take_due_deletions(now) {
            drop(self.sandbox.answer(request).await);
        }
    }

    fn take_due_deletions(&self, now: Timestamp) -> Vec<Request<Bytes>> {
        let Some(deletions) = &self.deletions else {
            return Vec::new();
        };
        let mut deletions = deletions.lock().unwrap();
        let due = deletions.extract_if(.., |(at, _)| *at <= now);
        due.map(|(_, request)| request).collect()
    }

    /// Ends a visit to the widget, as the user does.
    pub async fn visit(&self, visit: &Value) -> Result<Connected, String> {
        self.synchronize().await;
        let (status, text) = self
            .control(Method::POST, "connect", visit.to_string())
            .await;
        match status.is_success() {
            true => Ok(serde_json::from_str(&text).unwrap()),
            false => Err(text),
        }
    }

    /// Tells the sandbox to do something, and gives what it answers.
    pub async fn tell(&self, path: &str, body: &Value) -> Value {
        self.synchronize().await;
        self.post(path, body).await
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

    /// Hides a link from Belvo's API.
    pub async fn hide(&self, link_id: &str) {
        let path = format!("links/{link_id}/gone");
        self.tell(&path, &json!({"gone": true})).await;
    }

    /// Shows a link again, unless Belvo has deleted it.
    pub async fn show(&self, link_id: &str) {
        self.synchronize().await;
        let path = format!("links/{link_id}/gone");
        let wish = json!({"gone": false}).to_string();
        let (status, text) = self.control(Method::POST, &path, wish).await;
        assert!(
            status.is_success() || status == StatusCode::NOT_FOUND,
            "{text}"
        );
    }

    /// The links that were asked for since the last time.
    pub fn take_asked(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
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

    /// The bodies of all webhooks after the first so many.
    pub async fn webhooks_after(&self, count: usize) -> Vec<Map<String, Value>> {
        self.synchronize().await;
        let new = self.ask(&format!("webhooks?after={count}")).await;
        let new: Vec<Value> = serde_json::from_str(&new).unwrap();
        let bodies = new.into_iter();
        bodies
            .map(|it| it["body"].as_object().cloned().unwrap())
            .collect()
    }

    /// All links that Belvo shows.
    pub async fn links(&self) -> Vec<String> {
        let links: Value = serde_json::from_str(&self.ask("links").await).unwrap();
        let links = links.as_array().unwrap().iter();
        let there = links.filter(|it| it["gone"] == json!(false));
        let id = |it: &Value| it["id"].as_str().unwrap().to_owned();
        there.map(id).collect()
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

    async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, text) = self.control(Method::POST, path, body.to_string()).await;
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn ask(&self, path: &str) -> String {
        let (status, text) = self.control(Method::GET, path, String::new()).await;
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    async fn control(&self, method: Method, path: &str, body: String) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/_sandbox/{path}"))
            .body(Bytes::from(body));
        let answer = self.sandbox.answer(request.unwrap()).await.unwrap();
        let status = answer.status();
        let text = String::from_utf8(answer.into_body().to_vec()).unwrap();
        (status, text)
    }
}

impl fmt::Debug for Bank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bank(…)")
    }
}

fn broken() -> TransportError {
    let error = std::io::Error::other("the connection broke");
    TransportError::NoAnswer(Arc::new(error))
}

/// The page of something in front of Belvo.
fn page(status: StatusCode) -> Response<Bytes> {
    let page = Response::builder()
        .status(status)
        .header("content-type", "text/html")
        .body(Bytes::from_static(b"<html>a gateway</html>"));
    page.unwrap()
}

/// The link by which a list is filtered.
fn link_of(request: &Request<Bytes>) -> Option<String> {
    let query = request.uri().query()?.as_bytes();
    let mut members = url::form_urlencoded::parse(query);
    let link = members.find(|(name, _)| name == "link")?;
    Some(link.1.into_owned())
}

/// `GET /api/{resource}/{id}/` of a row of a bank.
fn is_single_row(request: &Request<Bytes>) -> bool {
    let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [.., resource, id] => {
            request.method() == Method::GET
                && id.len() == 36
                && !["links", "consents"].contains(resource)
        }
        _ => false,
    }
}
