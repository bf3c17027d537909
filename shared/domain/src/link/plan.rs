//! What is due when, and why. Waiting is state on LINK: the sweeper finds it by its due time and
//! queues a job.

use jiff::{SignedDuration, Timestamp};

use super::backoff::{Backoff, Jitter, LastError};
use super::observe::FULL_SYNC_PERIOD;
use super::pending::SyncMode;
use super::policy::Policy;
use super::resource::Resource;
use super::run::UNKNOWN_REFUSAL;
use super::schedule::{Reason, later};
use super::state::{Link, LinkStatus};
use crate::code::Code;
use crate::resource::{LOADING, ResourceKind};

/// For so long Belvo is asked about a link that does not show its owner, or that Belvo has lost.
const CHECKS_END: SignedDuration = SignedDuration::from_hours(30 * 24);

/// For so long Belvo is asked about a link that no user has claimed. Attempts are queued before
/// links can be made, so they come later only after an outage of ours; and other systems may use
/// the same Belvo account.
const UNCLAIMED_CHECKS_END: SignedDuration = SignedDuration::from_hours(2 * 24);

/// For so long the record of a link is kept that was never bound, after the last check.
const KEPT_AFTER_CHECKS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Hours after a link was bound at which its empty resources are looked at again.
const LOOKS_AT_NOTHING: [i64; 7] = [1, 6, 24, 48, 96, 168, 240];

impl Link {
    /// Sets what comes next, now that nothing is pending.
    pub fn plan(&mut self, policy: &Policy, now: Timestamp) {
        self.last_error = None;
        self.forget_past_limit(now);
        if self.is_complete(policy) {
            self.complete_as_of = self.last_accessed_at;
        }
        if self.is_bound() {
            self.unresolved = None;
            self.checked_at = None;
            for done in [
                Reason::Retry,
                Reason::Continue,
                Reason::CheckLink,
                Reason::Deleted,
            ] {
                self.schedule.clear(done);
            }
        } else {
            self.schedule.keep_only(Reason::Reread);
            let next_check = self.next_check(now);
            self.schedule.set(Reason::CheckLink, next_check);
            self.schedule.set(Reason::Deleted, self.erased_at(policy));
            if self.is_left() {
                self.unlogged.clear();
                self.institution_user_id = None;
            }
        }
        self.plan_dates(policy, now);
    }

    /// Makes what is due pending.
    pub fn resume(&mut self, reason: Reason, policy: &Policy) {
        match reason {
            // The work is pending already, or it is the caller's.
            Reason::Retry | Reason::Continue | Reason::Refresh | Reason::Deferred => {}
            // Scheduled on tombstones alone.
            Reason::Purge => {}
            Reason::Deleted => self.pending.link = true,
            Reason::CheckLink => {
                self.pending.link = true;
                self.checked_at = None;
                if self.status == LinkStatus::Quarantined {
                    self.pending
                        .request_sync(ResourceKind::Owners, SyncMode::Full);
                }
                if let Some(unresolved) = &mut self.unresolved {
                    unresolved.attempts = unresolved.attempts.saturating_add(1);
                }
            }
            Reason::Unannounced => {
                self.pending.link = true;
                self.request_where(policy, SyncMode::Full, |it| {
                    it.last_sync.is_none() && it.deferred.is_none()
                });
            }
            Reason::LimitLifted => {
                self.request_where(policy, SyncMode::Full, |it| it.declined.is_some());
            }
            Reason::EmptyList => {
                self.request_where(policy, SyncMode::Full, |it| {
                    it.empty_since.is_some() || it.was_always_empty() || it.miscount.is_some()
                });
            }
            Reason::Settling => {
                self.request_where(policy, SyncMode::Full, |it| {
                    !it.missing.is_empty() && it.deferred.is_none()
                });
            }
            Reason::Consent => {
                self.pending.consents = true;
                self.pending.link |= self.user_action.is_some();
            }
            Reason::FullSync | Reason::Reread => {
                self.pending.link = true;
                self.request_everything(policy);
            }
        }
    }

