//! Collections: the sandbox reads the bank and sends the webhooks that follow.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock,
    data::changes::{Changes, Touched},
    events::{Event, new_objects, totals, transaction_events},
    links::Link,
    resources::Resource,
    world::{Inner, World},
};

/// The first collection of a new link.
pub fn first(world: &World, inner: &mut Inner, link_id: Uuid) {
    let request_id = inner.next_seed(world.seed, "collection").uuid();
    historical(world, inner, link_id, None, &request_id.to_string());
}

/// Makes the data of a link readable, kind by kind, and sends `historical_update` for each.
pub fn historical(
    world: &World,
    inner: &mut Inner,
    link_id: Uuid,
    only: Option<&[Resource]>,
    request_id: &str,
) {
    let Some(link) = inner.links.get_mut(&link_id) else {
        return;
    };
    let mut bodies = Vec::new();
    for resource in link.requested() {
        if only.is_some_and(|only| !only.contains(&resource)) {
            continue;
        }
        link.ready.insert(resource);
        let data = totals(&link.data, resource);
        let event = Event {
            kind: resource.name(),
            process: "historical_update",
            code: "historical_update",
            data,
        };
        bodies.push(event.body(link, request_id));
    }
    world
        .deliveries
        .enqueue(link_id, bodies, &mut inner.faults.webhooks);
}

/// Reads the bank again and sends `historical_update`, as Belvo does after `POST …/refresh/`.
pub fn refresh(
    world: &World,
    inner: &mut Inner,
    link_id: Uuid,
    only: Option<&[Resource]>,
    request_id: &str,
) {
    let now = inner.now();
    if let Some(link) = inner.links.get_mut(&link_id) {
        Arc::make_mut(&mut link.data).collect(now);
        link.last_accessed_at = now;
    }
    historical(world, inner, link_id, only, request_id);
}

/// One collection of a link.
pub struct Round<'a> {
    pub link_id: Uuid,
    /// The members that its webhooks share.
    pub request_id: &'a str,
    /// Whether webhooks are sent.
    pub webhooks: bool,
}

/// The changes that were made.
pub type ChangeResult = Result<Touched, String>;

/// Changes transactions at the bank, reads it again, and sends the webhooks of a recurrent link.
///
/// # Errors
/// Which change is impossible.
pub fn change(world: &World, inner: &mut Inner, round: Round, changes: Changes) -> ChangeResult {
    let now = inner.now();
    let link_id = round.link_id;
    let link = inner.links.get_mut(&link_id).ok_or("no such link")?;
    let data = Arc::make_mut(&mut link.data);
    let touched = data.change(changes, now)?;
    let bills = data.collect(now);
    link.last_accessed_at = now;
    if !round.webhooks {
        return Ok(touched);
    }
    let requested = link.requested();
    let mut events = Vec::new();
    // Balances have changed, and Belvo announces every kind it has read.
    if requested.contains(&Resource::Accounts) {
        events.push(Event::new_rows(
            Resource::Accounts,
            "new_accounts_available",
            json!({ "new_accounts": 0 }),
        ));
    }
    if requested.contains(&Resource::Transactions) {
        events.extend(transaction_events(&link.data, &touched));
    }
    // A backdated purchase changes a bill that has already closed.
    if requested.contains(&Resource::Bills) && bills.changed {
        events.push(Event::new_rows(
            Resource::Bills,
            "new_bills_available",
            json!({ "new_bills": bills.closed }),
        ));
    }
    let bodies = events
        .into_iter()
        .map(|event| event.body(link, round.request_id))
        .collect();
    world
        .deliveries
        .enqueue(link_id, bodies, &mut inner.faults.webhooks);
    Ok(touched)
}

/// Changes rows of another kind than transactions, and announces only that kind.
///
/// # Errors
/// Which change is impossible.
pub fn change_objects(
    world: &World,
    inner: &mut Inner,
    round: Round,
    resource: Resource,
    changes: Changes,
) -> ChangeResult {
    let now = inner.now();
    let link = inner.links.get_mut(&round.link_id).ok_or("no such link")?;
    let data = Arc::make_mut(&mut link.data);
    let touched = data.change_objects(resource, changes, now)?;
    link.last_accessed_at = now;
    let is_requested = link.requested().contains(&resource);
    match (round.webhooks && is_requested, touched.added.len()) {
        (false, _) => {}
        // Belvo documents no event for changed or deleted rows of these kinds.
        (true, 0) => {
            if !(touched.updated.is_empty() && touched.deleted.is_empty()) {
                let (link_id, request_id) = (round.link_id, round.request_id);
                historical(world, inner, link_id, Some(&[resource]), request_id);
            }
        }
        (true, added) => {
            let body = new_objects(resource, added).body(link, round.request_id);
            world
                .deliveries
                .enqueue(round.link_id, vec![body], &mut inner.faults.webhooks);
        }
    }
    Ok(touched)
}

/// Sends a consent event, which carries no `external_id`. A single link sends none.
pub fn consent_event(world: &World, inner: &mut Inner, link_id: Uuid, code: &'static str) {
    let Some(link) = inner.links.get(&link_id).filter(|link| link.is_recurrent()) else {
        return;
    };
    let mut body = json!({
        "webhook_id": link.webhook_id,
        "webhook_type": "CONSENT",
        "process_type": "recurrent_update",
        "webhook_code": code,
        "link_id": link.id,
        "external_id": null,
        "data": {
            "consent_id": link.consent.id,
            "action": "renew",
            "institution": link.bank.name,
            "institution_display_name": link.bank.display_name,
            "institution_icon_logo": link.bank.logo(),
        },
    });
    if code == "openfinance_consent_about_to_expire" {
        body["data"]["consent_due_date"] = link.consent.expired_at.map(clock::millis).into();
    }
    world
        .deliveries
        .enqueue(link_id, vec![body], &mut inner.faults.webhooks);
}

/// Sends a link event.
pub fn link_event(
    world: &World,
    inner: &mut Inner,
    link: &Link,
    code: &'static str,
    request_id: &str,
    data: Value,
) {
    let event = Event {
        kind: "LINK",
        process: "recurrent_update",
        code,
        data,
    };
    let body = event.body(link, request_id);
    world
        .deliveries
        .enqueue(link.id, vec![body], &mut inner.faults.webhooks);
}

/// Expires the consents whose end has passed, and sends their webhooks.
pub fn expire_consents(world: &World, inner: &mut Inner) {
    let now = inner.now();
    let mut expired = Vec::new();
    for link in inner.links.values_mut() {
        let is_over = link.consent.expired_at.is_some_and(|moment| moment <= now);
        if is_over && link.consent.status == "AUTHORISED" {
            link.consent.status = "EXPIRED".into();
            expired.push(link.id);
        }
    }
    for link_id in expired {
        consent_event(world, inner, link_id, "openfinance_consent_expired");
    }
}
