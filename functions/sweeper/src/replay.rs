//! The webhook log of a link, once more.

use domain::{Event, Job, LinkId};

use crate::report::Report;
use crate::sweeper::{SweepError, Sweeper};

impl Sweeper {
    /// Queues the webhooks of the last 90 days, the oldest first.
    pub(crate) async fn replay(&self, link_id: LinkId) -> Result<Report, SweepError> {
        let events = self.links.webhooks(link_id).await?;
        let count = events.len();
        let mut jobs = Vec::new();
        for event in each_once(events) {
            // An operator who replays twice means it.
            let unique = self.randomness.sixteen()?;
            jobs.push((Job::WebhookReplayed { link_id, event }, unique));
        }
        Ok(Report::Replay {
            events: count,
            enqueued: self.enqueue(&jobs).await?,
        })
    }
}

/// Of equal events the last one stays, so that Belvo's last word comes last.
fn each_once(events: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::new();
    for event in events.into_iter().rev() {
        if !kept.contains(&event) {
            kept.push(event);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_webhooks_count_once_and_keep_their_order() {
        let event = |code: &str| {
            let body = json!({"webhook_type": "OWNERS", "webhook_code": code});
            Event::from_json(&body.to_string()).unwrap()
        };
        let [first, second] = ["historical_update", "new_owners_available"].map(event);
        let log = vec![first.clone(), second.clone(), first.clone()];
        assert_eq!(each_once(log), [second, first]);
    }
}
