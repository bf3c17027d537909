//! A user consents again: Belvo keeps the link, or makes another one.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock, collect,
    connect::{self, Order},
    control::{Refusal, find, read},
    data::LinkData,
    resources::Resource,
    world::World,
};

type Answer = Result<Json<Value>, Refusal>;

/// DateRange by which a consent without an end is renewed.
const RENEWED_DAYS: i64 = 366;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    new_link: bool,
    external_id: Option<String>,
    #[serde(default)]
    new_consent: bool,
    webhooks: Option<bool>,
}

/// Renews the consent of the link, or makes a new link of the same person and bank.
pub async fn renew(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let wish: Renewal = read(&body)?;
    let webhooks = wish.webhooks.unwrap_or(true);
    if wish.new_link {
        let order = order(&world, &id, wish.external_id)?;
        let link = connect::make(order).await?;
        let (link_id, consent_id) = (link.id, link.consent.id);
        connect::register(&world, link, webhooks);
        return Ok(Json(
            json!({ "link_id": link_id, "consent_id": consent_id }),
        ));
    }
    let mut inner = world.lock();
    let link_id = find(&inner, &id)?;
    let seed = inner.next_seed(world.seed, "renewal");
    let now = inner.now();
    let link = inner.links.get_mut(&link_id).ok_or_else(Refusal::no_link)?;
    let consent = &mut link.consent;
    let days = consent.duration.unwrap_or(RENEWED_DAYS);
    consent.expired_at = Some(clock::seconds_from(now, days.saturating_mul(86_400)));
    consent.duration = Some(days);
    consent.status = "AUTHORISED".into();
    if wish.new_consent {
        consent.id = seed.child("consent").uuid();
        consent.created_at = now;
    }
    link.status = "valid".into();
    if wish.external_id.is_some() {
        link.external_id = wish.external_id;
    }
    let consent_id = link.consent.id;
    if webhooks {
        collect::consent_event(
            &world,
            &mut inner,
            link_id,
            "openfinance_consent_expiration_changed",
        );
        let request_id = seed.uuid().to_string();
        collect::refresh(&world, &mut inner, link_id, None, &request_id);
    }
    Ok(Json(
        json!({ "link_id": link_id, "consent_id": consent_id }),
    ))
}

/// An order for the same person at the same bank, with the same content under new ids.
fn order(world: &World, id: &str, external_id: Option<String>) -> Result<Order, Refusal> {
    let mut inner = world.lock();
    let link_id = find(&inner, id)?;
    let identity = inner.next_seed(world.seed, "link");
    let (now, quirks) = (inner.now(), inner.faults.quirks);
    let link = inner.links.get(&link_id).ok_or_else(Refusal::no_link)?;
    let (consent, data): (_, &LinkData) = (&link.consent, &link.data);
    let profile = &data.profile;
    Ok(Order {
        identity,
        seed: profile.seed,
        bank: link.bank,
        owner: (profile.document.clone(), profile.name.clone()),
        person: (consent.document_number.clone(), consent.user_name.clone()),
        documents: consent.documents.clone(),
        organization: consent.organization.clone(),
        external_id,
        access_mode: link.access_mode.clone(),
        stale_in: link.stale_in.clone(),
        fetch_resources: link.fetch_resources.clone(),
        duration: consent.duration,
        transactions: data.count(Resource::Transactions) as u64,
        now,
        quirks,
    })
}
