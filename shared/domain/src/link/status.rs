//! What stands between a user and their data, and what to do next: over all links and attempts of
//! the user, because one link may continue or duplicate another.
//!
//! Several things may be wrong at once. What only the user can mend comes first, then what the
//! user must wait for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::consent::ConsentObstacle;
use super::schedule::Reason;
use super::state::{Link, LinkStatus};
use crate::attempt::AttemptRecord;
use crate::code::Code;
use crate::event::ConsentChange;
use crate::guidance::{Action, Guidance, guidance};
use crate::id::{LinkId, SessionId};
use crate::resource::ResourceKind;

/// Most users need less from the token to the way back; a later outcome still counts.
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Where a link stands, as its user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Whether it has the right owner is not known yet.
    AwaitingOwner,
    /// Its app has not posted the proof.
    AwaitingProof,
    /// Its owner is not the one its token was minted for.
    Quarantined,
    /// Not every resource was synced yet.
    Loading,
    Ready,
    /// No new data comes unless the user acts.
    NeedsUser,
    /// Belvo has lost it; what was read is still shown.
    Gone,
}

/// A link's status, and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusReport {
    pub status: Status,
    pub next_action: Guidance,
}

/// How a visit to the widget ended, as its user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The user may come back any moment.
    Open,
    Success,
    Exit,
    Error,
    Warning,
    /// The user has not come back. When a bank refuses, the browser stays on Belvo's own page.
    Silent,
}

/// A visit to the widget: how it ended, the link it led to, and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionReport {
    pub status: SessionStatus,
    pub link_id: Option<LinkId>,
    pub next_action: Option<Guidance>,
}

/// All links of a user, and what follows from one for another.
#[derive(Debug)]
pub struct UserStatus<'a> {
    links: &'a [Link],
    proof_required: bool,
    now: Timestamp,
    /// For a link, the link that serves in its place.
    duplicates: BTreeMap<LinkId, LinkId>,
}

impl<'a> UserStatus<'a> {
    /// Over these links of one user. With `proof_required`, a link is served only once the user
    /// has proven to be the one who connected it.
    pub fn of(links: &'a [Link], proof_required: bool, now: Timestamp) -> Self {
        Self {
            links,
            proof_required,
            now,
            duplicates: duplicates(links, proof_required, now),
        }
    }

    /// Where a link stands.
    pub fn link(&self, link: &Link) -> StatusReport {
        report(link, self.proof_required, self.now)
    }

    /// The link of the same person at the same bank that serves in place of this one.
    pub fn duplicate_of(&self, link: LinkId) -> Option<LinkId> {
        self.duplicates.get(&link).copied()
    }

    /// How a visit to the widget ended. If it has made a link of the user, it was a success, even
    /// if the browser never came back.
    pub fn session(&self, record: &AttemptRecord) -> SessionReport {
        let session_id = &record.attempt.session_id;
        let link_id = record.linked.or_else(|| self.made_by(session_id));
        let code = record.code.as_ref().map(Code::as_str);
        let code_or = |other| Some(code.unwrap_or(other));
        let (status, advice) = match record.outcome.as_ref().map(Code::as_str) {
            Some("success") => (SessionStatus::Success, None),
            _ if link_id.is_some() => (SessionStatus::Success, None),
            Some("exit") => (SessionStatus::Exit, code_or("exit")),
            Some("error") => (SessionStatus::Error, code_or("unknown")),
            Some("warning") => (SessionStatus::Warning, code_or("unknown")),
            _ if self.is_silent(record) => (SessionStatus::Silent, Some("no_callback")),
            _ => (SessionStatus::Open, None),
        };
        SessionReport {
            status,
            link_id,
            next_action: advice.map(|code| *guidance(code)),
        }
    }

    fn made_by(&self, session: &SessionId) -> Option<LinkId> {
        let made = |it: &&Link| it.session_id.as_ref() == Some(session) && it.replaces.is_none();
        self.links.iter().find(made).map(|it| it.link_id)
    }

    fn is_silent(&self, record: &AttemptRecord) -> bool {
        self.now.duration_since(record.attempt.started_at) >= SILENT_AFTER
    }
}

impl StatusReport {
    fn new(status: Status, code: &str) -> Self {
        let next_action = *guidance(code);
        Self {
            status,
            next_action,
        }
    }

    fn until(mut self, until: Option<Timestamp>) -> Self {
        self.next_action.until = until;
        self
    }
}

