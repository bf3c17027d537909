//! `/_sandbox/`: the control routes for tests, demos and outside tools. They need no keys.

pub mod inspect;
pub mod life;
pub mod links;
pub mod making;
pub mod renewal;
pub mod settings;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use crate::world::{Inner, World};

/// The routes under `/_sandbox/`.
pub fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/_sandbox/connect", post(making::connect))
        .route("/_sandbox/links", get(links::list).post(making::create))
        .route("/_sandbox/links/{id}/changes", post(links::changes))
        .route("/_sandbox/links/{id}/objects", post(links::objects))
        .route("/_sandbox/links/{id}/status", post(life::status))
        .route("/_sandbox/links/{id}/access", post(life::access))
        .route("/_sandbox/links/{id}/consent", post(life::consent))
        .route("/_sandbox/links/{id}/renew", post(renewal::renew))
        .route("/_sandbox/links/{id}/gone", post(life::gone))
        .route("/_sandbox/wipe", post(life::wipe))
        .route("/_sandbox/links/{id}/webhook", post(links::webhook))
        .route("/_sandbox/links/{id}/truth", get(inspect::truth))
        .route("/_sandbox/webhook", post(links::any_webhook))
        .route("/_sandbox/webhooks", get(inspect::webhooks))
        .route("/_sandbox/webhooks/release", post(settings::release))
        .route("/_sandbox/settle", post(settings::settle))
        .route(
            "/_sandbox/faults",
            get(settings::faults).post(settings::set_faults),
        )
        .route(
            "/_sandbox/clock",
            get(settings::clock).post(settings::set_clock),
        )
        .route(
            "/_sandbox/requests",
            get(inspect::requests).delete(inspect::clear_requests),
        )
        .route("/_sandbox/keys", post(settings::set_keys))
        .route("/_sandbox/drifts", get(inspect::drifts))
        .route("/_sandbox/unknown", get(inspect::unknown))
        .route("/_sandbox/people", get(inspect::people))
        .route("/_sandbox/banks", get(inspect::banks))
        // A list of exact changes may be long.
        .layer(DefaultBodyLimit::max(64 << 20))
        .with_state(world.clone())
}

/// A control request that cannot be carried out, with the reason.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    /// A path that is not part of the control interface.
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no such control route")
    }

    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    fn bad(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    fn no_link() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no such link")
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::bad(reason)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, axum::Json(json!({ "error": self.reason }))).into_response()
    }
}

/// Parses a body; an empty body is an empty object.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|why| Refusal::bad(why.to_string()))
}

fn find(inner: &Inner, id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<Uuid>().map_err(|_| Refusal::no_link())?;
    inner
        .links
        .contains_key(&id)
        .then_some(id)
        .ok_or_else(Refusal::no_link)
}
