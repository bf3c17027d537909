//! Routes for development: the list of people, and their sign-in.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};

use super::{Front, Shared};

pub(super) fn routes() -> Router<Arc<Front>> {
    Router::new()
        .route("/people", get(people))
        .route("/sign-in", post(sign_in))
}

/// The error of a development route. It is shown in full, because the reader is the developer.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (
            StatusCode::BAD_GATEWAY,
            Json(json!({"message": format!("{:#}", self.0)})),
        )
            .into_response()
    }
}

/// The people whom the page offers for sign-in: those with accounts at the Belvo in use.
async fn people(State(front): Shared) -> Result<Json<Value>, Failure> {
    if !front.has_sandbox {
        // The test person that Belvo publishes for its own sandbox.
        return Ok(Json(
            json!([{"kind": "individual", "cpf": "76109277673", "name": "Ralph Bragg"}]),
        ));
    }
    let url = format!("{}/_sandbox/people", front.endpoints.belvo_url);
    let people = reqwest::get(url).await?.error_for_status()?.json().await?;
    Ok(Json(people))
}

async fn sign_in(
    State(front): Shared,
    Json(claims): Json<Map<String, Value>>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({"access_token": front.issuer.sign(claims)?})))
}
