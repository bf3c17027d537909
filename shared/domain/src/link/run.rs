//! One sync run: how it starts and how it ends.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::backoff::{Backoff, Jitter, LastError};
use super::change::UntoldRows;
use super::limit::is_limit;
use super::missing::EMPTY_DOUBT;
use super::pace::Pace;
use super::pending::SyncMode;
use super::resource::{Deferred, LastSync, ResourceState, SyncRun};
use super::schedule::{Reason, later};
use super::state::Link;
use super::tally::{MAX_REJECTED, Tally};
use crate::code::Code;
use crate::date_range::DateRange;
use crate::resource::ResourceKind;

/// How long a resource is tried again that Belvo refuses with a code that is not known.
pub(super) const UNKNOWN_REFUSAL: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The smallest chunk of a statement that is worth its requests.
const SMALLEST_CHUNK: u64 = 1000;

/// How reading from Belvo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every row that was to be read is stored.
    Complete,
    /// The list disagreed with itself: it is read once more.
    Repeat,
    /// What was read shows that a full sync is needed.
    NeedsFull,
    /// New rows that a webhook announced did not come: they may have other dates.
    Unfound,
}

/// A sync that has ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    pub mode: SyncMode,
    pub started_at: Timestamp,
    pub rows: u64,
    pub rejected_rows: u64,
    /// Whether it disagrees with what Belvo announces or counts, also after a second try.
    pub totals_differ: bool,
    /// How many more rows Belvo counts than could be had.
    pub miscount: i64,
}

impl Link {
    /// Turns what is pending of a resource into a run, or continues the one under way. Says whether
    /// LINK is to be saved first: a user watches the progress of a first sync.
    ///
    /// `received_at` is the queue's time of the job that does it.
    pub fn start_run(
        &mut self,
        kind: ResourceKind,
        chunk_size: u64,
        received_at: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let resource = self.resources.entry(kind).or_default();
        let deferred = resource.deferred.take().map(|it| it.mode);
        let mut pending = self.pending.resources.remove(&kind).max(deferred);
        let mut chunk_size = chunk_size;
        if let Some(run) = &mut resource.run {
            let continues = run.cursor.is_some();
            if continues || run.retried {
                if !continues {
                    run.started_at = now;
                    run.covers_until = received_at;
                    run.tally = Tally::default();
                    run.missing.clear();
                }
                // Requests that came meanwhile are for the next run.
                if let Some(mode) = pending {
                    self.pending.request_sync(kind, mode);
                }
                return false;
            }
            // None of it is done, so it starts anew, together with what is pending since.
            chunk_size = run.chunk_size;
            resource.announced_new = resource.announced_new.saturating_add(run.announced_new);
            let (mode, announced) = (run.mode, run.announced.take());
            if pending.is_none() {
                resource.announce_again(announced);
            }
            pending = pending.max(Some(mode));
        }
        let mode = match (kind, resource.last_full_sync) {
            (ResourceKind::Transactions, Some(_)) => pending.unwrap_or(SyncMode::Full),
            // Belvo filters transactions alone by date, and the other lists are short.
            _ => SyncMode::Full,
        };
        let announced = std::mem::take(&mut resource.announced_full);
        resource.run = Some(SyncRun {
            mode,
            started_at: now,
            covers_until: received_at,
            // An announcement counts for one run: compared with a later one, it would be old news.
            announced: (announced && mode == SyncMode::Full).then(|| resource.announced.clone()),
            announced_new: std::mem::take(&mut resource.announced_new),
            retried: false,
            chunk_size,
            cursor: None,
            rows_known_at: None,
            tally: Tally::default(),
            missing: BTreeMap::new(),
            settling: false,
        });
        let is_first = resource.state == ResourceState::Waiting;
        if is_first {
            resource.state = ResourceState::Syncing;
        }
        is_first
    }

    /// The movements an incremental sync reads: those dated from `window_days` before the last
    /// sync on, because banks change movements of the last days and Belvo itself looks six days
    /// back (Belvo's support, "avoiding missing transactions").
    pub fn incremental_range(
        &self,
        kind: ResourceKind,
        window_days: u16,
        now: Timestamp,
    ) -> DateRange {
        let last = self.resources.get(&kind).and_then(|it| it.last_sync);
        let last = last.map_or(Timestamp::MIN, |it| it.started_at);
        let window = Span::new().days(i64::from(window_days));
        DateRange::since(utc_day(last.min(now)).saturating_sub(window))
    }

