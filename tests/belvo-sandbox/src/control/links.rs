//! Control routes that change a link's data or send webhooks about it.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use crate::{
    collect::{self, Round},
    control::{Refusal, find, read},
    data::changes::Changes,
    resources::Resource,
    world::World,
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
            "gone": link.gone,
            "transactions": link.data.count(Resource::Transactions),
            "ready": link.ready.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "consent": { "id": link.consent.id, "status": link.consent.status },
        })
    });
    Json(rows.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    resource: Option<String>,
    add: Option<Box<RawValue>>,
    update: Option<Box<RawValue>>,
    delete: Option<Box<RawValue>>,
    #[serde(default = "yes")]
    webhooks: bool,
}

fn yes() -> bool {
    true
}

/// Changes transactions at the bank; a recurrent link is collected afterwards.
pub async fn changes(world: State<Arc<World>>, id: Path<String>, body: Bytes) -> Answer {
    let wish: Wish = read(&body)?;
    if wish.resource.is_some() {
        return Err(Refusal::bad("changes are of transactions; say objects"));
    }
    change(&world, &id, &wish, Resource::Transactions)
}

/// Changes rows of another kind; webhooks about that kind follow.
pub async fn objects(world: State<Arc<World>>, id: Path<String>, body: Bytes) -> Answer {
    let wish: Wish = read(&body)?;
    let resource = wish.resource.as_deref().and_then(Resource::parse_lower);
    let resource = resource.filter(|resource| *resource != Resource::Transactions);
    let reason = "resource is owners, accounts, bills, investments or investment_transactions";
    let resource = resource.ok_or_else(|| Refusal::bad(reason))?;
    change(&world, &id, &wish, resource)
}

fn change(world: &World, id: &str, wish: &Wish, resource: Resource) -> Answer {
    let changes = Changes::read(
        wish.add.as_deref(),
        wish.update.as_deref(),
        wish.delete.as_deref(),
    )?;
    let mut inner = world.lock();
    let link_id = find(&inner, id)?;
    let request_id = inner.next_seed(world.seed, "round").uuid().to_string();
    let round = Round {
        link_id,
        request_id: &request_id,
        webhooks: wish.webhooks,
    };
    let touched = match resource {
        Resource::Transactions => collect::change(world, &mut inner, round, changes)?,
        _ => collect::change_objects(world, &mut inner, round, resource, changes)?,
    };
    Ok(Json(json!({
        "request_id": request_id,
        "added": touched.added,
        "updated": touched.updated,
        "deleted": touched.deleted,
    })))
}

/// Sends this body in order with the link's other webhooks.
pub async fn webhook(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body: Value = read(&body)?;
    let mut inner = world.lock();
    // A test may still send webhooks about a deleted link.
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
