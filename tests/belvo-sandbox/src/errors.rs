//! Belvo's errors: an array of objects even for a single error, and the gateway's HTML page.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    faults::{Body, Failure, Gateway},
    random::Seed,
};

/// The gateway's own error page.
pub const GATEWAY_PAGE: &str = "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center><hr><center>openresty</center></body></html>\n";

/// One entry of an error array, without its request id.
#[derive(Debug, Clone)]
pub struct Complaint {
    code: String,
    message: String,
    field: Option<String>,
}

impl Complaint {
    /// An entry that names no field.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            field: None,
        }
    }

    /// An entry about a field.
    pub fn about(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(code, message)
        }
    }

    pub fn required(field: &str) -> Self {
        Self::about(field, "required", "This field is required.")
    }
}

/// Answers with several errors under one request id.
pub fn complaints(status: StatusCode, complaints: Vec<Complaint>) -> Response {
    let request_id = request_id();
    let body: Vec<Value> = complaints
        .into_iter()
        .map(|complaint| {
            let mut entry = json!({
                "request_id": request_id,
                "message": complaint.message,
                "code": complaint.code,
            });
            if let Some(field) = complaint.field {
                entry["field"] = field.into();
            }
            entry
        })
        .collect();
    (status, axum::Json(body)).into_response()
}

/// Answers with one error.
pub fn complaint(status: StatusCode, code: &str, message: &str) -> Response {
    complaints(status, vec![Complaint::new(code, message)])
}

pub fn bad_request(reasons: Vec<Complaint>) -> Response {
    complaints(StatusCode::BAD_REQUEST, reasons)
}

pub fn wrong_keys() -> Response {
    complaint(
        StatusCode::UNAUTHORIZED,
        "authentication_failed",
        "Invalid Secret Keys",
    )
}

pub fn not_found() -> Response {
    complaint(StatusCode::NOT_FOUND, "not_found", "Not found.")
}

pub fn method_not_allowed() -> Response {
    complaint(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Method not allowed.",
    )
}

/// 413.
pub fn too_large() -> Response {
    complaint(
        StatusCode::PAYLOAD_TOO_LARGE,
        "validation_error",
        "The request is too large.",
    )
}

/// The answer of something in front of Belvo, as it was asked for.
pub fn gateway(gateway: &Gateway) -> Response {
    let status = StatusCode::from_u16(gateway.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let content_type = gateway.content_type.as_deref().unwrap_or("text/html");
    let content_type = [(header::CONTENT_TYPE, content_type.to_owned())];
    (status, content_type, gateway.body.clone()).into_response()
}

/// A gateway's answer where Belvo's would have taken too long, or become too large.
pub fn too_slow(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::GATEWAY_TIMEOUT);
    (status, Html("<html><h1>Time-out</h1></html>")).into_response()
}

/// The answer for a failure.
pub fn failure(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match failure.body {
        Body::Html => (status, Html(GATEWAY_PAGE)).into_response(),
        Body::Empty => (status, [(header::CONTENT_LENGTH, "0")]).into_response(),
        Body::Json => {
            let (code, message) = usual(failure.status);
            complaint(status, failure.code.as_deref().unwrap_or(code), message)
        }
    }
}

/// The default code and message of a status.
fn usual(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("validation_error", "Bad request"),
        401 => ("authentication_failed", "Invalid Secret Keys"),
        403 => (
            "access_to_resource_denied",
            "You don't have access to this resource.",
        ),
        404 => ("not_found", "Not found."),
        408 => (
            "request_timeout",
            "The request timed out, you can retry asking for less data by changing your query parameters",
        ),
        // Belvo does not document the body of its 429; this is the text of its web framework.
        429 => ("throttled", "Request was throttled."),
        503 => ("service_unavailable", "Service unavailable."),
        _ => (
            "unexpected_error",
            "Belvo is unable to process the request due to an internal system issue or to an unsupported response from an institution",
        ),
    }
}

tokio::task_local! {
    /// The seed of the request's id; the gate sets it.
    pub static REQUEST: Seed;
}

fn request_id() -> String {
    let seed = REQUEST.try_with(|seed| *seed);
    seed.unwrap_or(Seed::new(0)).hex()
}