    /// Draws the conclusion of a run. Gives none if the resource is still to be synced: by a second
    /// try, or in full.
    pub fn conclude_run(
        &mut self,
        kind: ResourceKind,
        end: RunEnd,
        now: Timestamp,
    ) -> Option<Synced> {
        let resource = self.resources.entry(kind).or_default();
        let mut run = resource.run.take()?;
        let announced = run.announced.as_ref();
        let agrees = announced.map(|it| it.agree_with(&run.tally.totals(kind)));
        // When it disagrees, Belvo may have written meanwhile.
        let is_first = !run.retried && run.tally.miscount == 0;
        let differs_first = agrees == Some(false) && is_first;
        let mut put_off = None;
        match end {
            RunEnd::NeedsFull => {
                self.pending.request_sync(kind, SyncMode::Full);
                return None;
            }
            RunEnd::Unfound => {
                // Webhooks may come again and again, so such reads have their pace too.
                put_off = Pace::count(&mut resource.pace, now);
                if put_off.is_none() {
                    self.pending.request_sync(kind, SyncMode::Full);
                    return None;
                }
            }
            RunEnd::Complete if !differs_first => {}
            RunEnd::Repeat | RunEnd::Complete => {
                run.retried = true;
                run.cursor = None;
                resource.run = Some(run);
                return None;
            }
        }
        let synced = Synced {
            mode: run.mode,
            started_at: run.started_at,
            rows: resource.rows,
            rejected_rows: run.tally.rejected_rows,
            totals_differ: agrees == Some(false) || run.tally.miscount != 0,
            miscount: run.tally.miscount,
        };
        let before = resource.last_sync.replace(LastSync {
            mode: run.mode,
            started_at: run.started_at,
            covers_until: run.covers_until,
            ended_at: now,
            surplus: run.tally.new_rows.saturating_sub(run.announced_new),
        });
        // A bill that no webhook has told of since.
        let is_lost = |before: LastSync| resource.announced_at < Some(before.started_at);
        let found_lost_bill =
            kind == ResourceKind::Bills && run.tally.new_rows > 0 && before.is_some_and(is_lost);
        let declined = resource.declined.take();
        resource.refused = None;
        // What is stored and did not come keeps its days.
        let has_all = run.mode == SyncMode::Full && resource.rows <= run.tally.rows;
        let days = std::mem::take(&mut run.tally.days);
        let run_found_rows = run.tally.rows + run.tally.rejected_rows > 0;
        match run.mode {
            SyncMode::Full => {
                resource.last_full_sync = Some(run.started_at);
                resource.rejected_rows = run.tally.rejected_rows;
                resource.rejected = std::mem::take(&mut run.tally.rejected);
                resource.missing = std::mem::take(&mut run.missing);
            }
            SyncMode::Incremental => {
                let room = MAX_REJECTED.saturating_sub(resource.rejected.len());
                let rejected = std::mem::take(&mut run.tally.rejected);
                resource.rejected.extend(rejected.into_iter().take(room));
            }
        }
        resource.compare(&run, agrees, now);
        resource.state = match resource.rejected.is_empty() && resource.miscount.is_none() {
            true => ResourceState::Ready,
            false => ResourceState::Partial,
        };
        if run_found_rows {
            resource.empty_since = None;
        }
        let read_again = resource.empty_since.map(|since| later(since, EMPTY_DOUBT));
        self.doubt_until(read_again.filter(|at| *at > now));
        if run.mode == SyncMode::Full {
            let look = self.next_look_at_miscount(kind, now);
            self.doubt_until(look);
        }
        if let Some(until) = put_off {
            self.defer_sync(kind, SyncMode::Full, until);
        }
        if declined.as_ref().is_some_and(is_limit) {
            self.lift_limit();
        }
        if declined.is_some() && declined == self.user_action {
            // The user has mended it.
            self.user_action = None;
        }
        if found_lost_bill {
            self.read_again_for_bill(run.covers_until);
        }
        if kind == ResourceKind::Owners {
            // OWNERS names the documents by which Belvo lists consents.
            self.pending.consents = true;
        }
        if kind == ResourceKind::Transactions {
            self.observe_days(days, has_all);
        }
        if kind == ResourceKind::Transactions && self.untold_rows == UntoldRows::Suspected {
            self.untold_rows = UntoldRows::Changed;
        }
        Some(synced)
    }

    /// Transactions name the bill they are on, and may be a month old. The webhook of a bill leads to a
    /// read of them; this makes up for one that was lost, unless the same job has read them.
    fn read_again_for_bill(&mut self, job: Option<Timestamp>) {
        let transactions = self.resources.get(&ResourceKind::Transactions);
        let last = transactions.and_then(|it| it.last_full_sync.and(it.last_sync));
        let is_of_job =
            |it: LastSync| it.mode == SyncMode::Full && job.is_some() && it.covers_until == job;
        if last.is_some_and(|it| !is_of_job(it)) {
            self.pending
                .request_sync(ResourceKind::Transactions, SyncMode::Full);
        }
    }

