//! The page: a few files, part of the executable.

use std::sync::Arc;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::Front;

const HTML: &str = include_str!("../../page/index.html");
const STYLE: &str = include_str!("../../page/style.css");
const SCRIPT: &str = include_str!("../../page/app.js");

/// Nothing from elsewhere is loaded, and nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Arc<Front>> {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", HTML)))
        // Where the callback sends the user back to.
        .route(
            "/done",
            get(async || file("text/html; charset=utf-8", HTML)),
        )
        .route(
            "/_local/style.css",
            get(async || file("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/_local/app.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
}

fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content).into_response()
}
