//! A sandbox, a browser-like client, and a receiver of its webhooks.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use belvo_sandbox::{Config, Sandbox, WebhookTarget};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

pub const ID: &str = "key-of-the-sandbox";
pub const PASSWORD: &str = "password-of-the-sandbox";
pub const AUTHORIZATION: &str = "Basic d2ViaG9vazpzZWNyZXQ=";
pub const CPF: &str = "48291530750";

pub struct Bench {
    pub sandbox: Sandbox,
    pub received: Arc<Received>,
    client: Client,
}

/// Received webhooks, and the statuses to answer before 200.
#[derive(Default)]
pub struct Received {
    pub webhooks: Mutex<Vec<(HeaderMap, Value)>>,
    pub answers: Mutex<VecDeque<u16>>,
}

impl Bench {
    pub async fn new() -> Self {
        Self::with_seed(7).await
    }

    pub async fn with_seed(seed: u64) -> Self {
        let (url, received) = receiver().await;
        let sandbox = Sandbox::start(Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret_id: ID.into(),
            secret_password: PASSWORD.into(),
            seed,
            webhook: Some(WebhookTarget {
                url,
                authorization: Some(AUTHORIZATION.into()),
            }),
        })
        .await
        .unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let bench = Self {
            sandbox,
            received,
            client,
        };
        // The middle of a day and of a billing period, independent of today's date.
        bench
            .control("clock", json!({ "set": "2026-11-20T12:00:00Z" }))
            .await;
        bench
    }

    /// A request with the right keys.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, None).await
    }

    pub async fn request(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.sandbox.url());
        let mut request = self
            .client
            .request(method, url)
            .basic_auth(ID, Some(PASSWORD));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        request.send().await.unwrap()
    }

    /// A request without keys, for pages and the control interface.
    pub fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.sandbox.url()))
    }

    pub async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }

    /// A control request that must succeed.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let path = format!("/_sandbox/{path}");
        let answer = self.request(Method::POST, &path, Some(body)).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn faults(&self, faults: Value) {
        self.control("faults", faults).await;
    }

    pub async fn mint(&self, body: &Value) -> String {
        let answer = self
            .request(Method::POST, "/api/token/", Some(body.clone()))
            .await;
        let (status, body) = parts(answer).await;
        assert_eq!(status, 200, "{body}");
        body["access"].as_str().unwrap().to_owned()
    }

    /// A link made by a user, after its webhooks have arrived.
    pub async fn connect(&self) -> String {
        let access_token = self.mint(&token_request()).await;
        let wish = json!({ "access_token": access_token, "external_id": "user-1" });
        let connected = self.control("connect", wish).await;
        self.settle().await;
        connected["link_id"].as_str().unwrap().to_owned()
    }

    /// A link of this size without webhooks.
    pub async fn link(&self, transactions: u64) -> String {
        let wish =
            json!({ "external_id": "user-1", "transactions": transactions, "webhooks": false });
        let made = self.control("links", wish).await;
        made["link_id"].as_str().unwrap().to_owned()
    }

    pub async fn settle(&self) {
        self.control("settle", json!({})).await;
    }

    pub async fn truth(&self, link: &str) -> Value {
        self.json(&format!("/_sandbox/links/{link}/truth")).await
    }

    /// Returns the received bodies and clears them.
    pub fn take_webhooks(&self) -> Vec<Value> {
        let taken = std::mem::take(&mut *self.received.webhooks.lock().unwrap());
        taken.into_iter().map(|(_, body)| body).collect()
    }
}

/// A correct token request for a person.
pub fn token_request() -> Value {
    json!({
        "id": ID,
        "password": PASSWORD,
        "scopes": "read_institutions,write_links,read_consents,write_consents,write_consent_callback,delete_consents",
        "stale_in": "365d",
        "fetch_resources": ["ACCOUNTS", "TRANSACTIONS", "OWNERS", "BILLS", "INVESTMENTS", "INVESTMENT_TRANSACTIONS"],
        "widget": {
            "purpose": "Análise financeira.",
            "openfinance_feature": "consent_link_creation",
            "callback_urls": {
                "success": "https://app.example.com/callback/s-1/success",
                "exit": "acmeapp://connected/s-1/exit",
                "event": "https://app.example.com/callback/s-1/event?kept=1",
            },
            "consent": {
                "purpose": "Análise financeira.",
                "terms_and_conditions_url": "https://www.example.com/termos",
                "permissions": ["REGISTER", "ACCOUNTS", "CREDIT_CARDS", "CREDIT_OPERATIONS"],
                "identification_info": [{ "type": "CPF", "number": CPF, "name": "Marina Duarte Falcão" }],
                "default_consent_duration_days": 366,
            },
            "branding": {
                "company_icon": "https://static.example.com/icon.svg",
                "company_logo": "https://static.example.com/logo.svg",
                "company_name": "ACME",
                "company_terms_url": "https://www.example.com/privacidade",
                "social_proof": true,
            },
            "theme": [],
        },
    })
}

/// A correct token request for managing a person's consents.
pub fn management_request() -> Value {
    let mut request = token_request();
    request["scopes"] = "read_consents,write_consents,write_consent_callback".into();
    request["widget"] = json!({
        "openfinance_feature": "consent_management",
        "consent": request["widget"]["consent"],
    });
    for field in ["stale_in", "fetch_resources"] {
        request.as_object_mut().unwrap().remove(field);
    }
    request
}

pub fn codes(bodies: &[Value]) -> Vec<&str> {
    bodies
        .iter()
        .map(|body| body["webhook_code"].as_str().unwrap())
        .collect()
}

pub async fn parts(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

/// Status, code and field of the first error.
pub async fn error(answer: Response) -> (u16, String, String) {
    let (status, body) = parts(answer).await;
    let entry = &body[0];
    let request_id = entry["request_id"].as_str().unwrap_or_default();
    assert_eq!(request_id.len(), 32, "{body}");
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("field"))
}

async fn receiver() -> (String, Arc<Received>) {
    let received = Arc::new(Received::default());
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/hook", post(receive))
        .with_state(received.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, received)
}

async fn receive(
    State(received): State<Arc<Received>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    received.webhooks.lock().unwrap().push((headers, body));
    let answer = received.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(answer).unwrap()
}