    /// A read was given up because of rows that are not the link's. LINK names them; the run stays
    /// under way.
    pub fn give_up_read(&mut self, kind: ResourceKind, tally: &Tally) {
        let resource = self.resource(kind);
        resource.rejected_rows = tally.rejected_rows;
        resource.rejected.clone_from(&tally.rejected);
        if resource.state == ResourceState::Ready {
            resource.state = ResourceState::Partial;
        }
    }

    /// Belvo declines to give a resource, and asking again cannot help.
    pub fn decline_run(&mut self, kind: ResourceKind, code: Code) {
        if needs_user(&code) {
            self.user_action = Some(code.clone());
        }
        let resource = self.resource(kind);
        resource.run = None;
        resource.refused = None;
        resource.missing.clear();
        resource.state = ResourceState::Unavailable;
        resource.declined = Some(code);
    }

    /// Belvo refuses a resource with a code that is not known. It may pass, so the resource is tried
    /// again after growing pauses; after three days it is unavailable until there is news.
    pub fn refuse_run(&mut self, kind: ResourceKind, code: Code, now: Timestamp) {
        let resource = self.resources.entry(kind).or_default();
        let known = resource.refused.as_ref().map(|it| &it.backoff);
        let backoff = Backoff::next(known, now);
        if now.duration_since(backoff.since) >= UNKNOWN_REFUSAL {
            return self.decline_run(kind, code);
        }
        let jitter = Jitter::new(self.link_id, self.fencing_token);
        let until = later(now, backoff.delay(jitter));
        resource.refused = Some(LastError { code, backoff });
        self.defer_run(kind, until);
    }

    /// Puts a sync off, or adds to one that is put off already.
    pub(super) fn defer_sync(&mut self, kind: ResourceKind, mode: SyncMode, until: Timestamp) {
        let deferred = self
            .resource(kind)
            .deferred
            .get_or_insert(Deferred { mode, until });
        deferred.mode = deferred.mode.max(mode);
        self.schedule_deferred();
    }

    /// Puts the run of a resource off, together with what is pending of it.
    fn defer_run(&mut self, kind: ResourceKind, until: Timestamp) {
        let pending = self.pending.resources.remove(&kind);
        let resource = self.resources.entry(kind).or_default();
        let run = resource.run.take();
        let mode = pending.max(run.as_ref().map(|it| it.mode));
        let announced_new = run.as_ref().map_or(0, |it| it.announced_new);
        resource.announced_new = resource.announced_new.saturating_add(announced_new);
        if pending.is_none() {
            resource.announce_again(run.and_then(|it| it.announced));
        }
        resource.deferred = mode.map(|mode| Deferred { mode, until });
        self.schedule_deferred();
    }

    /// The first of the syncs that were put off has its time.
    pub(super) fn schedule_deferred(&mut self) {
        let deferred = self.resources.values().filter_map(|it| it.deferred);
        let first = deferred.map(|it| it.until).min();
        self.schedule.set(Reason::Deferred, first);
    }

    /// Makes the syncs pending that were put off to this time or an earlier one.
    pub fn resume_deferred(&mut self, until: Timestamp) {
        for (kind, resource) in &mut self.resources {
            let is_due = |it: &mut Deferred| it.until.as_second() <= until.as_second();
            if let Some(deferred) = resource.deferred.take_if(is_due) {
                self.pending.request_sync(*kind, deferred.mode);
            }
        }
        self.schedule_deferred();
    }

    /// The bank's monthly limits are used up. The resource is synced when they are lifted.
    pub fn limit_run(&mut self, kind: ResourceKind, code: Code, now: Timestamp) {
        self.decline_run(kind, code);
        self.limit(now);
    }

    /// Runs that did not fit into an invocation are tried in smaller chunks.
    pub(super) fn halve_chunks(&mut self) {
        let runs = self.resources.values_mut();
        for run in runs.filter_map(|it| it.run.as_mut()) {
            let smallest = run.chunk_size.min(SMALLEST_CHUNK);
            run.chunk_size = (run.chunk_size / 2).max(smallest);
        }
    }
}

/// Whether a code is about the whole link, and only its user can mend it.
pub(super) fn needs_user(code: &Code) -> bool {
    ["consent_without_accounts", "invalid_link", "token_required"].contains(&code.as_str())
}

/// The day in UTC. The bank's day may be another one; the window is wide enough for that.
pub fn utc_day(moment: Timestamp) -> Date {
    moment.to_zoned_datetime(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests;
