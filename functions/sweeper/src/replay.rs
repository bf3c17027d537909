//! The webhook log of a link, once more.

use domain::event::Totals;
use domain::{Event, EventKind, Job, LinkId, ResourceKind};

use crate::report::Report;
use crate::sweeper::{SweepError, Sweeper};

impl Sweeper {
    /// Queues what the webhooks of the last 90 days lead to: one for each resource, so that Belvo is
    /// asked once for each.
    pub(crate) async fn replay(&self, link_id: LinkId) -> Result<Report, SweepError> {
        let events = self.links.webhooks(link_id).await?;
        let count = events.len();
        let mut jobs = Vec::new();
        for mut event in essence(events) {
            // They are of the day when it came: what was refused then may not be refused now, and there
            // may be other rows by now.
            event.errors.clear();
            event.totals = Totals::default();
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

/// Of all events about one thing, the oldest first, the last one of those that lead to the largest
/// read.
fn essence(events: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::new();
    for event in events.into_iter().rev() {
        let same = |it: &&mut Event| subject(it) == subject(&event);
        match kept.iter_mut().find(same) {
            None => kept.push(event),
            Some(known) if reads(&event.kind) > reads(&known.kind) => *known = event,
            Some(_) => {}
        }
    }
    kept.reverse();
    kept
}

/// What an event is about. Of those that lead to nothing, one is enough.
fn subject(event: &Event) -> (u8, Option<ResourceKind>) {
    let kind = match event.kind {
        EventKind::HistoricalUpdate { .. }
        | EventKind::ResourceChanged { .. }
        | EventKind::ResourceRevised { .. } => 0,
        EventKind::Consent { .. } => 1,
        EventKind::LinkNeedsUser => 2,
        EventKind::LinkChanged => 5,
        EventKind::LinkDeleted => 3,
        EventKind::Unknown => 4,
    };
    (kind, event.kind.resource())
}

/// How much an event makes the fetcher read.
fn reads(kind: &EventKind) -> u8 {
    match kind {
        EventKind::HistoricalUpdate { .. } => 2,
        EventKind::ResourceRevised { .. } => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_each_resource_the_largest_read_stays_and_of_equal_ones_the_last() {
        let event = |webhook_type: &str, code: &str, rows: u64| {
            let data = json!({"total_owners": rows, "total_transactions": rows});
            let body = json!({"webhook_type": webhook_type, "webhook_code": code, "data": data});
            Event::from_json(&body.to_string()).unwrap()
        };
        let first = event("OWNERS", "historical_update", 1);
        let second = event("OWNERS", "historical_update", 2);
        let new = event("OWNERS", "new_owners_available", 3);
        let all = event("TRANSACTIONS", "historical_update", 1);
        let deleted = event("TRANSACTIONS", "transactions_deleted", 1);
        let bills = event("BILLS", "new_bills_available", 1);
        let consent = event("CONSENT", "openfinance_consent_expired", 1);
        let log = vec![
            all.clone(),
            first,
            bills.clone(),
            second.clone(),
            consent.clone(),
            new,
            deleted,
            consent.clone(),
        ];
        assert_eq!(essence(log), [bills, second, all, consent]);
    }
}
