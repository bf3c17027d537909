//! A bound link, a policy and times for the tests beside the rules.

use jiff::{SignedDuration, Timestamp};

use super::{
    LastSync, Link, LinkStatus, OwnerCheck, Policy, Proof, Resource, ResourceState, SyncMode,
    SyncedInBatch, Webhook,
};
use crate::attempt::{Attempt, AttemptRecord};
use crate::code::Code;
use crate::event::{Event, EventKind, Totals};
use crate::id::{ConsentId, ExternalId, LinkId, RefreshId, SessionId};
use crate::resource::{ResourceKind, ResourceSet};
use crate::tax_id::DocumentHash;

/// The noon at which the tests decide.
pub(super) fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So many seconds after [`now`].
pub(super) fn seconds(count: i64) -> Timestamp {
    now() + SignedDuration::from_secs(count)
}

/// So many minutes after [`now`].
pub(super) fn minutes(count: i64) -> Timestamp {
    now() + SignedDuration::from_mins(count)
}

/// So many hours after [`now`].
pub(super) fn hours(count: i64) -> Timestamp {
    now() + SignedDuration::from_hours(count)
}

/// So many days after [`now`].
pub(super) fn days(count: i64) -> Timestamp {
    hours(24 * count)
}

pub(super) fn link_id(number: u8) -> LinkId {
    LinkId::parse(&uuid(number)).unwrap()
}

pub(super) fn consent_id(number: u8) -> ConsentId {
    ConsentId::parse(&uuid(number)).unwrap()
}

pub(super) fn refresh_id(number: u8) -> RefreshId {
    RefreshId::parse(&uuid(number)).unwrap()
}

/// What is stored of a record, in the order of its members: what is null is left out.
pub(super) fn stored_text(record: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(record).unwrap();
    let members = text.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let kept = members.split(',').filter(|it| !it.ends_with(":null"));
    format!("{{{}}}", kept.collect::<Vec<_>>().join(","))
}

fn uuid(number: u8) -> String {
    format!("30cb4806-6e00-48a4-91c9-ca5596857{number:03}")
}

pub(super) fn user(number: u8) -> ExternalId {
    ExternalId::parse(&format!("user-{number}")).unwrap()
}

pub(super) fn session(number: u8) -> SessionId {
    SessionId::from_random([number; 16])
}

pub(super) fn code(text: &str) -> Code {
    Code::lenient(text)
}

/// OWNERS, ACCOUNTS and TRANSACTIONS of links whose owner must be the right one.
pub(super) fn policy() -> Policy {
    Policy {
        fetch_resources: ResourceSet::parse("OWNERS,ACCOUNTS,TRANSACTIONS").unwrap(),
        owner_check: OwnerCheck::Required,
        adopt_existing_links: false,
        transaction_window_days: 10,
        deleted_link_days: 30,
    }
}

/// A link of user 1, made and bound ten days ago.
pub(super) fn bound() -> Link {
    let mut link = Link::new(link_id(1));
    link.status = LinkStatus::Bound;
    link.external_id = Some(user(1));
    link.bound_at = Some(days(-10));
    link.created_at = Some(days(-10));
    link
}

/// The same, with every resource of [`policy`] synced in full a day ago.
pub(super) fn loaded() -> Link {
    let mut link = bound();
    link.fetch_resources = policy().fetch_resources.iter().collect();
    for kind in policy().fetch_resources.iter() {
        *link.resource(kind) = synced(SyncMode::Full, days(-1));
    }
    link
}

/// A resource whose last sync started at this moment and took a minute.
pub(super) fn synced(mode: SyncMode, started_at: Timestamp) -> Resource {
    Resource {
        state: ResourceState::Ready,
        last_sync: Some(LastSync {
            mode,
            started_at,
            covers_until: None,
            ended_at: started_at + SignedDuration::from_mins(1),
            surplus: 0,
        }),
        last_full_sync: (mode == SyncMode::Full).then_some(started_at),
        ..Resource::default()
    }
}

/// A resource that Belvo declined to give.
pub(super) fn declined(text: &str) -> Resource {
    Resource {
        state: ResourceState::Unavailable,
        declined: Some(code(text)),
        ..Resource::default()
    }
}

/// A webhook about link 1.
pub(super) fn event(kind: EventKind) -> Event {
    Event {
        link_id: Some(link_id(1)),
        external_id: None,
        kind,
        webhook_type: None,
        webhook_code: None,
        request_id: None,
        totals: Totals::default(),
        errors: Vec::new(),
    }
}

pub(super) fn historical_update(resource: ResourceKind) -> Event {
    event(EventKind::HistoricalUpdate { resource })
}

pub(super) fn new_rows(resource: ResourceKind) -> Event {
    event(EventKind::ResourceChanged { resource })
}

/// The same, and it says that there are none.
pub(super) fn no_new_rows(resource: ResourceKind) -> Event {
    let mut event = new_rows(resource);
    event.totals.new_rows = Some(0);
    event
}

/// A webhook of a job whose batch has synced nothing yet.
pub(super) fn sent(event: &Event, sent_at: Timestamp) -> Webhook<'_> {
    static NOTHING: SyncedInBatch = SyncedInBatch::new();
    Webhook {
        event,
        sent_at,
        synced: &NOTHING,
        is_replayed: false,
    }
}

/// The proof of a user that they came back from the visit of [`attempt`] `number`.
pub(super) fn proof(of_user: u8, number: u8) -> Proof {
    Proof {
        external_id: user(of_user),
        document: DocumentHash(format!("person-{number}")),
    }
}

/// An attempt of user 1.
pub(super) fn attempt(number: u8, started_at: Timestamp) -> AttemptRecord {
    AttemptRecord {
        attempt: Attempt {
            session_id: session(number),
            external_id: user(1),
            started_at,
            person: DocumentHash(format!("person-{number}")),
            company: None,
        },
        linked: None,
        outcome: None,
        code: None,
        institution: None,
        callbacks: Vec::new(),
    }
}
