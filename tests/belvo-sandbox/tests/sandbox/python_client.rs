//! What Belvo's own Python client (0.39.1) sends, for every method of it that has a route here: it
//! tries its keys at `/api/`, follows `next` as it is, and reads each answer as JSON.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::bench::{Bench, ID, PASSWORD};

/// The client's session: keys as Basic, its own `User-Agent`, and whatever its HTTP library sends.
struct Session {
    http: Client,
    url: String,
}

impl Session {
    fn new(bench: &Bench) -> Self {
        let http = Client::builder()
            .no_proxy()
            .user_agent("belvo-python (0.39.1)")
            .build();
        Self {
            http: http.unwrap(),
            url: bench.sandbox.url().to_owned(),
        }
    }

    async fn ask(&self, method: Method, url: &str, body: Option<Value>) -> Response {
        let request = self.http.request(method, url);
        let request = request
            .basic_auth(ID, Some(PASSWORD))
            .header("accept", "*/*")
            .header("accept-encoding", "gzip, deflate")
            .header("connection", "keep-alive");
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// `Resource.list(**kwargs)`: page after page, as `next` says.
    async fn list(&self, endpoint: &str, parameters: &str) -> Vec<Value> {
        let mut url = format!("{}{endpoint}?{parameters}", self.url);
        let mut rows = Vec::new();
        loop {
            let answer = self.ask(Method::GET, &url, None).await;
            assert!(answer.status().is_success(), "{url}");
            let page = json_of(answer).await;
            rows.extend(page["results"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => url = next.to_owned(),
                None => return rows,
            }
        }
    }

    /// `Resource.get(id)`
    async fn get(&self, endpoint: &str, id: &str) -> Value {
        let url = format!("{}{endpoint}{id}/", self.url);
        let answer = self.ask(Method::GET, &url, None).await;
        assert!(answer.status().is_success(), "{url}");
        json_of(answer).await
    }
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_client_signs_in_with_the_right_keys_only() {
    let bench = Bench::new().await;
    let session = Session::new(&bench);
    let url = format!("{}/api/", session.url);
    let answer = session.ask(Method::GET, &url, None).await;
    assert!(answer.status().is_success());
    json_of(answer).await;
    let wrong = session.http.get(&url).basic_auth(ID, Some("wrong")).send();
    assert!(wrong.await.unwrap().status().is_client_error());
}

#[tokio::test]
async fn lists_and_rows_are_read_as_the_client_reads_them() {
    let bench = Bench::new().await;
    let link = bench.link(7).await;
    let session = Session::new(&bench);
    let links = session.list("/api/links/", "page_size=1").await;
    assert_eq!(links.len(), 1);
    for endpoint in ["/api/accounts/", "/api/owners/", "/api/transactions/"] {
        let parameters = format!("link={link}&page_size=2");
        let rows = session.list(endpoint, &parameters).await;
        assert!(!rows.is_empty(), "{endpoint}");
        for row in rows {
            let id = row["id"].as_str().unwrap();
            assert_eq!(session.get(endpoint, id).await, row);
        }
    }
    assert_eq!(session.get("/api/links/", &link).await["id"], link.as_str());
}

#[tokio::test]
async fn a_link_is_changed_and_deleted_as_the_client_does_it() {
    let bench = Bench::new().await;
    let link = bench.link(3).await;
    let session = Session::new(&bench);
    let url = format!("{}/api/links/{link}/", session.url);
    let change = json!({"access_mode": "single"});
    let answer = session.ask(Method::PATCH, &url, Some(change)).await;
    assert_eq!(json_of(answer).await["access_mode"], "single");
    let answer = session.ask(Method::DELETE, &url, None).await;
    assert!(answer.status().is_success());
    let again = session.ask(Method::DELETE, &url, None).await;
    assert!(again.status().is_client_error());
}

/// The client sends `scopes` and `widget` and nothing else, so it can ask for a token of the portal;
/// one for a new link needs more. Either answer is JSON.
#[tokio::test]
async fn a_token_is_asked_for_as_the_client_does_it() {
    let bench = Bench::new().await;
    let session = Session::new(&bench);
    let url = format!("{}/api/token/", session.url);
    let token = async |scopes: &str, widget: Value| {
        let body = json!({"id": ID, "password": PASSWORD, "scopes": scopes, "widget": widget});
        let answer = session.ask(Method::POST, &url, Some(body)).await;
        (answer.status().as_u16(), json_of(answer).await)
    };
    let management = json!({
        "openfinance_feature": "consent_management",
        "consent": {
            "terms_and_conditions_url": "https://www.example.com/termos",
            "permissions": ["REGISTER", "ACCOUNTS", "CREDIT_CARDS", "CREDIT_OPERATIONS"],
            "identification_info": [{"type": "CPF", "number": "76109277673", "name": "Ralph Bragg"}],
        },
    });
    let scopes = "read_consents,write_consents,write_consent_callback";
    let (status, answer) = token(scopes, management).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["access"].is_string());
    let (status, answer) = token("read_institutions,write_links", json!({})).await;
    assert_eq!(status, 400);
    assert!(answer[0]["code"].is_string());
}
