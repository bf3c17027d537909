//! Makes what is stored of a link what Belvo holds: every job on a link comes down to this.
//!
//! A job notes on LINK what it has to say, and then the link is reconciled: whose it is, what is
//! pending, what comes next. So a job may run any number of times, jobs may come in any order, and
//! what one could not finish any later one does.

use belvo::{BelvoError, Retry, Wait};
use domain::link::{LinkStatus, Synced};
use domain::{Quota, ResourceKind};
use jiff::SignedDuration;
use runtime::Metric;

use crate::error::{JobError, Result, least_delay, log_refusal};
use crate::leased::LeasedLink;
use crate::outcome::JobOutcome;
use crate::{accounts, consents, metrics, outbox, ownership, sync, usage, webhook_log};

/// Syncs of one resource in one job. A sync may show that a full one is needed, and that one may
/// disagree with what was announced; after that, it waits.
const ROUNDS: usize = 4;

/// Does what is pending, and saves what is known then. A link that waits for Belvo to recover
/// waits on, but not as long.
///
/// # Errors
/// Only what a later delivery of the same job can mend: a table that fails. Whatever Belvo or time
/// prevents is left on LINK.
pub(crate) async fn reconcile(link: &mut LeasedLink<'_>) -> Result<JobOutcome> {
    if link.record.expedite(link.fetcher.clock.now()) {
        link.save().await?;
        return Ok(JobOutcome::Waiting);
    }
    reconcile_now(link).await
}

/// The same, though the link may be waiting: its time has come.
pub(crate) async fn reconcile_now(link: &mut LeasedLink<'_>) -> Result<JobOutcome> {
    let time = link.batch.deadline.working_time();
    let work = tokio::time::timeout(time, Box::pin(do_pending(link))).await;
    let reconciled = match work.unwrap_or(Err(JobError::OutOfTime)) {
        Ok(()) => {
            let now = link.fetcher.clock.now();
            link.record.plan(&link.fetcher.config.policy, now);
            match link.record.status {
                LinkStatus::Bound => JobOutcome::Done,
                status => JobOutcome::Unsettled(status),
            }
        }
        Err(error) => back_off(link, error).await?,
    };
    outbox::save_and_tell(link).await?;
    Ok(reconciled)
}

/// Looks at Belvo's record of the link, and reads what is pending. If Belvo refuses its record of a
/// bound link with a code that is not known, that holds up nothing else of the link.
async fn do_pending(link: &mut LeasedLink<'_>) -> Result<()> {
    let error = match check_ownership(link).await {
        Err(error) if link.record.is_bound() && error.is_unknown_refusal() => error,
        checked => {
            checked?;
            Box::pin(read_pending(link)).await?;
            return look_again(link).await;
        }
    };
    metrics::hear_refusal(link.fetcher, &error).await?;
    link.record.pending.link = false;
    let read = Box::pin(read_pending(link)).await;
    if is_left(link, &error) {
        link.record.pending.link = false;
        let message = "belvo declined to give its record of a link";
        log_refusal(link.record.link_id, None, &error, message);
        return read;
    }
    link.record.pending.link = true;
    read.and(Err(error))
}

/// A link that is not bound, or that Belvo turns out to have lost, is not read.
async fn read_pending(link: &mut LeasedLink<'_>) -> Result<()> {
    if !link.record.is_bound() {
        return Ok(());
    }
    let synced = sync_pending(link).await;
    if synced.as_ref().is_err_and(|it| !it.is_of_one_resource()) {
        return synced;
    }
    if !link.record.is_bound() {
        return Ok(());
    }
    read_consents(link).await?;
    synced
}

/// A consent that is in force again may have mended what was pending, and then Belvo's record is looked
/// at once more.
async fn look_again(link: &mut LeasedLink<'_>) -> Result<()> {
    if !link.record.is_bound() || !link.record.pending.link {
        return Ok(());
    }
    check_ownership(link).await?;
    Box::pin(sync_pending(link)).await
}

/// Finds out whose the link is, and counts what connecting it has spent before any of its data is
/// stored.
async fn check_ownership(link: &mut LeasedLink<'_>) -> Result<()> {
    let fetcher = link.fetcher;
    if !link.record.needs_check() {
        return Ok(());
    }
    let was_bound = link.record.is_bound();
    ownership::check(fetcher, &mut link.record).await?;
    if !was_bound && link.record.is_bound() {
        // Connecting a bank spends one read of each resource.
        let (record, now) = (&link.record, fetcher.clock.now());
        let spent = record.requested(&fetcher.config.policy).into_iter();
        let spent = spent.map(Quota::of_connecting);
        let (occasion, at) = (record.link_id.to_string(), record.created_at.unwrap_or(now));
        usage::count(fetcher, record, &occasion, at, spent).await?;
        webhook_log::catch_up(link).await?;
        link.save_on_the_way().await?;
    }
    Ok(())
}

