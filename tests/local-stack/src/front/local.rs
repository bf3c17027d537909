//! Routes for development: whom to sign in as, and what is in the tables.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Front, Shared};
use crate::items::Item;

/// Rows of one answer, unless another limit is asked for.
const ROWS: i32 = 50;

pub(super) fn routes() -> Router<Arc<Front>> {
    Router::new()
        .route("/people", get(people))
        .route("/sign-in", post(sign_in))
        .route("/users/{external_id}/links", get(links))
        .route("/links/{link_id}/{resource}", get(rows))
}

/// Why a development route could not answer; shown as it is, for this is the developer's machine.
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

/// Whom the page offers to sign in as: the people who have accounts at the Belvo in use.
async fn people(State(front): Shared) -> Result<Json<Value>, Failure> {
    if !front.has_sandbox {
        // The test person whom Belvo publishes for its own sandbox.
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

/// A user's LINK records.
async fn links(
    State(front): Shared,
    Path(external_id): Path<String>,
) -> Result<Json<Vec<Item>>, Failure> {
    let found = front
        .dynamodb
        .query()
        .table_name(&front.endpoints.resource_table)
        .index_name("by_external_id")
        .key_condition_expression("external_id = :user")
        .filter_expression("#record = :link")
        .expression_attribute_names("#record", "record")
        .expression_attribute_values(":user", AttributeValue::S(external_id))
        .expression_attribute_values(":link", AttributeValue::S("LINK".to_owned()))
        .send()
        .await?;
    Ok(Json(
        found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Item)
            .collect(),
    ))
}

#[derive(Deserialize)]
struct Page {
    limit: Option<i32>,
}

/// The last records of one resource, in the order of their keys, newest first.
async fn rows(
    State(front): Shared,
    Path((link_id, resource)): Path<(String, String)>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Item>>, Failure> {
    let prefix = format!("{}#", resource.to_uppercase().replace('-', "_"));
    let found = front
        .dynamodb
        .query()
        .table_name(&front.endpoints.resource_table)
        .key_condition_expression("link_id = :link AND begins_with(#record, :prefix)")
        .expression_attribute_names("#record", "record")
        .expression_attribute_values(":link", AttributeValue::S(link_id))
        .expression_attribute_values(":prefix", AttributeValue::S(prefix))
        .scan_index_forward(false)
        .limit(page.limit.unwrap_or(ROWS))
        .send()
        .await?;
    Ok(Json(
        found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Item)
            .collect(),
    ))
}
