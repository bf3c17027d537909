//! What Belvo's webhooks lead to.

use domain::Event;
use domain::link::{LoggedWebhook, Webhook, WebhookEffect};
use jiff::Timestamp;

use crate::error::Result;
use crate::leased::{Delivery, LeasedLink};
use crate::metrics;
use crate::outcome::JobOutcome;
use crate::reconcile::reconcile;
use crate::webhook_log;

/// Belvo has called the webhook about the link.
pub(crate) async fn received(
    link: &mut LeasedLink<'_>,
    event: Event,
    delivery: Delivery,
) -> Result<JobOutcome> {
    for code in &event.errors {
        metrics::notice_code(code, link.fetcher.clock.now());
    }
    let outcome = observe(link, &event, delivery.sent_at, false).await?;
    let webhook = LoggedWebhook {
        received_at: delivery.sent_at,
        message_id: delivery.message_id,
        event,
    };
    webhook_log::write(link, webhook, outcome).await?;
    Ok(outcome)
}

/// A webhook from the log counts once more. It did not arrive once more, so it is not logged.
pub(crate) async fn replayed(
    link: &mut LeasedLink<'_>,
    event: &Event,
    sent_at: Timestamp,
) -> Result<JobOutcome> {
    observe(link, event, sent_at, true).await
}

async fn observe(
    link: &mut LeasedLink<'_>,
    event: &Event,
    sent_at: Timestamp,
    is_replayed: bool,
) -> Result<JobOutcome> {
    let webhook = Webhook {
        event,
        sent_at,
        synced: &link.batch.synced,
        is_replayed,
    };
    let (policy, now) = (&link.fetcher.config.policy, link.fetcher.clock.now());
    let effect = link.record.observe_webhook(webhook, policy, now);
    if effect == WebhookEffect::PutOff && !link.record.is_bound() {
        link.save().await?;
        return Ok(JobOutcome::Webhook(effect));
    }
    Ok(match reconcile(link).await? {
        JobOutcome::Done => JobOutcome::Webhook(effect),
        other => other,
    })
}
