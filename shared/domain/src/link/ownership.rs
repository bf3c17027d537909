//! Whose a link is, settled before anything of it is stored.
//!
//! A callback can be made up, and a webhook names users as Belvo knows them, so neither decides.
//! Three witnesses do: Belvo's record of the link names the user, that user has set out to connect
//! a bank, and the owner of the accounts holds the document the token was minted for. If Belvo names
//! no user, the signed session of a callback does, and then the owner must hold the very document. A
//! link without a user may also continue one that all three have settled.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::owners::OwnerEvidence;
use super::pending::SyncMode;
use super::policy::{OwnerCheck, Policy};
use super::schedule::{Reason, later};
use super::state::{Link, LinkStatus, NamedBy, OwnerVerdict};
use crate::attempt::{Attempt, AttemptRecord};
use crate::id::ExternalId;
use crate::resource::{LOADING, ResourceKind};

/// How long before a link its attempt may have begun.
const ATTEMPT_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How far Belvo's clock may be behind ours.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// How many attempts are kept that have named a link: one made it, and any session can name it.
const MAX_NAMED_BY: usize = 5;

/// How long before a renewed link its user may have opened the portal: its token lives 10 minutes, and
/// the bank then gives the user 60 (Open Finance Brasil, Consents API 3.3). The rest is slack.
const RENEWAL_WINDOW: SignedDuration = SignedDuration::from_mins(90);

/// A link that is not bound is not checked twice within this time because of callbacks: any
/// browser can load their address again and again.
const CHECK_PAUSE: SignedDuration = SignedDuration::from_secs(30);

