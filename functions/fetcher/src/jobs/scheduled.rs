//! Jobs of the sweeper: what is due, what Belvo's list shows, what an operator wants read again;
//! and a consent that its user may be renewing or revoking, which is read a few times.

use domain::link::{LinkStatus, Reason};
use jiff::Timestamp;

use crate::error::Result;
use crate::jobs::refresh;
use crate::leased::LeasedLink;
use crate::outcome::JobOutcome;
use crate::reconcile::{reconcile, reconcile_now};

/// The time has come for which the link was scheduled; or a later time, up to which an operator
/// wants everything done.
pub(crate) async fn due(link: &mut LeasedLink<'_>, until: Timestamp) -> Result<JobOutcome> {
    let until = link.fetcher.clock.now().max(until);
    let reasons = link.record.schedule.take_due(until);
    if reasons.is_empty() {
        return Ok(JobOutcome::NothingDue);
    }
    if reasons.contains(&Reason::Refresh) {
        refresh::ask(link, true).await?;
    }
    if reasons.contains(&Reason::Deferred) {
        link.record.resume_deferred(until);
        link.record.ask_what_is_mended(link.fetcher.clock.now());
    }
    let is_deleted = reasons.contains(&Reason::Deleted);
    for reason in reasons {
        link.record.resume(reason, &link.fetcher.config.policy);
    }
    match reconcile_now(link).await? {
        // Belvo was asked once more.
        JobOutcome::Unsettled(LinkStatus::Gone) if is_deleted => Ok(JobOutcome::DeletedByBelvo),
        outcome => Ok(outcome),
    }
}

/// Belvo's list shows the link, or an access to the bank that no webhook told of.
pub(crate) async fn listed(
    link: &mut LeasedLink<'_>,
    last_accessed_at: Option<Timestamp>,
) -> Result<JobOutcome> {
    let policy = &link.fetcher.config.policy;
    link.record.observe_listed(last_accessed_at, policy);
    reconcile(link).await
}

/// An operator wants everything read again, at a certain time.
pub(crate) async fn reread(link: &mut LeasedLink<'_>, not_before: Timestamp) -> Result<JobOutcome> {
    if not_before > link.fetcher.clock.now() {
        link.record.schedule.set(Reason::Reread, not_before);
        link.save().await?;
        return Ok(JobOutcome::Scheduled);
    }
    link.record.schedule.clear(Reason::Reread);
    let policy = &link.fetcher.config.policy;
    link.record.resume(Reason::Reread, policy);
    link.record.resume(Reason::Consent, policy);
    reconcile_now(link).await
}

/// The user has opened My Belvo Portal, where consents are renewed and revoked: schedules when the
/// consent is read.
pub(crate) async fn portal_opened(
    link: &mut LeasedLink<'_>,
    opened_at: Timestamp,
    manages: bool,
) -> Result<JobOutcome> {
    if !link.record.is_bound() {
        return Ok(JobOutcome::NotBound);
    }
    link.record
        .observe_portal(opened_at, manages, link.fetcher.clock.now());
    link.save().await?;
    Ok(JobOutcome::Scheduled)
}
