//! Requests to the HTTP API, as API Gateway passes them to the real handlers.

use std::time::Duration;

use http::{Method, Request};
use jiff::SignedDuration;
use lambda_http::http::Response;
use serde_json::{Map, Value, json};
use url::Url;

use crate::invocation::until;
use crate::system::WEBHOOK_AUTHORIZATION;
use crate::world::World;

/// API Gateway waits no longer for a function (AWS, "Amazon API Gateway quotas").
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(30);

/// Belvo calls a webhook again after this time.
const CALLED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// An app repeats a request that failed on our side, so often.
const TRIES: u32 = 40;

/// A request.
struct Call<'a> {
    claims: Option<&'a Map<String, Value>>,
    authorization: &'a str,
    method: Method,
    path: &'a str,
    body: &'a str,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str) -> Self {
        Self {
            claims: None,
            authorization: "Bearer checked-by-the-gateway",
            method,
            path,
            body: "",
        }
    }
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub text: String,
}

impl Answer {
    /// API Gateway's own.
    fn without_body(status: u16) -> Self {
        Self {
            status,
            location: None,
            text: String::new(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl World {
    /// A request of a signed-in person.
    pub async fn ask(&mut self, person: usize, method: Method, path: &str, body: &Value) -> Answer {
        let claims = self.claims(person);
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let call = Call {
            claims: Some(&claims),
            body: &body,
            ..Call::new(method, path)
        };
        self.request(call).await
    }

    /// The same, again and again while it fails on our side, as apps do.
    pub async fn insist(
        &mut self,
        person: usize,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Answer {
        for _ in 0..TRIES {
            let answer = self.ask(person, method.clone(), path, body).await;
            if answer.status < 500 {
                return answer;
            }
            self.time.pass(SignedDuration::from_secs(2));
        }
        panic!("{}\n{method} {path} never succeeds", self.story());
    }

    /// The browser of a user opens an address of the API.
    pub async fn open(&mut self, url: &Url) -> Answer {
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        self.request(Call::new(Method::GET, &path)).await
    }

    /// Somebody calls the webhook who does not know the agreed value.
    pub async fn forge_webhook(&mut self) {
        let link_id = self.links.keys().next().cloned().unwrap_or_default();
        let body = json!({
            "webhook_type": "TRANSACTIONS",
            "webhook_code": "historical_update",
            "link_id": link_id,
        });
        let call = Call {
            authorization: "Basic Zm9yZ2VkOmZvcmdlZA==",
            body: &body.to_string(),
            ..Call::new(Method::POST, "/webhook")
        };
        let answer = self.request(call).await;
        let refused = matches!(answer.status, 401 | 500..);
        assert!(refused, "{}\na forged webhook: {answer:?}", self.story());
    }

    /// Belvo calls the webhook, and some times more while the answer is not 200.
    pub async fn call_webhook(&mut self, webhook: &Map<String, Value>) {
        let body = Value::Object(webhook.clone()).to_string();
        for _ in 0..3 {
            let call = Call {
                authorization: WEBHOOK_AUTHORIZATION,
                body: &body,
                ..Call::new(Method::POST, "/webhook")
            };
            let answer = self.request(call).await;
            if answer.status == 200 {
                return;
            }
            self.time.pass(CALLED_AGAIN_AFTER);
        }
        self.lose(webhook);
    }

    fn claims(&self, person: usize) -> Map<String, Value> {
        let person = &self.people[person];
        let mut claims = match self.setup.body_mode {
            true => json!({}),
            false => person.identification(),
        };
        claims["sub"] = json!(person.external_id);
        claims["iss"] = json!("https://issuer.example.com");
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }

    async fn request(&mut self, call: Call<'_>) -> Answer {
        self.requests += 1;
        let request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header("host", "api.example.com")
            .header("content-type", "application/json")
            .header("authorization", call.authorization)
            .body(call.body.to_owned().into());
        let request_id = format!("request-{}", self.requests);
        let functions = &self.functions;
        let now = self.time.now();
        let entrance = functions
            .doorway
            .enter(request.unwrap(), call.claims, &request_id, now);
        let Some(entrance) = entrance else {
            return Answer::without_body(404);
        };
        let event = entrance.event.to_string();
        let request = lambda_http::request::from_str(&event).unwrap();
        let handling = async {
            match entrance.function.as_str() {
                "token" => Box::pin(functions.token.handle(&request)).await,
                "callback" => Box::pin(functions.callback.handle(&request)).await,
                "webhook" => Box::pin(functions.webhook.handle(&request)).await,
                "links" => Box::pin(functions.links.handle(&request)).await,
                other => panic!("{other} has no routes"),
            }
        };
        let handling = tokio::time::timeout(GATEWAY_TIMEOUT, handling);
        match until(self.network.next_loss(), handling).await {
            Some(Ok(response)) => answer(response),
            Some(Err(_)) | None => Answer::without_body(503),
        }
    }
}

fn answer(response: Response<String>) -> Answer {
    let location = response.headers().get("location");
    Answer {
        status: response.status().as_u16(),
        location: location.map(|it| it.to_str().unwrap().to_owned()),
        text: response.into_body(),
    }
}
