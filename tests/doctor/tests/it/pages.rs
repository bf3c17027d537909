//! Pages outside the stack: a company's, and some with faults.

use std::{future::pending, net::Ipv4Addr};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header},
    response::{Html, Redirect},
    routing::{any, get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

pub struct Pages {
    url: String,
    // Aborted when dropped.
    _server: JoinSet<()>,
}

impl Pages {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router()).await.unwrap() });
        Self {
            url,
            _server: server,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

fn router() -> Router {
    let svg =
        |size: &str| format!(r#"<?xml version="1.0"?><svg viewBox="0 0 {size}"><path/></svg>"#);
    let (square, wide) = (svg("48 48"), svg("120 48"));
    let served = |kind: &'static str, body: String| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], body) })
    };
    Router::new()
        .route(
            "/icon.svg",
            served("image/svg+xml; charset=utf-8", square.clone()),
        )
        .route("/logo.svg", served("image/svg+xml", wide))
        .route("/icon.png", served("image/png", "\u{89}PNG".to_owned()))
        .route(
            "/png-as-svg",
            served("image/svg+xml", "\u{89}PNG".to_owned()),
        )
        .route("/svg-as-text", served("text/plain", square))
        .route("/terms", get(|| async { Html("Termos") }))
        .route("/moved", get(|| async { Redirect::permanent("/terms") }))
        .route("/circle", get(|| async { Redirect::permanent("/circle") }))
        .route(
            "/away",
            get(|| async { Redirect::temporary("http://www.example.com/") }),
        )
        .route("/slow", post(slow))
        .route("/credulous", post(|| async {}))
        .route(
            "/forgetful/links",
            get(|| async { ([(header::ETAG, "W/\"1\"")], "{}") }),
        )
        .route("/elsewhere/{*path}", any(repeat))
        .route("/other-belvo/api/links/", get(|| async { "{}" }))
        .route(
            "/strict-belvo/api/links/",
            get(|| async {
                let said = json!([{"code": "authentication_failed"}]);
                (StatusCode::UNAUTHORIZED, Json(said))
            }),
        )
        .route(
            "/walled-belvo/api/links/",
            get(|| async { StatusCode::UNAUTHORIZED }),
        )
}

/// A foreign service that repeats the request.
async fn repeat(headers: HeaderMap, body: String) -> (StatusCode, Json<Value>) {
    let value = headers.get(header::AUTHORIZATION);
    let value = value.and_then(|it| it.to_str().ok());
    let errors = json!([{"pointer": value, "detail": body}]);
    let said = json!({"type": value, "request_id": value, "errors": errors});
    (StatusCode::IM_A_TEAPOT, Json(said))
}

/// A webhook that answers quickly, except to Belvo's first, empty request.
async fn slow(headers: HeaderMap, body: String) -> StatusCode {
    let value = headers.get(header::AUTHORIZATION);
    let value = value.and_then(|it| it.to_str().ok());
    // The local stack's user is called belvo.
    if !value.is_some_and(|it| it.starts_with("Basic YmVsdm86")) {
        return StatusCode::UNAUTHORIZED;
    }
    if body.is_empty() {
        pending::<()>().await;
    }
    StatusCode::OK
}
