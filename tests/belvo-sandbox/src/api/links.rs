//! `/api/links/`: list, detail, change, refresh, delete.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{
        paging::{self, List},
        query::{Condition, Filter, IN, IS, Kind, ORDER, Operand, Query},
        rules::Reader,
    },
    clock, collect,
    errors::{self, Complaint},
    links::Link,
    resources::Resource,
    world::{Inner, World},
};

/// Belvo refuses a second refresh of a link within this time.
const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);
/// At most this many links may be deleted without the asynchronous mode …
const DELETIONS: usize = 5;
/// … within this time.
const DELETION_WINDOW: SignedDuration = SignedDuration::from_mins(1);

const FILTERS: &[Filter] = &[
    ("id", Kind::Id, IN),
    ("institution", Kind::Text, IN),
    ("access_mode", Kind::Text, IS),
    ("created_at", Kind::Day, ORDER),
    ("created_by", Kind::Id, &["not_in"]),
    ("external_id", Kind::Text, IN),
    ("institution_user_id", Kind::Text, IN),
    ("refresh_rate", Kind::Text, IS),
    ("status", Kind::Text, IN),
];

/// A page of links.
pub async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Response {
    let query = match Query::read(query.as_deref(), FILTERS) {
        Ok(query) => query,
        Err(answer) => return *answer,
    };
    let rows: Vec<String> = {
        let inner = world.lock();
        let passes = |link: &&Link| {
            !link.gone
                && query
                    .conditions
                    .iter()
                    .all(|condition| passes(link, condition))
        };
        inner
            .links_by_age()
            .into_iter()
            .filter(passes)
            .map(|link| link.write().0)
            .collect()
    };
    let list = List {
        path: "/api/links/",
        query: &query,
        count: rows.len(),
    };
    paging::page(&world, &list, |position| rows.get(position).cloned())
}

pub async fn detail(State(world): State<Arc<World>>, Path(id): Path<String>) -> Response {
    let inner = world.lock();
    match find(&inner, &id) {
        Some(link) => paging::json_answer(link.write().0),
        None => errors::not_found(),
    }
}

/// Changes access mode, retention or resources. None of them takes effect on stored data.
pub async fn patch(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return errors::bad_request(vec![Complaint::new("parse_error", "JSON parse error")]);
    };
    let mut inner = world.lock();
    let Some(id) = find(&inner, &id).map(|link| link.id) else {
        return errors::not_found();
    };
    let mut reader = Reader::new(&body);
    let access_mode = reader
        .value("access_mode")
        .is_some()
        .then(|| reader.choice("access_mode", &["single", "recurrent"]));
    let stale_in = reader
        .value("stale_in")
        .is_some()
        .then(|| reader.text("stale_in"));
    let names = Resource::ALL.map(Resource::name);
    let resources = reader
        .value("fetch_resources")
        .is_some()
        .then(|| reader.list_of("fetch_resources", &names));
    if let Some(complaints) = reader.complaints() {
        return errors::bad_request(complaints);
    }
    let Some(link) = inner.links.get_mut(&id) else {
        return errors::not_found();
    };
    link.access_mode = access_mode.unwrap_or_else(|| link.access_mode.clone());
    link.stale_in = stale_in.unwrap_or_else(|| link.stale_in.clone());
    link.fetch_resources = resources.unwrap_or_else(|| link.fetch_resources.clone());
    paging::json_answer(link.write().0)
}

