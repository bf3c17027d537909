//! Attempts to connect: begun with a token, ended with a callback, proven by the app.

use domain::link::Proof;
use domain::{
    Attempt, AttemptRecord, CallbackId, ExternalId, InstitutionName, LinkId, SessionId,
    WidgetOutcome,
};

use crate::error::Result;
use crate::fetcher::Fetcher;
use crate::leased::LeasedLink;
use crate::metrics;
use crate::outcome::JobOutcome;
use crate::reconcile::reconcile;

/// A token was minted.
pub(crate) async fn started(fetcher: &Fetcher, attempt: &Attempt) -> Result<JobOutcome> {
    if fetcher.connections.is_void(attempt).await? {
        return Ok(JobOutcome::Erased);
    }
    fetcher.connections.put_started(attempt).await?;
    Ok(JobOutcome::Recorded)
}

/// A callback has said how the attempt ended. It is recorded, unless its user or its link was
/// erased while the browser was away, an earlier callback says more, or enough of the session were
/// taken.
pub(crate) async fn record(
    fetcher: &Fetcher,
    attempt: &Attempt,
    outcome: &WidgetOutcome,
) -> Result<JobOutcome> {
    let erased = match outcome.link() {
        Some(link) => fetcher.links.tombstone(link).await?.is_some(),
        None => false,
    };
    if erased {
        // The erasure could not know which attempt had led to the link.
        let user = &attempt.external_id;
        let is_this = |it: &AttemptRecord| it.attempt.session_id == attempt.session_id;
        fetcher.connections.remove_attempts(user, is_this).await?;
    }
    if erased || fetcher.connections.is_void(attempt).await? {
        return Ok(JobOutcome::Erased);
    }
    let now = fetcher.clock.now();
    if !fetcher.connections.put_ended(attempt, outcome).await? {
        return Ok(JobOutcome::CallbackIgnored);
    }
    metrics::count_ended(outcome, now);
    if outcome.link().is_none() {
        let institution = outcome.institution().map(InstitutionName::as_str);
        metrics::count_ended_at(institution, outcome, now);
    }
    Ok(JobOutcome::Recorded)
}

/// A success names a link: that is a reason to look at it, and no more.
pub(crate) async fn ended(
    link: &mut LeasedLink<'_>,
    attempt: &Attempt,
    outcome: &WidgetOutcome,
) -> Result<JobOutcome> {
    let (user, session_id) = (&attempt.external_id, &attempt.session_id);
    let callback = CallbackId::of_outcome(session_id, outcome);
    link.record.observe_callback(attempt);
    let done = after_callback(link, user, session_id, callback).await?;
    let institution = link.record.institution.as_deref();
    metrics::count_ended_at(institution, outcome, link.fetcher.clock.now());
    Ok(done)
}

/// A proof that is news: its attempt led to this link, and it was not taken before.
pub(crate) async fn news(
    fetcher: &Fetcher,
    link_id: LinkId,
    external_id: &ExternalId,
    session_id: &SessionId,
) -> Result<Option<Proof>> {
    let record = fetcher.connections.attempt(external_id, session_id).await?;
    let callback = CallbackId::of_proof(session_id, link_id);
    let news = record.filter(|it| it.linked == Some(link_id) && !it.is_done(callback));
    Ok(news.map(|record| Proof {
        external_id: external_id.clone(),
        document: record.attempt.expected_owner().clone(),
    }))
}

/// The user's app knows what only the browser that came back could know.
pub(crate) async fn proven(
    link: &mut LeasedLink<'_>,
    session_id: SessionId,
    proof: Proof,
) -> Result<JobOutcome> {
    let callback = CallbackId::of_proof(&session_id, link.record.link_id);
    link.record.observe_proof(session_id.clone(), proof.clone());
    after_callback(link, &proof.external_id, &session_id, callback).await
}

/// Any browser can load a callback's address again and again, so a link that is not bound and was
/// checked moments ago waits for its schedule.
async fn after_callback(
    link: &mut LeasedLink<'_>,
    external_id: &ExternalId,
    session_id: &SessionId,
    callback: CallbackId,
) -> Result<JobOutcome> {
    let outcome = match link.record.defer_check(link.fetcher.clock.now()) {
        true => {
            link.save().await?;
            JobOutcome::Waiting
        }
        false => reconcile(link).await?,
    };
    // Last, so that the callback is taken again if this job ends before.
    let connections = &link.fetcher.connections;
    let done = connections.put_callback_done(external_id, session_id, callback);
    done.await?;
    Ok(outcome)
}
