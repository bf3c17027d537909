//! Reading the bank and telling about it: which webhooks go out, and what they say.

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

/// Lets the data of a link become readable, kind by kind, and sends `historical_update` for each.
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

/// Reads the bank again and sends `historical_update`, as after `POST …/refresh/`.
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

/// A round of a link.
pub struct Round<'a> {
    /// The link.
    pub link_id: Uuid,
    /// What its webhooks have in common.
    pub request_id: &'a str,
    /// Whether it is announced.
    pub webhooks: bool,
}

/// What changes led to.
pub type ChangeResult = Result<Touched, String>;

/// Makes changes at the bank, reads it again, and sends the webhooks of a recurrent round.
///
/// # Errors
/// The text that says what cannot be changed.
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
    // Balances have moved, and Belvo tells of every kind it has read.
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
    // A backdated purchase changes a bill that was closed already.
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

/// Makes changes to another kind than transactions, and tells about that kind alone.
///
/// # Errors
/// The text that says what cannot be changed.
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
        // Belvo has no event for rows of these kinds that change or vanish.
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

/// Sends an event about the consent, which does not say whose link it is. Single links send none.
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

/// Sends an event about the link itself.
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

/// Marks consents as expired whose time has come, and says so.
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