/// Syncs every resource that is pending. One that fails does not hold up the others, unless Belvo
/// as a whole fails.
async fn sync_pending(link: &mut LeasedLink<'_>) -> Result<()> {
    let mut failure = None;
    // A bill that is found may lead back to its transactions.
    for kind in ResourceKind::all().chain([ResourceKind::Transactions]) {
        match sync_resource(link, kind).await {
            Err(error) if failure.is_none() && error.is_of_one_resource() => failure = Some(error),
            result => result?,
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn sync_resource(link: &mut LeasedLink<'_>, kind: ResourceKind) -> Result<()> {
    for _ in 0..ROUNDS {
        // A sync may show that Belvo has lost the link.
        if !link.record.needs_sync(kind) || !link.record.is_bound() {
            return Ok(());
        }
        link.batch.deadline.check()?;
        let known = link.record.resources.get(&kind);
        let revision = known.map(|it| it.revision);
        match Box::pin(sync::run(link, kind)).await {
            Ok(synced) => {
                if synced.is_some() && kind == ResourceKind::Accounts {
                    accounts::compare(link, revision).await?;
                }
                if let Some(synced) = synced {
                    report_sync(link, kind, synced);
                }
                // A list may have become empty because Belvo has lost the link.
                check_ownership(link).await?;
            }
            Err(error) => decline(link, kind, error).await?,
        }
        link.progressed = true;
    }
    let what = "a list that agrees with itself";
    match link.record.needs_sync(kind) {
        true => Err(BelvoError::Unexpected { what }.into()),
        false => Ok(()),
    }
}

fn report_sync(link: &mut LeasedLink<'_>, kind: ResourceKind, synced: Synced) {
    if synced.started_at >= link.batch.began_at {
        link.batch.synced.insert(kind, synced.mode);
    }
    let now = link.fetcher.clock.now();
    if synced.totals_differ {
        runtime::count(Metric::TotalsDiffer, now);
    }
    tracing::info!(
        link.id = %link.record.link_id,
        resource.kind = kind.name(),
        mode = ?synced.mode,
        rows = synced.rows,
        rejected = synced.rejected_rows,
        miscount = synced.miscount,
        duration_ms = now.duration_since(synced.started_at).as_millis(),
        "resource synced"
    );
}

/// A resource that Belvo declines does not hold up the link: LINK says what is missing, and why.
async fn decline(link: &mut LeasedLink<'_>, kind: ResourceKind, error: JobError) -> Result<()> {
    let JobError::Belvo(refusal) = &error else {
        return Err(error);
    };
    let (code, now) = (error.code(), link.fetcher.clock.now());
    match (refusal, refusal.retry()) {
        (BelvoError::NotFound { .. }, _) => {
            ownership::check(link.fetcher, &mut link.record).await?;
            link.record.decline_run(kind, code);
        }
        (_, Retry::Never) => {
            metrics::notice_code(&code, now);
            link.record.decline_run(kind, code);
        }
        (_, Retry::Later(Wait::NextMonth)) => link.record.limit_run(kind, code, now),
        (_, Retry::Later(Wait::Unknown)) => {
            metrics::hear_refusal(link.fetcher, &error).await?;
            link.record.refuse_run(kind, code, now);
        }
        _ => return Err(error),
    }
    let message = "belvo declined to give a resource";
    log_refusal(link.record.link_id, Some(kind), &error, message);
    Ok(())
}

/// The link's data is worth having without its consents.
async fn read_consents(link: &mut LeasedLink<'_>) -> Result<()> {
    if !link.record.pending.consents {
        return Ok(());
    }
    let error = match consents::read(link).await {
        Err(error) if error.is_final_refusal() || is_left(link, &error) => error,
        result => return result,
    };
    metrics::notice_code(&error.code(), link.fetcher.clock.now());
    let message = "belvo declined to give a consent";
    log_refusal(link.record.link_id, None, &error, message);
    link.record.pending.consents = false;
    Ok(())
}

/// Whether Belvo has refused with this unknown code for so long what is not a resource that it is left
/// until there is news.
fn is_left(link: &LeasedLink<'_>, error: &JobError) -> bool {
    let now = link.fetcher.clock.now();
    error.is_unknown_refusal() && link.record.has_waited_long(&error.code(), now)
}

/// Writes down what prevents the rest, and when to try again.
///
/// # Errors
/// What a later delivery of the same job can mend.
async fn back_off(link: &mut LeasedLink<'_>, error: JobError) -> Result<JobOutcome> {
    let now = link.fetcher.clock.now();
    let least = match &error {
        JobError::Store(_) | JobError::Erased => return Err(error),
        JobError::OutOfTime => {
            let stuck = link.began && !link.progressed;
            link.record.continue_later(stuck, now);
            return Ok(JobOutcome::ToBeContinued);
        }
        JobError::Belvo(refusal) => {
            match refusal.retry() {
                Retry::Never => metrics::notice_code(&error.code(), now),
                Retry::Later(Wait::Unknown) => {
                    metrics::hear_refusal(link.fetcher, &error).await?;
                }
                _ => {}
            }
            least_delay(refusal.retry())
        }
        JobError::Secret(_) => SignedDuration::ZERO,
    };
    log_refusal(link.record.link_id, None, &error, "a link waits");
    runtime::count(error.metric(), now);
    link.record
        .back_off(error.code(), least, &link.fetcher.config.policy, now);
    Ok(JobOutcome::Waiting)
}