impl Link {
    /// When an attempt that made this link can have begun: counted from the link's birth, so that
    /// an outage of ours does not age attempts. A birth in the future is a clock that differs.
    pub fn attempt_window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let birth = self.created_at.map_or(now, |created| created.min(now));
        (later(birth, -ATTEMPT_WINDOW), later(birth, CLOCK_MARGIN))
    }

    /// Of a user's attempts those that can have made this link, the likeliest first: the one whose
    /// callback named the link, then the latest.
    pub fn likely_attempts(
        &self,
        mut attempts: Vec<AttemptRecord>,
        now: Timestamp,
    ) -> Vec<AttemptRecord> {
        let (since, until) = self.attempt_window(now);
        attempts.retain(|it| (since..=until).contains(&it.attempt.started_at));
        attempts.sort_by_key(|it| {
            let named = it.linked == Some(self.link_id);
            std::cmp::Reverse((named, it.attempt.started_at))
        });
        attempts
    }

    /// Gives a link that Belvo had lost for a while back to its user. Whose it is was settled
    /// before; what it holds was not. Says whether it ever was bound.
    pub fn regain(&mut self, policy: &Policy) -> bool {
        let was_bound = self.bound_at.is_some();
        if was_bound {
            self.status = LinkStatus::Bound;
            self.request_everything(policy);
        }
        was_bound
    }

    /// Decides about a link that was never bound and for which Belvo names a user with these
    /// attempts, the likeliest first. Says whether their documents must be compared with those of
    /// the owners before it is settled.
    pub fn claim(
        &mut self,
        external_id: &ExternalId,
        attempts: &[AttemptRecord],
        policy: &Policy,
        now: Timestamp,
    ) -> bool {
        if attempts.is_empty() && !policy.adopt_existing_links {
            self.leave_unclaimed();
        } else if policy.owner_check == OwnerCheck::Off || attempts.is_empty() {
            self.owner_verdict = Some(OwnerVerdict::NotChecked);
            if let Some(record) = attempts.first() {
                self.credit(&record.attempt);
            }
            self.bind(external_id.clone(), now);
        } else if self.needs_sync(ResourceKind::Owners) {
            return true;
        } else {
            // Before Belvo announces OWNERS, its list may be empty or partial.
            self.assign(external_id.clone(), LinkStatus::AwaitingOwner);
        }
        false
    }

    /// Decides about a link whose owners were compared with the attempts of the user Belvo names.
    pub fn observe_owner(
        &mut self,
        external_id: ExternalId,
        evidence: OwnerEvidence<'_>,
        policy: &Policy,
        now: Timestamp,
    ) {
        match evidence {
            OwnerEvidence::Matches(attempt) => {
                self.owner_verdict = Some(OwnerVerdict::Matched);
                self.credit(attempt);
                self.bind(external_id, now);
            }
            OwnerEvidence::Related(attempt) => {
                self.owner_verdict = Some(OwnerVerdict::Related);
                self.credit(attempt);
                self.bind(external_id, now);
            }
            OwnerEvidence::Unclear => {
                self.owner_verdict = Some(OwnerVerdict::Unclear);
                match policy.owner_check {
                    OwnerCheck::Warn => self.bind(external_id, now),
                    // Another form of the document may come, so OWNERS are looked at again.
                    OwnerCheck::Required | OwnerCheck::Off => {
                        self.assign(external_id, LinkStatus::AwaitingOwner);
                    }
                }
            }
            OwnerEvidence::Differs => {
                self.owner_verdict = Some(OwnerVerdict::Mismatched);
                match policy.owner_check {
                    OwnerCheck::Warn => self.bind(external_id, now),
                    OwnerCheck::Required | OwnerCheck::Off => {
                        self.assign(external_id, LinkStatus::Quarantined);
                        // The owner is compared again when OWNERS is announced again.
                        self.forget_syncs();
                    }
                }
            }
            // Missing evidence is not evidence against the user.
            OwnerEvidence::Missing => self.assign(external_id, LinkStatus::AwaitingOwner),
        }
    }

    /// Notes that the callback of an attempt has named the link, in case Belvo names no user.
    pub fn observe_callback(&mut self, attempt: &Attempt) {
        let named_by = NamedBy {
            external_id: attempt.external_id.clone(),
            session_id: attempt.session_id.clone(),
        };
        let is_news = self.bound_at.is_none() && !self.named_by.contains(&named_by);
        if is_news && self.named_by.len() < MAX_NAMED_BY {
            self.named_by.push(named_by);
            self.pending.link = true;
        }
    }

    /// Whether the owners of a link for which Belvo names no user can be compared with the attempts
    /// that have named it.
    pub fn witnesses_can_be_heard(&mut self, policy: &Policy, now: Timestamp) -> bool {
        // Elsewhere the owner is no witness, and a callback alone is none.
        let are_there = policy.owner_check == OwnerCheck::Required && !self.named_by.is_empty();
        are_there && self.owners_can_be_read(now)
    }

    /// Whether OWNERS can be read of a link that is nobody's yet. Before Belvo announces it, its list
    /// may be empty; a webhook that was lost is not waited for any longer than data takes to come.
    pub fn owners_can_be_read(&mut self, now: Timestamp) -> bool {
        if self.created_at.is_some_and(|at| later(at, LOADING) <= now) {
            self.pending
                .request_sync(ResourceKind::Owners, SyncMode::Full);
        }
        self.needs_sync(ResourceKind::Owners)
    }

    /// Gives the link to the user of a link of the same person at the same bank: a renewed consent
    /// may come as a new link, and its `external_id` may be null.
    pub fn continue_link(&mut self, predecessor: Self, now: Timestamp) {
        let Some(external_id) = predecessor.external_id else {
            return self.leave_unclaimed();
        };
        self.replaces = Some(predecessor.link_id);
        self.owner_verdict = predecessor.owner_verdict;
        self.session_id = predecessor.session_id;
        self.holder = predecessor.holder;
        self.owner_document = predecessor.owner_document;
        // Its own may have come first.
        self.proofs.extend(predecessor.proofs);
        self.bind(external_id, now);
    }

    /// Belvo names no user of this stack. A link that was bound keeps its user.
    pub fn leave_unclaimed(&mut self) {
        self.unassign(LinkStatus::Unclaimed);
    }

    /// Belvo does not know the link. One that was bound keeps its user and its data.
    pub fn lose(&mut self) {
        self.unassign(LinkStatus::Gone);
    }

    /// Whether Belvo must be asked about the link before anything else is done for it.
    pub fn needs_check(&self) -> bool {
        match self.status {
            LinkStatus::Bound => self.pending.link,
            LinkStatus::Quarantined => self.needs_sync(ResourceKind::Owners),
            LinkStatus::Unclaimed => self.pending.link || !self.is_left(),
            LinkStatus::Announced | LinkStatus::AwaitingOwner | LinkStatus::Gone => true,
        }
    }

    /// Whether the link was unclaimed for so long that neither webhooks nor Belvo's list are a reason
    /// to ask about it. A callback that names it is one, and so is an operator's wish.
    pub fn is_left(&self) -> bool {
        let is_known = self.status == LinkStatus::Unclaimed && self.unresolved.is_some();
        is_known && self.schedule.next().is_none()
    }

    /// Whether the check that a callback asks for can wait for the schedule: the link is not bound
    /// and was checked moments ago. Then it is scheduled for when the pause is over.
    pub fn defer_check(&mut self, now: Timestamp) -> bool {
        let checked_at = self.checked_at.filter(|_| !self.is_bound());
        let pause_ends = checked_at.map(|at| later(at, CHECK_PAUSE));
        let Some(at) = pause_ends.filter(|at| *at > now) else {
            return false;
        };
        let scheduled = self.schedule.get(Reason::CheckLink);
        let at = scheduled.map_or(at, |scheduled| scheduled.min(at));
        self.schedule.set(Reason::CheckLink, at);
        true
    }

    /// Gives the link to a user, and its data with it. A link that was bound keeps its user.
    fn bind(&mut self, external_id: ExternalId, now: Timestamp) {
        self.assign(external_id, LinkStatus::Bound);
        self.bound_at.get_or_insert(now);
        self.named_by.clear();
        // OWNERS lead to the consent; without them, what a webhook has named is looked up.
        self.pending.consents |= !self.fetch_resources.contains(&ResourceKind::Owners);
    }

    fn assign(&mut self, external_id: ExternalId, status: LinkStatus) {
        // Every row lies under its user's id, so a link that was bound never changes its user.
        if self.bound_at.is_none() || self.external_id.is_none() {
            self.external_id = Some(external_id);
        }
        self.status = status;
    }

    /// Takes the link from the user Belvo named, unless it was bound to them.
    fn unassign(&mut self, status: LinkStatus) {
        if self.bound_at.is_none() {
            self.external_id = None;
        }
        self.status = status;
    }

    /// Notes which attempt has made the link, and whose accounts it was for.
    fn credit(&mut self, attempt: &Attempt) {
        self.session_id = Some(attempt.session_id.clone());
        self.holder = Some(attempt.holder());
        self.owner_document = Some(attempt.expected_owner().clone());
    }

    fn forget_syncs(&mut self) {
        self.pending.resources.clear();
        for resource in self.resources.values_mut() {
            resource.run = None;
        }
    }
}

