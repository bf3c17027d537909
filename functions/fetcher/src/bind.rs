//! Whose a link is, before anything of it is stored.
//!
//! A callback can be made up and a webhook names users as Belvo knows them, so neither decides.
//! Belvo's own record of the link does, together with an attempt of that user, and the owner of
//! the accounts.

use belvo::{BelvoError, Link};
use domain::{Code, ExternalId, LinkId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use runtime::Metric;
use store::{AttemptRecord, LinkRecord, LinkStatus, OwnerVerdict};

use crate::config::OwnerCheck;
use crate::fetcher::{Fetcher, JobError};
use crate::owner::Owner;
use crate::sync;

/// How long before a link an attempt may have begun.
const ATTEMPT_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How far Belvo's clock may be behind ours.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);

impl Fetcher {
    /// Settles the status of a link that is not bound. Writes nothing.
    pub(crate) async fn bind(&self, record: &mut LinkRecord) -> Result<(), JobError> {
        let before = record.status;
        match self.belvo.link(record.link_id).await {
            Ok(link) => {
                self.learn(record, &link);
                self.settle(record, &link).await?;
            }
            Err(BelvoError::NotFound { .. }) if record.bound_at.is_some() => {
                record.status = LinkStatus::Gone;
            }
            Err(BelvoError::NotFound { .. }) => record.unassign(LinkStatus::Gone),
            Err(error) => return Err(error.into()),
        }
        if record.status != before {
            self.report(record);
        }
        Ok(())
    }

    /// Decides about a link that Belvo knows.
    async fn settle(&self, record: &mut LinkRecord, link: &Link) -> Result<(), JobError> {
        if record.bound_at.is_some() {
            // It was gone for a while. Whose it is was settled before; what it holds was not.
            record.status = LinkStatus::Bound;
            self.want_everything(record);
            return Ok(());
        }
        let Some((external_id, attempts)) = self.claimant(record.link_id, link).await? else {
            return match link.external_id {
                // Belvo names nobody: it may continue a link we know.
                None => self.adopt(record).await,
                // Belvo names somebody whose attempt we have not seen, or not yet.
                Some(_) => {
                    record.unassign(LinkStatus::Unclaimed);
                    Ok(())
                }
            };
        };
        if self.config.owner_check == OwnerCheck::Off || attempts.is_empty() {
            record.owner_verdict = Some(OwnerVerdict::NotChecked);
            if let Some(attempt) = attempts.first() {
                owe_to(record, attempt);
            }
            self.accept(record, external_id);
            return Ok(());
        }
        // Read before Belvo announces it, OWNERS may be empty or partial.
        if !record.wants(ResourceKind::Owners) {
            record.assign(external_id, LinkStatus::AwaitingOwner);
            return Ok(());
        }
        match self.owner(record.link_id, &attempts).await? {
            Owner::Of(attempt) => {
                record.owner_verdict = Some(OwnerVerdict::Matched);
                owe_to(record, attempt);
                self.accept(record, external_id);
            }
            Owner::SomebodyElse => {
                record.owner_verdict = Some(OwnerVerdict::Mismatched);
                match self.config.owner_check {
                    OwnerCheck::Warn => self.accept(record, external_id),
                    OwnerCheck::Required | OwnerCheck::Off => {
                        record.assign(external_id, LinkStatus::Quarantined);
                        // It is looked at again when OWNERS is announced again.
                        record.forget_wants();
                    }
                }
            }
            // No evidence is not evidence against the user.
            Owner::Unnamed => record.assign(external_id, LinkStatus::AwaitingOwner),
        }
        Ok(())
    }

    pub(crate) fn accept(&self, record: &mut LinkRecord, external_id: ExternalId) {
        record.assign(external_id, LinkStatus::Bound);
        record.bound_at = Some(self.clock.now());
    }

    /// The user Belvo names, if that user set out to connect something, or links are adopted.
    /// The likeliest attempt comes first: the one that named this link, then the latest.
    async fn claimant(
        &self,
        link_id: LinkId,
        link: &Link,
    ) -> Result<Option<(ExternalId, Vec<AttemptRecord>)>, JobError> {
        let named = link.external_id.as_deref();
        let Some(external_id) = named.and_then(|id| ExternalId::parse(id).ok()) else {
            return Ok(None);
        };
        // Counted from the link's birth, so that an outage of ours does not age attempts; a birth
        // in the future is a clock that differs.
        let now = self.clock.now();
        let birth = link.created_at.map_or(now, |created| created.min(now));
        let since = birth
            .saturating_sub(ATTEMPT_WINDOW)
            .unwrap_or(Timestamp::MIN);
        let until = birth.saturating_add(CLOCK_MARGIN).unwrap_or(Timestamp::MAX);
        let mut attempts = self.connections.attempts(&external_id, since).await?;
        attempts.retain(|it| it.attempt.started_at <= until);
        attempts.sort_by_key(|it| (it.linked == Some(link_id), it.attempt.started_at));
        attempts.reverse();
        let claimed = !attempts.is_empty() || self.config.adopt_existing_links;
        Ok(claimed.then_some((external_id, attempts)))
    }

    /// Says once what somebody should look at.
    pub(crate) fn report(&self, record: &LinkRecord) {
        let metric = match record.status {
            LinkStatus::Quarantined => Metric::LinkQuarantined,
            LinkStatus::Unclaimed => Metric::LinkUnclaimed,
            LinkStatus::Gone => Metric::LinkGone,
            LinkStatus::Announced | LinkStatus::AwaitingOwner | LinkStatus::Bound => return,
        };
        runtime::count(metric, self.clock.now());
        tracing::warn!(link.id = %record.link_id, status = ?record.status, "a link is not read");
    }

    /// Keeps what Belvo says of the link.
    pub(crate) fn learn(&self, record: &mut LinkRecord, link: &Link) {
        record.institution.clone_from(&link.institution);
        record
            .institution_user_id
            .clone_from(&link.institution_user_id);
        record.access_mode.clone_from(&link.access_mode);
        record.belvo_status.clone_from(&link.status);
        record.created_at = link.created_at;
        record.last_accessed_at = link.last_accessed_at;
        let names = link.fetch_resources.iter().flatten();
        record.requested = names
            .filter_map(|name| ResourceKind::lenient(name))
            .collect();
        record.needs_user = match link.status.as_deref() {
            // Belvo calls a link valid although its consent has no accounts any more.
            Some("valid") => declined_of_the_link(record),
            Some(status @ ("invalid" | "token_required")) => {
                // As a code, `invalid` is about a field of a request.
                let code = match status {
                    "invalid" => "invalid_link",
                    other => other,
                };
                let known = record.needs_user.take();
                known.or_else(|| Some(Code::lenient(code)))
            }
            _ => record.needs_user.take(),
        };
    }
}

/// Notes which attempt has made the link, and whose accounts it was for.
fn owe_to(record: &mut LinkRecord, attempt: &AttemptRecord) {
    let attempt = &attempt.attempt;
    record.session_id = Some(attempt.session_id.clone());
    record.holder = Some(attempt.holder());
    record.owner = Some(attempt.expected_owner().clone());
}

/// What a resource was declined with, if that is a matter of the whole link.
fn declined_of_the_link(record: &LinkRecord) -> Option<Code> {
    let codes = record
        .resources
        .values()
        .filter_map(|it| it.declined.as_ref());
    let mut codes = codes.filter(|code| sync::is_of_the_link(code));
    codes.next().cloned()
}