/// Reads the bank again; `historical_update` webhooks with the returned id follow.
pub async fn refresh(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let only = match resources_of(&body) {
        Ok(only) => only,
        Err(complaints) => return errors::bad_request(complaints),
    };
    let mut inner = world.lock();
    let now = inner.now();
    let Some(link) = find(&inner, &id) else {
        return errors::not_found();
    };
    if link.status != "valid" {
        let message = "The link is invalid, create a new one";
        return errors::bad_request(vec![Complaint::new("invalid_link", message)]);
    }
    if let Some(left) = link.refreshed_at.and_then(|last| cool_down_left(last, now)) {
        let minutes = (left.as_secs() + 59) / 60;
        let message = format!(
            "The link has already been refreshed. Please wait {minutes} minutes before trying again."
        );
        return errors::complaint(StatusCode::CONFLICT, "link_refreshed", &message);
    }
    let id = link.id;
    let request_id = inner.next_seed(world.seed, "refresh").hex();
    if let Some(link) = inner.links.get_mut(&id) {
        link.refreshed_at = Some(now);
    }
    collect::refresh(&world, &mut inner, id, only.as_deref(), &request_id);
    accepted(&request_id)
}

/// Removes the link with its consent and data.
pub async fn delete(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mut inner = world.lock();
    let Some(id) = find(&inner, &id).map(|link| link.id) else {
        return errors::not_found();
    };
    let asynchronous = headers
        .get("x-belvo-request-mode")
        .is_some_and(|mode| mode == "async");
    if !asynchronous && !may_delete(&mut inner) {
        return errors::complaint(
            StatusCode::TOO_MANY_REQUESTS,
            "throttled",
            "Request was throttled.",
        );
    }
    let Some(link) = inner.links.remove(&id) else {
        return errors::not_found();
    };
    inner.tags.remove(&link.data.profile.tag);
    if !asynchronous {
        return StatusCode::NO_CONTENT.into_response();
    }
    let request_id = inner.next_seed(world.seed, "deletion").uuid().to_string();
    collect::link_event(
        &world,
        &mut inner,
        &link,
        "link_deleted",
        &request_id,
        json!({}),
    );
    accepted(&request_id)
}

fn accepted(request_id: &str) -> Response {
    (
        StatusCode::ACCEPTED,
        axum::Json(json!({ "request_id": request_id })),
    )
        .into_response()
}

fn find<'a>(inner: &'a Inner, id: &str) -> Option<&'a Link> {
    let link = inner.links.get(&id.parse::<Uuid>().ok()?)?;
    (!link.gone).then_some(link)
}

fn cool_down_left(last: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let left = COOL_DOWN.saturating_sub(now.duration_since(last));
    left.is_positive().then_some(left)
}

fn may_delete(inner: &mut Inner) -> bool {
    let now = inner.now();
    inner
        .deletions
        .retain(|moment| now.duration_since(*moment) < DELETION_WINDOW);
    let may = inner.deletions.len() < DELETIONS;
    if may {
        inner.deletions.push_back(now);
    }
    may
}

/// The kinds of a refresh; all of them if the body names none.
fn resources_of(body: &[u8]) -> Result<Option<Vec<Resource>>, Vec<Complaint>> {
    if body.is_empty() {
        return Ok(None);
    }
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| vec![Complaint::new("parse_error", "JSON parse error")])?;
    let mut reader = Reader::new(&body);
    if reader.value("fetch_resources").is_none() {
        return Ok(None);
    }
    let names = reader.list_of("fetch_resources", &Resource::ALL.map(Resource::name));
    match reader.complaints() {
        Some(complaints) => Err(complaints),
        None => Ok(Some(
            names
                .iter()
                .filter_map(|name| Resource::parse(name))
                .collect(),
        )),
    }
}

fn passes(link: &Link, condition: &Condition) -> bool {
    let text = |text: &str| Some(Operand::Text(text.to_owned()));
    let value = match condition.field {
        "id" => Some(Operand::Id(link.id)),
        "institution" => text(link.bank.name),
        "access_mode" => text(&link.access_mode),
        "created_at" => Some(Operand::Day(clock::day(link.created_at))),
        "external_id" => link.external_id.as_deref().and_then(text),
        "institution_user_id" => text(&link.institution_user_id),
        "refresh_rate" => text(if link.is_recurrent() { "7d" } else { "" }),
        "status" => text(&link.status),
        _ => None,
    };
    condition.lets_pass(value.as_ref())
}
