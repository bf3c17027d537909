//! Control routes for faults, clock, keys, and pending webhooks.

use std::{sync::Arc, time::Duration};

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock, collect,
    control::{Refusal, read},
    faults::Faults,
    world::{Keys, World},
};

type Answer = Result<Json<Value>, Refusal>;

/// `settle` gives up after this long.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// The active faults, as the sandbox prints them.
pub async fn faults(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "faults": format!("{:?}", world.lock().faults) }))
}

/// Replaces all faults. Lifting `loading` makes the data of waiting links readable.
pub async fn set_faults(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let faults: Faults = read(&body)?;
    let mut inner = world.lock();
    inner.faults = faults;
    inner.arrivals.clear();
    if !inner.faults.loading {
        let mut waiting = Vec::new();
        for link in inner.links.values_mut().filter(|link| link.loading) {
            link.loading = false;
            waiting.push(link.id);
        }
        for link in waiting {
            collect::first(&world, &mut inner, link);
        }
    }
    Ok(Json(json!({ "ok": true })))
}

/// Sends held webhooks.
pub async fn release(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "released": world.deliveries.release() }))
}

/// Waits until no webhook is in flight or being retried. Held webhooks do not count.
pub async fn settle(State(world): State<Arc<World>>) -> Answer {
    if world.deliveries.settled(SETTLE_LIMIT).await {
        Ok(Json(json!({ "settled": true })))
    } else {
        Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "webhooks are still on their way",
        ))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyChange {
    add: Option<Keys>,
    revoke: Option<String>,
}

/// Adds a pair of keys, then revokes one, as Belvo's dashboard does. Tokens minted with a revoked
/// pair remain valid, because Belvo does not document that they end.
pub async fn set_keys(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let change: KeyChange = read(&body)?;
    let mut inner = world.lock();
    if let Some(id) = &change.revoke
        && !inner.keys.iter().any(|keys| keys.id == *id)
    {
        return Err(Refusal::bad("there are no such keys to revoke"));
    }
    inner.keys.extend(change.add);
    inner
        .keys
        .retain(|keys| Some(&keys.id) != change.revoke.as_ref());
    Ok(Json(json!({ "pairs": inner.keys.len() })))
}

pub async fn clock(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "now": clock::micros(world.lock().now()) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance: Option<Value>,
    set: Option<Timestamp>,
    freeze: Option<bool>,
}

/// Sets the clock. Consents whose end has passed expire and send their webhooks.
pub async fn set_clock(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wish: Move = read(&body)?;
    let mut inner = world.lock();
    // Freeze first, so that the clock stops exactly at the new time.
    if let Some(freeze) = wish.freeze {
        inner.clock.freeze(freeze);
    }
    match (wish.advance, wish.set) {
        (Some(Value::String(text)), None) => inner.clock.advance(clock::parse_duration(&text)?)?,
        (Some(Value::Number(seconds)), None) => {
            inner
                .clock
                .advance(clock::parse_duration(&seconds.to_string())?)?;
        }
        (None, Some(moment)) => inner.clock.set(moment),
        (None, None) if wish.freeze.is_some() => {}
        _ => {
            return Err(Refusal::bad(
                "say advance (\"1d\", \"PT10M\", seconds), set (a timestamp) or freeze (true or false)",
            ));
        }
    }
    collect::expire_consents(&world, &mut inner);
    Ok(Json(json!({ "now": clock::micros(inner.now()) })))
}
