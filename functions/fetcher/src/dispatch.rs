//! From a job to what is done for it: the link is acquired once, and a link that is to be erased,
//! or was, is erased whatever the job is about.

use domain::{ExternalId, Job, LinkId, ReceiptId, dedup_id};
use store::Acquired;

use crate::error::Result;
use crate::fetcher::Fetcher;
use crate::jobs::tombstone::Eraser;
use crate::jobs::{attempt, refresh, scheduled, webhook};
use crate::leased::{Batch, Delivery, LeasedLink};
use crate::outcome::JobOutcome;

/// Does one job.
pub(crate) async fn dispatch(
    fetcher: &Fetcher,
    job: Job,
    delivery: Delivery,
    batch: &mut Batch,
) -> Result<JobOutcome> {
    let eraser = Eraser {
        fetcher,
        deadline: &batch.deadline,
    };
    let mut proof = None;
    let link_id = match &job {
        Job::AttemptStarted { attempt, .. } => return attempt::started(fetcher, attempt).await,
        Job::AttemptEnded { attempt, outcome } => {
            let recorded = attempt::record(fetcher, attempt, outcome).await?;
            match outcome.link() {
                Some(link_id) if recorded == JobOutcome::Recorded => link_id,
                _ => return Ok(recorded),
            }
        }
        Job::LinkProven {
            link_id,
            external_id,
            session_id,
        } => {
            proof = attempt::news(fetcher, *link_id, external_id, session_id).await?;
            match proof {
                Some(_) => *link_id,
                None => return Ok(JobOutcome::ProofIgnored),
            }
        }
        Job::LinkErase {
            link_id,
            external_id,
            receipt_id,
        } => match eraser.mark_link(*link_id, external_id, *receipt_id).await? {
            true => *link_id,
            false => return Ok(JobOutcome::NotTheUsersLink),
        },
        Job::UserErase {
            external_id,
            receipt_id,
            requested_at,
        } => {
            // One by hand may not say when it was asked for: then, when it was sent.
            let sent_at = delivery.sent_at.min(fetcher.clock.now());
            let requested_at = requested_at.unwrap_or(sent_at);
            let erased = eraser.erase_user(external_id, *receipt_id, requested_at);
            erased.await?;
            return Ok(JobOutcome::Erased);
        }
        Job::WebhookReceived { link_id, .. }
        | Job::WebhookReplayed { link_id, .. }
        | Job::LinkDue { link_id, .. }
        | Job::LinkSeen { link_id, .. }
        | Job::LinkReread { link_id, .. }
        | Job::LinkRefresh { link_id, .. }
        | Job::ConsentRenewal { link_id, .. } => *link_id,
    };
    let mut link = match fetcher.links.acquire(link_id).await? {
        Acquired::Link { lease, link } => LeasedLink::new(fetcher, *link, lease, batch),
        Acquired::Erasing { lease, link } => {
            eraser.erase_link(&link, lease).await?;
            return Ok(JobOutcome::Erased);
        }
        Acquired::Erased(tombstone) => {
            if matches!(job, Job::LinkSeen { .. }) {
                eraser.listed(&tombstone).await;
            }
            // An operator may give a later time up to which all is done.
            let until = match job {
                Job::LinkDue { until, .. } => until.max(fetcher.clock.now()),
                _ => fetcher.clock.now(),
            };
            eraser.tend(*tombstone, until).await?;
            return Ok(JobOutcome::Erased);
        }
    };
    let outcome = match job {
        Job::AttemptEnded { attempt, outcome } => {
            attempt::ended(&mut link, &attempt, &outcome).await
        }
        Job::LinkProven { session_id, .. } => match proof {
            Some(proof) => attempt::proven(&mut link, session_id, proof).await,
            None => Ok(JobOutcome::ProofIgnored),
        },
        Job::WebhookReceived { event, .. } => webhook::received(&mut link, event, delivery).await,
        Job::WebhookReplayed { event, .. } => {
            webhook::replayed(&mut link, &event, delivery.sent_at).await
        }
        Job::LinkDue { until, .. } => scheduled::due(&mut link, until).await,
        Job::LinkSeen {
            last_accessed_at, ..
        } => scheduled::listed(&mut link, last_accessed_at).await,
        Job::LinkReread { not_before, .. } => scheduled::reread(&mut link, not_before).await,
        Job::LinkRefresh {
            refresh_id,
            resources,
            ..
        } => refresh::requested(&mut link, refresh_id, resources).await,
        Job::ConsentRenewal {
            opened_at, manages, ..
        } => scheduled::portal_opened(&mut link, opened_at, manages).await,
        // They have marked the link, so it was erased above; unmarked, it is not the user's.
        Job::LinkErase { .. } | Job::AttemptStarted { .. } | Job::UserErase { .. } => {
            Ok(JobOutcome::NotTheUsersLink)
        }
    };
    let outcome = outcome?;
    link.release().await?;
    let user = link.record.external_id.clone();
    match (outcome, user) {
        (JobOutcome::DeletedByBelvo, Some(user)) => {
            Box::pin(erase_deleted(fetcher, link_id, user, batch)).await
        }
        (outcome, _) => Ok(outcome),
    }
}

/// What was read of a link that Belvo has deleted goes as if its user had asked for it.
async fn erase_deleted(
    fetcher: &Fetcher,
    link_id: LinkId,
    external_id: ExternalId,
    batch: &mut Batch,
) -> Result<JobOutcome> {
    let receipt_id = dedup_id(&["deleted by belvo", &link_id.to_string()]);
    let job = Job::LinkErase {
        link_id,
        external_id,
        receipt_id: ReceiptId::from_random(receipt_id),
    };
    let delivery = Delivery {
        message_id: String::new(),
        sent_at: fetcher.clock.now(),
    };
    dispatch(fetcher, job, delivery, batch).await
}