/// The link that a link without a user continues: the latest bound one among those of the same
/// person at the same bank, if all of them belong to one user, or if one user alone has opened the
/// portal to renew one of them shortly before the link was made.
pub fn predecessor(mut known: Vec<Link>, created_at: Option<Timestamp>) -> Option<Link> {
    known.retain(|it| it.is_bound() && it.erase.is_none());
    known.sort_by_key(|it| it.bound_at);
    let is_renewed = |it: &Link| {
        let opened_at = it.consent.as_ref().and_then(|it| it.renewal_opened_at);
        opened_at.zip(created_at).is_some_and(|(opened, created)| {
            let window = later(created, -RENEWAL_WINDOW)..=later(created, CLOCK_MARGIN);
            window.contains(&opened)
        })
    };
    let user = only_user(known.iter())
        .or_else(|| only_user(known.iter().filter(|it| is_renewed(it))))?
        .clone();
    known.retain(|it| it.external_id.as_ref() == Some(&user));
    known.pop()
}

/// The user of all these links, if they have one user.
fn only_user<'a>(links: impl Iterator<Item = &'a Link>) -> Option<&'a ExternalId> {
    let users: BTreeSet<&ExternalId> = links.filter_map(|it| it.external_id.as_ref()).collect();
    let mut users = users.into_iter();
    users.next().filter(|_| users.next().is_none())
}

#[cfg(test)]
mod tests;
