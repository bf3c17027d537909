//! Changing what links hold, and sending webhooks about them.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use crate::{
    clock, collect,
    control::{Refusal, read},
    data::changes::{Changes, Wanted, read_fields},
    resources::Resource,
    world::{Inner, World},
};

type Answer = Result<Json<Value>, Refusal>;

/// All links with their consents.
pub async fn list(State(world): State<Arc<World>>) -> Json<Value> {
    let inner = world.lock();
    let rows = inner.links_by_age().into_iter().map(|link| {
        json!({
            "id": link.id,
            "external_id": link.external_id,
            "institution": link.bank.name,
            "status": link.status,
            "transactions": link.data.count(Resource::Transactions),
            "ready": link.ready.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "consent": { "id": link.consent.id, "status": link.consent.status },
        })
    });
    Json(rows.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedChanges {
    add: Option<Box<RawValue>>,
    update: Option<Box<RawValue>>,
    delete: Option<Box<RawValue>>,
}

/// Changes transactions at the bank; a round of a recurrent link follows.
pub async fn changes(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let wish: WantedChanges = read(&body)?;
    let id_of =
        |text: &RawValue| serde_json::from_str::<Uuid>(text.get()).map_err(|why| why.to_string());
    let changes = Changes {
        add: Wanted::read("add", wish.add.as_deref(), read_fields)?,
        update: Wanted::read("update", wish.update.as_deref(), read_fields)?,
        delete: Wanted::read("delete", wish.delete.as_deref(), id_of)?,
    };
    let mut inner = world.lock();
    let link_id = find(&inner, &id)?;
    let request_id = inner.next_seed(world.seed, "round").uuid().to_string();
    let touched = collect::change(&world, &mut inner, link_id, changes, &request_id)?;
    Ok(Json(json!({
        "request_id": request_id,
        "added": touched.added,
        "updated": touched.updated,
        "deleted": touched.deleted,
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    status: Option<String>,
    refresh: Option<bool>,
}

/// Sets the link's status, and says so if the user must act; or reads the bank again.
pub async fn status(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let wish: Status = read(&body)?;
    let mut inner = world.lock();
    let link_id = find(&inner, &id)?;
    let request_id = inner.next_seed(world.seed, "status").uuid().to_string();
    if let Some(status) = wish.status {
        if !["valid", "invalid", "unconfirmed", "token_required"].contains(&status.as_str()) {
            return Err(Refusal::bad(
                "status is valid, invalid, unconfirmed or token_required",
            ));
        }
        let event = match status.as_str() {
            "invalid" => Some((
                "invalid_credentials",
                "login_error",
                "Invalid credentials provided to login to the institution",
                400,
            )),
            "token_required" => Some((
                "token_required",
                "token_required",
                "A MFA token is required by the institution to login",
                428,
            )),
            _ => None,
        };
        // Out of the map for a moment, because the event needs both the link and the rest.
        if let Some(mut link) = inner.links.remove(&link_id) {
            link.status = status;
            if let Some((code, error_code, error_message, status)) = event {
                let data = json!({ "error_code": error_code, "error_message": error_message, "status": status });
                collect::link_event(&world, &mut inner, &link, code, &request_id, data);
            }
            inner.links.insert(link_id, link);
        }
    }
    if wish.refresh == Some(true) {
        collect::refresh(&world, &mut inner, link_id, None, &request_id);
    }
    Ok(Json(json!({ "request_id": request_id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentChange {
    expired_at: Option<Timestamp>,
    #[serde(default)]
    expire: bool,
    #[serde(default)]
    about_to_expire: bool,
    #[serde(default)]
    unrecoverable: bool,
    #[serde(default)]
    temporarily_unavailable: bool,
}

/// Changes the consent and sends the webhook that goes with it.
pub async fn consent(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let wish: ConsentChange = read(&body)?;
    let mut inner = world.lock();
    let link_id = find(&inner, &id)?;
    let now = inner.now();
    let Some(link) = inner.links.get_mut(&link_id) else {
        return Err(Refusal::no_link());
    };
    let consent = &mut link.consent;
    let code = match wish {
        ConsentChange { expire: true, .. } => {
            consent.status = "EXPIRED".into();
            consent.expired_at = Some(now);
            "openfinance_consent_expired"
        }
        ConsentChange {
            about_to_expire: true,
            ..
        } => {
            consent.expired_at = Some(clock::seconds_from(now, 6 * 86_400));
            "openfinance_consent_about_to_expire"
        }
        ConsentChange {
            unrecoverable: true,
            ..
        } => "openfinance_consent_with_unrecoverable_resources",
        ConsentChange {
            temporarily_unavailable: true,
            ..
        } => "openfinance_consent_with_temporarily_unavailable_resources",
        ConsentChange {
            expired_at: Some(moment),
            ..
        } => {
            consent.status = if moment > now {
                "AUTHORISED".into()
            } else {
                "EXPIRED".into()
            };
            consent.expired_at = Some(moment);
            "openfinance_consent_expiration_changed"
        }
        _ => {
            return Err(Refusal::bad(
                "say expired_at, expire, about_to_expire, unrecoverable or temporarily_unavailable",
            ));
        }
    };
    let (consent_id, expired_at) = (consent.id, consent.expired_at);
    collect::consent_event(&world, &mut inner, link_id, code);
    Ok(Json(
        json!({ "consent_id": consent_id, "expired_at": expired_at, "webhook_code": code }),
    ))
}

/// Sends this body, in order with the link's other webhooks.
pub async fn webhook(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body: Value = read(&body)?;
    let mut inner = world.lock();
    // Links that are gone may still be talked about.
    let lane = id.parse().map_err(|_| Refusal::no_link())?;
    world
        .deliveries
        .enqueue(lane, vec![body], &mut inner.faults.webhooks);
    Ok(Json(json!({ "queued": 1 })))
}

/// Sends this body.
pub async fn any_webhook(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let body: Value = read(&body)?;
    let mut inner = world.lock();
    world
        .deliveries
        .enqueue(Uuid::nil(), vec![body], &mut inner.faults.webhooks);
    Ok(Json(json!({ "queued": 1 })))
}

fn find(inner: &Inner, id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<Uuid>().map_err(|_| Refusal::no_link())?;
    inner
        .links
        .contains_key(&id)
        .then_some(id)
        .ok_or_else(Refusal::no_link)
}
