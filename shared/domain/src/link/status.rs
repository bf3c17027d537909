//! What stands between a user and their data, and what to do next: over all links and attempts of
//! the user, because one link may continue another, or hold the same accounts.
//!
//! Several things may be wrong at once. What only the user can mend comes first, then what the
//! user must wait for.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::consent::ConsentObstacle;
use super::coverage::{Coverage, Health, Ranked, ShownElsewhere};
use super::schedule::{Reason, later};
use super::state::{Link, LinkStatus};
use crate::attempt::AttemptRecord;
use crate::code::Code;
use crate::event::ConsentChange;
use crate::guidance::{Action, Guidance, guidance};
use crate::id::LinkId;

/// Most users need less from the token to the way back; a later outcome still counts.
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// How long after its beginning a visit can make a link: its token lives 10 minutes, and the bank
/// then gives the user 60 (Open Finance Brasil, Consents API 3.3). The rest is slack.
const VISIT_LASTS: SignedDuration = SignedDuration::from_mins(90);

/// How far Belvo's clock may be behind ours.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);

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
    /// Another link of the person at the bank has taken its place; what was read is still shown.
    Replaced,
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

/// A visit to the widget: how it ended, the links it led to, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    pub status: SessionStatus,
    /// The one that its callback has named first.
    pub link_ids: Vec<LinkId>,
    pub next_action: Option<Guidance>,
}

/// All links of a user, and what follows from one for another.
#[derive(Debug)]
pub struct UserStatus<'a> {
    links: &'a [Link],
    proof_required: bool,
    now: Timestamp,
    coverage: Coverage,
}

impl<'a> UserStatus<'a> {
    /// Over these links of one user. With `proof_required`, a link is served only once the user
    /// has proven to be the one who connected it.
    pub fn of(links: &'a [Link], proof_required: bool, now: Timestamp) -> Self {
        let served = links.iter().filter(|it| it.is_served(proof_required));
        let served = served.map(|link| Ranked {
            link,
            health: match report(link, proof_required, now).status {
                Status::Ready => Health::Good,
                Status::Loading => Health::Loading,
                Status::NeedsUser
                | Status::Replaced
                | Status::Gone
                | Status::Quarantined
                | Status::AwaitingOwner
                | Status::AwaitingProof => Health::Broken,
            },
        });
        let served: Vec<Ranked<'_>> = served.collect();
        Self {
            links,
            proof_required,
            now,
            coverage: Coverage::of(&served),
        }
    }

    /// Where a link stands.
    pub fn link(&self, link: &Link) -> StatusReport {
        match self.duplicate_of(link.link_id) {
            Some(_) => StatusReport::new(Status::Replaced, "replaced"),
            None => report(link, self.proof_required, self.now),
        }
    }

    /// The link of the same person at the same bank that has taken the place of this one: it
    /// continues it, or holds the same accounts and is the one to count on.
    pub fn duplicate_of(&self, link: LinkId) -> Option<LinkId> {
        self.coverage.successors.get(&link).copied()
    }

    /// What other links show of the accounts of this one.
    pub fn shown_elsewhere(&self, link: LinkId) -> Option<&ShownElsewhere> {
        self.coverage.elsewhere.get(&link)
    }

    /// How a visit to the widget ended, one of these of the user. If it has made links of the user,
    /// it was a success, even if the browser never came back.
    pub fn session(&self, record: &AttemptRecord, attempts: &[AttemptRecord]) -> SessionReport {
        let made = self.links.iter().filter(|it| {
            let is_named = record.linked == Some(it.link_id);
            !is_named && (is_made_by(it, record) || may_be_made_by(it, record, attempts))
        });
        let made = made.map(|it| it.link_id);
        let link_ids: Vec<LinkId> = record.linked.into_iter().chain(made).collect();
        let code = record.code.as_ref().map(Code::as_str);
        let code_or = |other| Some(code.unwrap_or(other));
        let (status, advice) = match record.outcome.as_ref().map(Code::as_str) {
            Some("success") => (SessionStatus::Success, None),
            _ if !link_ids.is_empty() => (SessionStatus::Success, None),
            Some("exit") => (SessionStatus::Exit, code_or("exit")),
            Some("error") => (SessionStatus::Error, code_or("unknown")),
            Some("warning") => (SessionStatus::Warning, code_or("unknown")),
            _ if self.is_silent(record) => (SessionStatus::Silent, Some("no_callback")),
            _ => (SessionStatus::Open, None),
        };
        SessionReport {
            status,
            link_ids,
            next_action: advice.map(|code| *guidance(code)),
        }
    }

    fn is_silent(&self, record: &AttemptRecord) -> bool {
        self.now.duration_since(record.attempt.started_at) >= SILENT_AFTER
    }
}

/// Whether the attempt is the one to which the link was credited. One that continues another link
/// has the attempt of that one.
fn is_made_by(link: &Link, record: &AttemptRecord) -> bool {
    link.session_id.as_ref() == Some(&record.attempt.session_id) && link.replaces.is_none()
}

/// Whether an attempt of which no callback came can have made a link that no callback has named. The
/// link may be credited to another attempt of those minutes, or to none.
fn may_be_made_by(link: &Link, record: &AttemptRecord, attempts: &[AttemptRecord]) -> bool {
    let attempt = &record.attempt;
    let is_open = |it: &Code| it.as_str() == "started";
    if !record.outcome.as_ref().is_none_or(is_open) {
        return false;
    }
    let is_named = attempts.iter().any(|it| it.linked == Some(link.link_id));
    let since = later(attempt.started_at, -CLOCK_MARGIN);
    let until = later(attempt.started_at, VISIT_LASTS);
    let fits = link
        .created_at
        .is_some_and(|it| (since..=until).contains(&it));
    let is_theirs = match (&link.owner_document, link.replaces) {
        // The hash of a link that is continued may be of an older key.
        (_, Some(_)) => link.holder.is_none_or(|it| it == attempt.holder()),
        (Some(owner), None) => owner == attempt.expected_owner(),
        (None, None) => true,
    };
    !is_named && fits && is_theirs
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

#[cfg(test)]
mod tests;
