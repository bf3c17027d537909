//! Control routes that show the sandbox's data and its logs.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    banks::BANKS, control::Refusal, data::LinkData, people, resources::Resource, world::World,
};

/// Rows rendered at a time, so that a million of them need not be in memory at once.
const CHUNK: usize = 1_000;

/// All of a link's data, including rows whose webhooks were never sent.
pub async fn truth(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = id.parse::<Uuid>().map_err(|_| Refusal::no_link())?;
    let (head, data) = {
        let inner = world.lock();
        let link = inner.links.get(&id).ok_or_else(Refusal::no_link)?;
        let head = format!(
            "{{\"link\":{},\"consent\":{}",
            link.write().0,
            link.write_consent().0
        );
        (head, link.data.clone())
    };
    let chunks = std::iter::once(head)
        .chain(
            Resource::ALL
                .into_iter()
                .flat_map(move |kind| rows(data.clone(), kind)),
        )
        .chain(std::iter::once(String::from("}")));
    let chunks = chunks.map(|chunk| Ok::<_, Infallible>(Bytes::from(chunk)));
    let body = Body::from_stream(stream::iter(chunks));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Streams `,"owners":[…]`.
fn rows(data: Arc<LinkData>, kind: Resource) -> impl Iterator<Item = String> {
    let count = data.count(kind);
    let chunks = (0..count).step_by(CHUNK).map(move |start| {
        let end = start.saturating_add(CHUNK).min(count);
        let rows: Vec<String> = (start..end)
            .filter_map(|position| data.row(kind, position))
            .collect();
        let comma = if start > 0 { "," } else { "" };
        format!("{comma}{}", rows.join(","))
    });
    std::iter::once(format!(",\"{}\":[", kind.lower()))
        .chain(chunks)
        .chain(std::iter::once(String::from("]")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
/// Number of webhooks that the caller has already read.
pub struct Known {
    #[serde(default)]
    after: usize,
}

/// Every webhook with body, attempts and result, in order of creation.
pub async fn webhooks(State(world): State<Arc<World>>, Query(known): Query<Known>) -> Json<Value> {
    Json(world.deliveries.log(known.after).into())
}

/// The log of `drift` changes.
pub async fn drifts(State(world): State<Arc<World>>) -> Json<Value> {
    Json(world.lock().drifts.iter().cloned().collect())
}

/// The last requests to the API.
pub async fn requests(State(world): State<Arc<World>>) -> Json<Value> {
    Json(world.lock().requests.iter().cloned().collect())
}

/// Clears the request log.
pub async fn clear_requests(State(world): State<Arc<World>>) -> Json<Value> {
    let mut inner = world.lock();
    inner.requests.clear();
    inner.unknown.clear();
    Json(json!({ "ok": true }))
}

/// Counts of requests for unknown paths.
pub async fn unknown(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!(world.lock().unknown))
}

/// Invented people and companies.
pub async fn people() -> Json<Value> {
    Json(people::list())
}

/// Invented banks.
pub async fn banks() -> Json<Value> {
    let banks = BANKS.iter().map(|bank| {
        json!({ "name": bank.name, "display_name": bank.display_name, "business": bank.business })
    });
    Json(banks.collect())
}
