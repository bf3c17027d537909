//! The page: a few files that are part of the executable.

use std::sync::Arc;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::Front;

/// A path and its file.
macro_rules! file {
    ($path:literal, $file:literal, $content_type:literal) => {
        (
            $path,
            concat!($content_type, "; charset=utf-8"),
            include_str!(concat!("../../page/", $file)),
        )
    };
}

const FILES: [(&str, &str, &str); 13] = [
    file!("/", "index.html", "text/html"),
    // The address to which the callback returns the user.
    file!("/done", "index.html", "text/html"),
    file!("/_local/style.css", "style.css", "text/css"),
    file!("/_local/app.js", "app.js", "text/javascript"),
    file!("/_local/api.js", "api.js", "text/javascript"),
    file!("/_local/chart.js", "chart.js", "text/javascript"),
    file!("/_local/connect.js", "connect.js", "text/javascript"),
    file!("/_local/dom.js", "dom.js", "text/javascript"),
    file!("/_local/erase.js", "erase.js", "text/javascript"),
    file!("/_local/exact.js", "exact.js", "text/javascript"),
    file!("/_local/links.js", "links.js", "text/javascript"),
    file!("/_local/statement.js", "statement.js", "text/javascript"),
    file!("/_local/texts.js", "texts.js", "text/javascript"),
];

/// The page neither loads from nor sends to other hosts. (To show the banks' logos, an app adds
/// their hosts to `img-src`.)
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Arc<Front>> {
    FILES.into_iter().fold(Router::new(), |router, file| {
        let (path, content_type, content) = file;
        router.route(path, get(async move || answer(content_type, content)))
    })
}

fn answer(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content).into_response()
}
