//! What stands between a user and their data: one state, and one thing to do next.
//!
//! Several things may be wrong at once; what only the user can mend comes first, then what somebody
//! must wait for.

use domain::event::ConsentChange;
use domain::resource::LOADING;
use domain::{Action, Code, Guidance, ResourceKind, guidance};
use jiff::Timestamp;
use serde::Serialize;
use store::{ConsentFacts, Due, LinkRecord, LinkStatus, ResourceRecord};

/// Where a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Whether it has the right owner is not known yet.
    AwaitingOwner,
    /// Its app has not posted the proof.
    AwaitingProof,
    /// Its owner is somebody else.
    Quarantined,
    /// Not everything was read yet.
    Loading,
    /// Everything was read.
    Ready,
    /// Nothing new comes unless the user acts.
    NeedsUser,
    /// Belvo has lost it; what was read is still shown.
    Gone,
}

/// A link's state, and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    pub(crate) next_action: Guidance,
}

impl Standing {
    fn new(status: Status, code: &str) -> Self {
        Self {
            status,
            next_action: *guidance(code),
        }
    }

    fn until(self, until: Option<Timestamp>) -> Self {
        Self {
            next_action: self.next_action.until(until),
            ..self
        }
    }

    /// Whether it can serve where only one link of a person and bank is wanted.
    pub(crate) fn is_healthy(self) -> bool {
        self.status == Status::Ready
    }
}

/// Where a link stands now.
pub(crate) fn standing(link: &LinkRecord, proof_wanted: bool, now: Timestamp) -> Standing {
    match link.status {
        LinkStatus::Announced | LinkStatus::AwaitingOwner | LinkStatus::Unclaimed => {
            return Standing::new(Status::AwaitingOwner, "awaiting_owner");
        }
        LinkStatus::Quarantined => return Standing::new(Status::Quarantined, "owner_mismatch"),
        LinkStatus::Bound | LinkStatus::Gone if !link.is_served(proof_wanted) => {
            return Standing::new(Status::AwaitingProof, "awaiting_proof");
        }
        LinkStatus::Gone => return Standing::new(Status::Gone, "link_gone"),
        LinkStatus::Bound => {}
    }
    let consent = link.consent.as_ref();
    if let Some(code) = consent.and_then(|it| obstacle(it, now)) {
        let end = consent.and_then(|it| it.expires_at);
        return Standing::new(Status::NeedsUser, code).until(end);
    }
    if let Some(code) = &link.needs_user {
        // On the way to a link, the same code may call for less than another link.
        let mends = guidance(code.as_str()).action == Action::Reconnect;
        let code = if mends { code.as_str() } else { "invalid_link" };
        return Standing::new(Status::NeedsUser, code);
    }
    let status = match link.has_loaded() {
        false => Status::Loading,
        true => Status::Ready,
    };
    if let Some(end) = consent.and_then(|it| it.near_end(now)) {
        return Standing::new(status, "consent_expiring").until(Some(end));
    }
    if let Some(limited_until) = link.limited_until.filter(|until| *until > now) {
        return Standing::new(status, "operational_limits_reached").until(Some(limited_until));
    }
    if let Some(trouble) = &link.trouble {
        return waiting(status, &trouble.code, link.agenda.get(Due::Retry));
    }
    if status == Status::Loading {
        return Standing::new(status, "loading");
    }
    match consent.and_then(|it| it.change) {
        Some(ConsentChange::UnrecoverableResources) => {
            return Standing::new(status, "consent_unrecoverable_resources");
        }
        Some(ConsentChange::UnavailableResources) => {
            return Standing::new(status, "consent_unavailable_resources");
        }
        Some(
            ConsentChange::Expired
            | ConsentChange::AboutToExpire
            | ConsentChange::ExpirationChanged,
        )
        | None => {}
    }
    if let Some(code) = link.resources.values().find_map(|it| it.declined.as_ref()) {
        return Standing::new(status, code.as_str());
    }
    match is_refreshing(link, now) {
        true => Standing::new(status, "refreshing"),
        false => Standing::new(status, "ok"),
    }
}

/// Whether a refresh the app has asked for may still bring something.
pub(crate) fn is_refreshing(link: &LinkRecord, now: Timestamp) -> bool {
    let Some(refresh) = link.refresh.as_ref().filter(|it| it.declined.is_none()) else {
        return false;
    };
    let kinds = match refresh.resources.is_empty() {
        true => link.requested.iter().copied().collect(),
        false => refresh.resources.clone(),
    };
    let since = refresh.asked_at;
    let came = |kind: &ResourceKind| {
        let resource = link.resources.get(kind);
        let announced = resource.and_then(|it| it.announced_at);
        announced.is_some_and(|at| at > since) && resource.is_some_and(was_read)
    };
    now.duration_since(since) < LOADING && !kinds.iter().all(came)
}

fn was_read(resource: &ResourceRecord) -> bool {
    resource.sync_ended_at.is_some() || resource.declined.is_some()
}

/// Why the consent lets nothing new through, if it does not.
fn obstacle(consent: &ConsentFacts, now: Timestamp) -> Option<&'static str> {
    let past = consent.expires_at.is_some_and(|end| end <= now);
    match consent.status.as_deref() {
        Some("REJECTED") => Some("consent_rejected"),
        Some("EXPIRED") => Some("consent_expired"),
        _ if past || consent.change == Some(ConsentChange::Expired) => Some("consent_expired"),
        Some("AWAITING_AUTHORISATION" | "AWAITING_AUTHORISATION_CONFIRMATION") => {
            Some("consent_pending")
        }
        _ => None,
    }
}

/// It is tried again by itself, whatever the code means elsewhere.
fn waiting(status: Status, code: &Code, until: Option<Timestamp>) -> Standing {
    let action = match until {
        Some(_) => Action::WaitUntil,
        None => Action::Wait,
    };
    Standing {
        status,
        next_action: Guidance {
            action,
            until,
            ..*guidance(code.as_str())
        },
    }
}