fn report(link: &Link, proof_required: bool, now: Timestamp) -> StatusReport {
    match link.status {
        LinkStatus::Announced | LinkStatus::AwaitingOwner | LinkStatus::Unclaimed => {
            return StatusReport::new(Status::AwaitingOwner, "awaiting_owner");
        }
        LinkStatus::Quarantined => return StatusReport::new(Status::Quarantined, "owner_mismatch"),
        LinkStatus::Bound | LinkStatus::Gone if !link.is_served(proof_required) => {
            return StatusReport::new(Status::AwaitingProof, "awaiting_proof");
        }
        LinkStatus::Gone => return StatusReport::new(Status::Gone, "link_gone"),
        LinkStatus::Bound => {}
    }
    if let Some(report) = needs_user(link, now) {
        return report;
    }
    let status = match link.has_loaded() {
        false => Status::Loading,
        true => Status::Ready,
    };
    let consent = link.consent.as_ref();
    if let Some(end) = consent.and_then(|it| it.near_end(now)) {
        return StatusReport::new(status, "consent_expiring").until(Some(end));
    }
    if let Some(until) = link.limited_until.filter(|until| *until > now) {
        return StatusReport::new(status, "operational_limits_reached").until(Some(until));
    }
    if let Some(error) = &link.last_error {
        return retried(status, &error.code, link.schedule.get(Reason::Retry));
    }
    if let Some((code, until)) = refused(link) {
        return retried(status, code, Some(until));
    }
    if status == Status::Loading && !link.is_all_settled() {
        return StatusReport::new(status, "loading");
    }
    StatusReport::new(status, advice_when_ready(link, now))
}

/// What only the user can mend.
fn needs_user(link: &Link, now: Timestamp) -> Option<StatusReport> {
    let consent = link.consent.as_ref();
    if let Some(obstacle) = consent.and_then(|it| it.obstacle(now)) {
        let code = match obstacle {
            ConsentObstacle::Rejected => "consent_rejected",
            ConsentObstacle::Expired => "consent_expired",
            ConsentObstacle::Unfinished => "consent_pending",
        };
        let end = consent.and_then(|it| it.expires_at);
        return Some(StatusReport::new(Status::NeedsUser, code).until(end));
    }
    let code = link.user_action.as_ref()?;
    // On the way to a link, the same code may call for less than another link.
    let mends = guidance(code.as_str()).action == Action::Reconnect;
    let code = if mends { code.as_str() } else { "invalid_link" };
    Some(StatusReport::new(Status::NeedsUser, code))
}

fn advice_when_ready(link: &Link, now: Timestamp) -> &str {
    match link.consent.as_ref().and_then(|it| it.change) {
        Some(ConsentChange::UnrecoverableResources) => return "consent_unrecoverable_resources",
        Some(ConsentChange::UnavailableResources) => return "consent_unavailable_resources",
        _ => {}
    }
    match link.declined().next() {
        Some(code) => code.as_str(),
        None if link.is_refreshing(now) => "refreshing",
        None => "ok",
    }
}

/// A resource that Belvo refuses with a code that is not known, and when it is tried again.
fn refused(link: &Link) -> Option<(&Code, Timestamp)> {
    let mut resources = link.resources.values();
    resources.find_map(|it| Some((&it.refused.as_ref()?.code, it.deferred?.until)))
}

/// It is tried again without the user, whatever the code means elsewhere.
fn retried(status: Status, code: &Code, until: Option<Timestamp>) -> StatusReport {
    let mut report = StatusReport::new(status, code.as_str()).until(until);
    report.next_action.action = match until {
        Some(_) => Action::WaitUntil,
        None => Action::Wait,
    };
    report
}

/// Belvo gives the links of one person at one bank the same `institution_user_id`. Each holds the
/// same accounts and movements, so one of them serves where everything of a user is shown: the
/// newest healthy one. Until a new link has its statement, an old one serves, whatever is wrong
/// with it.
fn duplicates(links: &[Link], proof_required: bool, now: Timestamp) -> BTreeMap<LinkId, LinkId> {
    let served = || {
        let served = links.iter().filter(|it| it.is_served(proof_required));
        served.filter_map(|it| {
            let person = it.institution_user_id.as_deref();
            Some((person.filter(|person| !person.is_empty())?, it))
        })
    };
    let rank = |link: &Link| {
        let healthy = report(link, proof_required, now).status == Status::Ready;
        (has_statement(link), healthy, link.created_at, link.link_id)
    };
    let mut ranked: Vec<(&str, &Link)> = served().collect();
    ranked.sort_by_cached_key(|(_, link)| rank(link));
    // Of the links of a person the last one stays.
    let serving = ranked.iter().map(|(person, link)| (*person, link.link_id));
    let serving: BTreeMap<&str, LinkId> = serving.collect();
    let pairs = served().filter_map(|(person, link)| {
        let best = *serving.get(person)?;
        (best != link.link_id).then_some((link.link_id, best))
    });
    pairs.collect()
}

/// Whether its statement was read, and Belvo still gives it.
fn has_statement(link: &Link) -> bool {
    let statement = link.resources.get(&ResourceKind::Transactions);
    statement.is_some_and(|it| it.last_sync.is_some() && it.declined.is_none())
}

#[cfg(test)]
mod tests;