    /// Notes that Belvo failed, and schedules the next try: not before `least`, and later with
    /// each failure in a row.
    pub fn back_off(
        &mut self,
        code: Code,
        least: SignedDuration,
        policy: &Policy,
        now: Timestamp,
    ) -> &LastError {
        let known = self.last_error.as_ref();
        let mut backoff = Backoff::next(known.map(|it| &it.backoff), now);
        if known.is_some_and(|it| it.code != code) {
            // The pauses grow on, and how long Belvo has said this begins anew.
            backoff.since = now;
        }
        let jitter = Jitter::new(self.link_id, self.fencing_token);
        let delay = backoff.delay(jitter).max(least);
        self.schedule.set(Reason::Retry, later(now, delay));
        self.plan_dates(policy, now);
        self.last_error.insert(LastError { code, backoff })
    }

    /// Whether Belvo has refused with this code for so long what is not a resource that it is left
    /// until there is news.
    pub fn has_waited_long(&self, code: &Code, now: Timestamp) -> bool {
        let known = self.last_error.as_ref().filter(|it| it.code == *code);
        known.is_some_and(|it| now.duration_since(it.backoff.since) >= UNKNOWN_REFUSAL)
    }

    /// Schedules the rest for which time ran short: at once, or after a while and in smaller
    /// chunks if a job has read and finished nothing.
    pub fn continue_later(&mut self, stuck: bool, now: Timestamp) {
        let mut delay = SignedDuration::ZERO;
        if stuck {
            self.halve_chunks();
            delay = SignedDuration::from_mins(10);
        }
        self.schedule.set(Reason::Continue, later(now, delay));
    }

    /// Whether the link waits for Belvo to recover. News are a sign of life, so they bring the
    /// next try forward to a minute from now.
    pub fn expedite(&mut self, now: Timestamp) -> bool {
        let Some(retry) = self.schedule.get(Reason::Retry).filter(|at| *at > now) else {
            return false;
        };
        let soon = later(now, SignedDuration::from_mins(1));
        self.schedule.set(Reason::Retry, retry.min(soon));
        true
    }

    /// Sets what has its date, whatever else happens. A date that has come stays until its job takes
    /// it: another job may be the first to run after it.
    fn plan_dates(&mut self, policy: &Policy, now: Timestamp) {
        if self.is_bound() {
            let full_sync = self.next_full_sync(policy, now);
            self.schedule.replan(Reason::FullSync, full_sync, now);
            let consent = self.consent.clone().unwrap_or_default().next_check(now);
            self.schedule.replan(Reason::Consent, Some(consent), now);
            self.schedule_deferred();
            let settling = self.next_settling();
            self.schedule.replan(Reason::Settling, settling, now);
            let known = self.schedule.get(Reason::EmptyList);
            if let Some(look) = self.next_look_at_nothing(now) {
                let at = known.map_or(look, |known| known.min(look));
                self.schedule.set(Reason::EmptyList, at);
            }
        }
        let unannounced = self.next_look_for_unannounced(policy, now);
        self.schedule.replan(Reason::Unannounced, unannounced, now);
    }

    /// When to look again at what was empty from the first answer on. A bank may need days, such as
    /// for a consent that a second owner must confirm.
    fn next_look_at_nothing(&self, now: Timestamp) -> Option<Timestamp> {
        let mut resources = self.resources.values();
        let bound_at = self
            .bound_at
            .filter(|_| resources.any(Resource::was_always_empty))?;
        let looks = LOOKS_AT_NOTHING.map(|it| later(bound_at, SignedDuration::from_hours(it)));
        looks.into_iter().find(|at| *at > now)
    }

    /// When Belvo is asked again about a link that is not bound; never once it has waited too long,
    /// nor about one in quarantine whose OWNERS will be announced. Of a single link, they are not.
    fn next_check(&mut self, now: Timestamp) -> Option<Timestamp> {
        let end = self.checks_end()?;
        let first = || Backoff::next(None, now);
        let unresolved = *self.unresolved.get_or_insert_with(first);
        if now.duration_since(unresolved.since) >= end {
            return None;
        }
        let jitter = Jitter::new(self.link_id, self.fencing_token);
        Some(later(now, unresolved.delay(jitter)))
    }

    /// For how long Belvo is asked about a link that is not bound.
    fn checks_end(&self) -> Option<SignedDuration> {
        match self.status {
            LinkStatus::Bound => None,
            // OWNERS will be announced. Of a single link, they are not.
            LinkStatus::Quarantined if !self.is_single() => None,
            // A visit has named it, and who owns it may show as late as of a link of a user.
            LinkStatus::Unclaimed if !self.named_by.is_empty() => Some(CHECKS_END),
            LinkStatus::Unclaimed => Some(UNCLAIMED_CHECKS_END),
            LinkStatus::Quarantined
            | LinkStatus::Announced
            | LinkStatus::AwaitingOwner
            | LinkStatus::Gone => Some(CHECKS_END),
        }
    }

