//! Faults, the clock, keys, and waiting for webhooks.

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

/// The faults in force, in the words of the program.
pub async fn faults(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "faults": format!("{:?}", world.lock().faults) }))
}

/// Replaces all faults. Lifting `loading` lets the data of waiting links arrive.
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

/// Sends the webhooks that were held.
pub async fn release(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "released": world.deliveries.release() }))
}

/// Waits until no webhook is on its way or being retried. Held ones are not waited for.
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

/// Makes another pair of keys valid, and then one of them invalid, as Belvo's dashboard does.
/// Tokens that were minted with a revoked pair go on working: nobody documents that they end.
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

/// The present.
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

/// Moves the present. Consents whose time has come expire, and say so.
pub async fn set_clock(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wish: Move = read(&body)?;
    let mut inner = world.lock();
    // First, because the moment that is set must not have passed when the clock stops.
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
