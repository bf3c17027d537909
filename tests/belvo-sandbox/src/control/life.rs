//! Control routes for the life of a link and its consent: status, access, expiry, disappearance.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock, collect,
    control::{Refusal, find, read},
    world::World,
};

type Answer = Result<Json<Value>, Refusal>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    status: Option<String>,
    refresh: Option<bool>,
}

/// Sets the link's status and sends a webhook if the user must act; or reads the bank again.
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
        // The link leaves the map for a moment because the event borrows both it and the rest.
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

/// Changes the consent and sends its webhook.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    at: Option<Timestamp>,
}

/// Sets `last_accessed_at` without a webhook, as if Belvo had read the bank silently.
pub async fn access(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let wish: Access = read(&body)?;
    let mut inner = world.lock();
    let link_id = find(&inner, &id)?;
    let at = wish.at.unwrap_or(inner.now());
    let link = inner.links.get_mut(&link_id).ok_or_else(Refusal::no_link)?;
    link.last_accessed_at = at;
    Ok(Json(json!({ "last_accessed_at": clock::millis(at) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    gone: bool,
}

/// Hides a link from the API, or shows it again.
pub async fn gone(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let wish: Gone = read(&body)?;
    let mut inner = world.lock();
    let link_id = find(&inner, &id)?;
    let link = inner.links.get_mut(&link_id).ok_or_else(Refusal::no_link)?;
    link.gone = wish.gone;
    Ok(Json(json!({ "gone": link.gone })))
}

/// Imitates Belvo's monthly deletion: removes all links without a webhook.
pub async fn wipe(State(world): State<Arc<World>>) -> Json<Value> {
    let mut inner = world.lock();
    let count = inner.links.len();
    inner.links.clear();
    inner.tags.clear();
    inner.pending.clear();
    Json(json!({ "wiped": count }))
}