    /// Until when the record is kept of a link that was never anybody's here and is not asked about
    /// any more.
    pub fn kept_until(&self) -> Option<Timestamp> {
        let was_never_ours = self.bound_at.is_none()
            && self.erase.is_none()
            && self.status != LinkStatus::Quarantined;
        let waits_for_nothing = self.schedule.next().is_none();
        let unresolved = self
            .unresolved
            .filter(|_| was_never_ours && waits_for_nothing)?;
        let checks_end = later(unresolved.since, self.checks_end()?);
        Some(later(checks_end, KEPT_AFTER_CHECKS))
    }

    /// When what was read of a link is erased that Belvo has deleted: it has told so, and does not know
    /// the link any more.
    fn erased_at(&self, policy: &Policy) -> Option<Timestamp> {
        let kept = SignedDuration::from_hours(24 * i64::from(policy.deleted_link_days));
        let was_read = self.bound_at.is_some() && self.status == LinkStatus::Gone;
        let deleted_at = self.deleted_at.filter(|_| was_read)?;
        Some(later(deleted_at, kept))
    }

    /// Whether everything Belvo has fetched from the bank so far is read, or will not be.
    fn is_complete(&self, policy: &Policy) -> bool {
        let (LinkStatus::Bound, Some(accessed_at)) = (self.status, self.last_accessed_at) else {
            return true;
        };
        let requested = self.requested(policy);
        requested.iter().all(|kind| self.has(*kind, accessed_at))
    }

    /// Whether something that Belvo has fetched from the bank by then is neither read nor to be read.
    pub fn lacks(&self, accessed_at: Timestamp) -> bool {
        let mut requested = self.fetch_resources.iter();
        requested.any(|kind| !self.needs_sync(*kind) && !self.has(*kind, accessed_at))
    }

    /// Whether a resource is read as of then, or will not be, or has a time of its own.
    fn has(&self, kind: ResourceKind, accessed_at: Timestamp) -> bool {
        let is_left = |it: &Resource| it.declined.is_some() || it.deferred.is_some();
        let resource = self.resources.get(&kind);
        resource.is_some_and(|it| is_left(it) || it.covers(accessed_at))
    }

    /// When to sync the resources that no webhook has announced.
    fn next_look_for_unannounced(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let requested = self.requested(policy);
        let owners = ResourceKind::Owners;
        let unread = match self.status {
            LinkStatus::Bound => requested.iter().any(|kind| {
                let resource = self.resources.get(kind);
                resource.is_none_or(|it| !it.is_settled() && it.deferred.is_none())
            }),
            // Once OWNERS is pending it stays so, and each check of the link compares the owner.
            LinkStatus::AwaitingOwner => requested.contains(&owners) && !self.needs_sync(owners),
            _ => false,
        };
        let loaded_at = later(self.created_at.unwrap_or(now), LOADING);
        let soon = later(now, SignedDuration::from_mins(5));
        unread.then(|| loaded_at.max(soon))
    }

    /// When the weekly full sync is due: a week after the oldest full sync, spread over a day. A
    /// link that Belvo reads once has one only while Belvo declines something of it: no webhook will
    /// tell that it is given again.
    fn next_full_sync(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let is_single = self.is_single();
        if is_single && self.declined().next().is_none() {
            return None;
        }
        let requested = self.requested(policy);
        let resources = requested.iter().filter_map(|it| self.resources.get(it));
        // A full sync does not make younger what Belvo declines to give.
        let given = resources.filter(|it| it.declined.is_none());
        let oldest = given.filter_map(|it| it.last_full_sync).min();
        let oldest = oldest.or(self.bound_at.filter(|_| is_single))?;
        let spread = Jitter::new(self.link_id, 0).share_of(SignedDuration::from_hours(24));
        let next = later(later(oldest, FULL_SYNC_PERIOD), spread);
        let tomorrow = later(now, SignedDuration::from_hours(24));
        // The jobs of a day must not put it off from day to day.
        let planned = self.schedule.get(Reason::FullSync);
        Some(next.max(planned.map_or(tomorrow, |planned| planned.min(tomorrow))))
    }
}

#[cfg(test)]
mod tests;
