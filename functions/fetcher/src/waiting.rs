//! What cannot be done now: written on LINK, found by the sweeper, done later.
//!
//! A queue is no place to wait: a FIFO group stands still behind a failed message, and each return
//! counts towards the dead letters. So whatever Belvo or time prevents becomes an entry of the
//! link's agenda, and the job is done.

use belvo::{Retry, Wait};
use domain::resource::LOADING;
use domain::{Code, LinkId, RequestId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use store::{Due, LinkRecord, LinkStatus, Scope, Trouble};

use crate::calendar;
use crate::fetcher::{Fetcher, JobError};
use crate::open::{Batch, ERASED, OpenLink};
use crate::refresh::Asked;

/// Everything of a link is read again after this time, should something have been missed.
const PASS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Nobody waits any longer for a link to show its owner, or to come back.
const LOOKS_END: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Nobody waits any longer for a link to be claimed. Attempts are queued before links can be made,
/// so they come late only if we were down; and other systems may use the same Belvo account.
const UNCLAIMED_END: SignedDuration = SignedDuration::from_hours(2 * 24);

/// A link that was looked at within this time is not looked at again because of a callback, because
/// the sessions of any signed-in user can name any link. The schedule's first pause is as long.
const MOMENTS: SignedDuration = SignedDuration::from_secs(30);

/// How soon a link is tried again, or looked at again, that there is news of.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// The smallest part of a statement that is worth its requests.
const SMALLEST_PORTION: u64 = 1000;

impl Fetcher {
    /// The time has come that a link was waiting for.
    pub(crate) async fn link_due(
        &self,
        link_id: LinkId,
        until: Timestamp,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let until = self.clock.now().max(until);
        let Some(mut link) = self.open_until(link_id, until, batch).await? else {
            return Ok(ERASED);
        };
        let due = link.record.agenda.take_due(until);
        if due.is_empty() {
            return Ok("nothing due");
        }
        if due.contains(&Due::Refresh) {
            self.ask_to_refresh(&mut link, Asked::Before).await?;
        }
        for due in due {
            self.take_up(&mut link, due);
        }
        self.catch_up_now(&mut link).await
    }

    fn take_up(&self, link: &mut OpenLink<'_>, due: Due) {
        match due {
            // What remains is on LINK.
            Due::Retry | Due::Continue | Due::Refresh => {}
            // Entered on tombstones alone.
            Due::Purge => {}
            Due::Look => link.record.looks = link.record.looks.saturating_add(1),
            Due::Unannounced => {
                link.record.look = true;
                let unread = |it: &store::ResourceRecord| it.sync_ended_at.is_none();
                self.want_where(&mut link.record, Scope::Everything, unread);
            }
            Due::Limit => {
                let declined = |it: &store::ResourceRecord| it.declined.is_some();
                self.want_where(&mut link.record, Scope::Everything, declined);
            }
            Due::Empty => {
                let empty = |it: &store::ResourceRecord| it.empty_since.is_some();
                self.want_where(&mut link.record, Scope::Everything, empty);
            }
            Due::Consent => link.record.consent_pending = true,
            Due::Pass | Due::Reread => {
                link.record.look = true;
                self.want_where(&mut link.record, Scope::Everything, |_| true);
            }
        }
    }

    /// Belvo's list shows the link, or news of it, and no webhook has told of it.
    pub(crate) async fn link_seen(
        &self,
        link_id: LinkId,
        last_accessed_at: Option<Timestamp>,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        link.record.look = true;
        link.record.last_accessed_at = last_accessed_at;
        let unread = |it: &store::ResourceRecord| match last_accessed_at {
            Some(at) => !was_read_after(it, at),
            None => it.sync_started_at.is_none(),
        };
        self.want_where(&mut link.record, Scope::Recent, unread);
        self.catch_up(&mut link).await
    }

    /// An operator wants everything read again, at a certain time.
    pub(crate) async fn link_reread(
        &self,
        link_id: LinkId,
        not_before: Timestamp,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        if not_before > self.clock.now() {
            link.record.agenda.set(Due::Reread, not_before);
            self.save(&mut link).await?;
            return Ok("put down for later");
        }
        link.record.agenda.clear(Due::Reread);
        self.take_up(&mut link, Due::Reread);
        link.record.consent_pending = true;
        self.catch_up_now(&mut link).await
    }

    /// Wants those of the requested resources for which this holds.
    fn want_where(
        &self,
        record: &mut LinkRecord,
        scope: Scope,
        holds: impl Fn(&store::ResourceRecord) -> bool,
    ) {
        for kind in self.requested(record) {
            if holds(record.resource(kind)) {
                record.want(kind, scope);
            }
        }
    }

    /// Wants all of the requested resources.
    pub(crate) fn want_everything(&self, record: &mut LinkRecord) {
        self.want_where(record, Scope::Everything, |_| true);
    }

    /// A link that is heard of after a week of silence, or reads news for the seventh day, reads
    /// everything: should anything have been missed, it ends there.
    pub(crate) fn want_what_is_old(&self, record: &mut LinkRecord) {
        let now = self.clock.now();
        let old = |it: &store::ResourceRecord| {
            it.whole_started_at
                .is_some_and(|at| now.duration_since(at) >= PASS)
        };
        self.want_where(record, Scope::Everything, old);
    }

    /// What Belvo retrieves for the link; what we ask for, until Belvo has said so.
    pub(crate) fn requested(&self, record: &LinkRecord) -> Vec<ResourceKind> {
        match record.requested.is_empty() {
            true => self.config.fetch_resources.iter().collect(),
            false => record.requested.iter().copied().collect(),
        }
    }

    /// Whether the link waits for Belvo to recover. News bring the next try forward: they are a
    /// sign of life.
    pub(crate) fn bring_forward(&self, record: &mut LinkRecord) -> bool {
        let now = self.clock.now();
        let Some(retry) = record.agenda.get(Due::Retry).filter(|at| *at > now) else {
            return false;
        };
        let soon = calendar::later(now, SOON);
        record.agenda.set(Due::Retry, retry.min(soon));
        true
    }

    /// Whether Belvo was asked moments ago whose the link is, without a final answer. A callback
    /// brings the next look forward then: its attempt may be what was missing.
    pub(crate) fn bring_look_forward(&self, record: &mut LinkRecord) -> bool {
        let now = self.clock.now();
        let looked_at = record.looked_at.filter(|_| is_unsettled(record.status));
        if looked_at.is_none_or(|at| now.duration_since(at) >= MOMENTS) {
            return false;
        }
        let soon = calendar::later(now, SOON);
        let look = record.agenda.get(Due::Look);
        record
            .agenda
            .set(Due::Look, look.map_or(soon, |at| at.min(soon)));
        true
    }

    /// Writes down what prevents the rest, and when to try again.
    ///
    /// # Errors
    /// What a later delivery of the same job can mend.
    pub(crate) fn put_off(
        &self,
        link: &mut OpenLink<'_>,
        error: JobError,
    ) -> Result<&'static str, JobError> {
        let now = self.clock.now();
        let record = &mut link.record;
        let wait = match &error {
            JobError::Store(_) | JobError::Erased => return Err(error),
            JobError::OutOfTime => {
                if link.began && !link.progressed {
                    divide(record);
                }
                let pause = match link.began && !link.progressed {
                    true => SignedDuration::from_mins(10),
                    false => SignedDuration::ZERO,
                };
                record
                    .agenda
                    .set(Due::Continue, calendar::later(now, pause));
                return Ok("to be continued");
            }
            JobError::Belvo(error) => match error.retry() {
                Retry::Later(wait) => wait,
                Retry::InPlace => Wait::Longer,
                Retry::Never => {
                    self.notice_refusal(error);
                    Wait::Longer
                }
            },
            JobError::Secret(_) => Wait::Longer,
        };
        let (since, failures) = match &record.trouble {
            Some(trouble) => (trouble.since, trouble.failures.saturating_add(1)),
            None => (now, 1),
        };
        let code = error.belvo_code().cloned();
        let code = code.unwrap_or_else(|| Code::lenient("no_answer"));
        tracing::warn!(
            link.id = %record.link_id,
            error = %runtime::chain(&error),
            belvo.code = code.as_str(),
            belvo.request_id = error.belvo_request_id().map(RequestId::as_str),
            failures,
            "a link waits"
        );
        runtime::count(error.metric(), now);
        record.trouble = Some(Trouble {
            code,
            since,
            failures,
        });
        let chance = calendar::chance(record.link_id, record.epoch);
        let least = match wait {
            Wait::Longer => SignedDuration::ZERO,
            Wait::Minutes => SignedDuration::from_mins(2),
            Wait::Hours | Wait::NextMonth => SignedDuration::from_hours(1),
        };
        let pause = calendar::longer(failures, chance).max(least);
        record.agenda.set(Due::Retry, calendar::later(now, pause));
        self.enter_dates(record);
        Ok("waiting")
    }

    /// Enters what comes next for a link with nothing outstanding.
    pub(crate) fn plan(&self, record: &mut LinkRecord) {
        let now = self.clock.now();
        record.trouble = None;
        record.limited_until = record.limited_until.filter(|until| *until > now);
        if self.is_complete(record) {
            record.complete_as_of = record.last_accessed_at;
        }
        record.agenda.clear(Due::Retry);
        record.agenda.clear(Due::Continue);
        match record.status {
            LinkStatus::Bound => {
                record.looks = 0;
                record.looked_at = None;
                record.unsettled_since = None;
                record.agenda.clear(Due::Look);
            }
            LinkStatus::Quarantined => record.agenda.clear_all(),
            LinkStatus::Announced
            | LinkStatus::AwaitingOwner
            | LinkStatus::Unclaimed
            | LinkStatus::Gone => {
                record.agenda.clear_all();
                let since = *record.unsettled_since.get_or_insert(now);
                let unclaimed = record.status == LinkStatus::Unclaimed;
                let end = if unclaimed { UNCLAIMED_END } else { LOOKS_END };
                if now.duration_since(since) < end {
                    let chance = calendar::chance(record.link_id, record.epoch);
                    let pause = calendar::longer(record.looks.saturating_add(1), chance);
                    record.agenda.set(Due::Look, calendar::later(now, pause));
                }
            }
        }
        self.enter_dates(record);
    }

    /// Enters what has its date, whatever else happens.
    fn enter_dates(&self, record: &mut LinkRecord) {
        let now = self.clock.now();
        if record.is_bound() {
            let pass = self.next_pass(record);
            record.agenda.set_or_clear(Due::Pass, pass);
            let consent = calendar::next_consent_date(record.consent.as_ref(), now);
            record.agenda.set_or_clear(Due::Consent, consent);
        }
        let unannounced = self.unannounced(record, now);
        record.agenda.set_or_clear(Due::Unannounced, unannounced);
    }

    /// Whether everything Belvo has fetched so far has been read, or will not be.
    fn is_complete(&self, record: &LinkRecord) -> bool {
        let (LinkStatus::Bound, Some(accessed_at)) = (record.status, record.last_accessed_at)
        else {
            return true;
        };
        self.requested(record).iter().all(|kind| {
            let resource = record.resources.get(kind);
            resource.is_some_and(|it| it.declined.is_some() || was_read_after(it, accessed_at))
        })
    }

    /// When to look for what nobody has announced.
    fn unannounced(&self, record: &LinkRecord, now: Timestamp) -> Option<Timestamp> {
        let born = record.created_at.unwrap_or(now);
        let loaded = calendar::later(born, LOADING);
        match record.status {
            LinkStatus::Bound => {}
            // Once looked for, they stay wanted, and the looks go on more and more slowly.
            LinkStatus::AwaitingOwner if now < loaded => {}
            LinkStatus::AwaitingOwner
            | LinkStatus::Announced
            | LinkStatus::Quarantined
            | LinkStatus::Unclaimed
            | LinkStatus::Gone => return None,
        }
        let unread = |kind: &ResourceKind| {
            let resource = record.resources.get(kind);
            resource.is_none_or(|it| it.sync_ended_at.is_none() && it.declined.is_none())
        };
        let kinds = self.requested(record);
        let soon = calendar::later(now, SignedDuration::from_mins(5));
        kinds.iter().any(unread).then(|| loaded.max(soon))
    }

    /// When everything is to be read again: a week after the oldest read, not with all others.
    fn next_pass(&self, record: &LinkRecord) -> Option<Timestamp> {
        if record.access_mode.as_deref() == Some("single") {
            return None;
        }
        let kinds = self.requested(record);
        let reads = kinds.iter().filter_map(|kind| record.resources.get(kind));
        // What Belvo declines grows old, and no pass makes it younger.
        let given = reads.filter(|it| it.declined.is_none());
        let oldest = given.filter_map(|it| it.whole_started_at).min()?;
        let spread = calendar::chance(record.link_id, 0) * 24 * 3600 / 1000;
        let spread = SignedDuration::from_secs(i64::try_from(spread).unwrap_or_default());
        let tomorrow = calendar::later(self.clock.now(), SignedDuration::from_hours(24));
        let next = calendar::later(calendar::later(oldest, PASS), spread);
        Some(next.max(tomorrow))
    }
}

/// Whether a read has seen what Belvo fetched at this time: it was announced and read after that,
/// or Belvo must have been through when it was read.
fn was_read_after(resource: &store::ResourceRecord, accessed_at: Timestamp) -> bool {
    let Some(read_at) = resource.sync_started_at else {
        return false;
    };
    let announced = resource
        .announced_at
        .is_some_and(|at| at >= accessed_at && read_at >= at);
    announced || read_at >= calendar::later(accessed_at, LOADING)
}

/// Whether it is still open whose the link is, or whether Belvo has it.
fn is_unsettled(status: LinkStatus) -> bool {
    match status {
        LinkStatus::Announced
        | LinkStatus::AwaitingOwner
        | LinkStatus::Unclaimed
        | LinkStatus::Gone => true,
        LinkStatus::Bound | LinkStatus::Quarantined => false,
    }
}

/// What did not fit into an invocation is tried in smaller parts.
fn divide(record: &mut LinkRecord) {
    let passes = record
        .resources
        .values_mut()
        .filter_map(|it| it.pass.as_mut());
    for pass in passes {
        pass.portion = (pass.portion / 2).max(SMALLEST_PORTION);
    }
}
