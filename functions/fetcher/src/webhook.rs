//! What a webhook leads to.

use belvo::BelvoError;
use domain::{Event, EventKind, LinkId};
use runtime::Metric;
use store::{JournalEntry, LinkRecord, LinkStatus};

use crate::bind;
use crate::fetcher::{Fetcher, JobError};
use crate::open::{Delivery, OpenLink, ReadInThisBatch};

/// Webhooks kept for the journal of a link that is not bound: more than one connection causes.
const MAX_UNJOURNALED: usize = 50;

impl Fetcher {
    pub(crate) async fn webhook_received(
        &self,
        link_id: LinkId,
        event: Event,
        delivery: Delivery,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        let mut link = self.open(link_id, read).await?;
        note(&mut link.record, &event, &delivery);
        let outcome = match link.record.is_bound() {
            true => self.react(&mut link, &event, &delivery).await?,
            false => self.bind_and_read(&mut link).await?,
        };
        let entry = JournalEntry {
            received_at: delivery.sent_at,
            message_id: delivery.message_id,
            event,
        };
        self.journal(&mut link, entry, outcome).await?;
        Ok(outcome)
    }

    /// What an event leads to for a link that is bound. Whatever else was announced and not read,
    /// because an earlier job failed, is read along with it.
    async fn react(
        &self,
        link: &mut OpenLink<'_>,
        event: &Event,
        delivery: &Delivery,
    ) -> Result<&'static str, JobError> {
        let outcome = match &event.kind {
            EventKind::HistoricalUpdate { resource } | EventKind::ResourceChanged { resource } => {
                match link.is_fresh(*resource, delivery.sent_at) {
                    true => {
                        link.record.pending.remove(resource);
                        "already read"
                    }
                    false => "read",
                }
            }
            EventKind::Consent { .. } => "consent read",
            EventKind::LinkNeedsUser => "user must act",
            // A deletion we did not ask for is looked at before anything is believed.
            EventKind::LinkDeleted => self.look_again(link).await?,
            EventKind::Unknown => "nothing to do",
        };
        self.read_pending(link).await?;
        self.save(link).await?;
        Ok(outcome)
    }

    async fn look_again(&self, link: &mut OpenLink<'_>) -> Result<&'static str, JobError> {
        match self.belvo.link(link.record.link_id).await {
            Ok(found) => {
                bind::learn(&mut link.record, &found);
                Ok("still there")
            }
            Err(BelvoError::NotFound { .. }) => {
                runtime::count(Metric::LinkGone, self.clock.now());
                link.record.status = LinkStatus::Gone;
                link.record.pending.clear();
                Ok("gone")
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The journal is of links with a user; what came before waits on LINK.
    async fn journal(
        &self,
        link: &mut OpenLink<'_>,
        entry: JournalEntry,
        outcome: &str,
    ) -> Result<(), JobError> {
        let link_id = link.record.link_id;
        let (Some(external_id), Some(_)) = (&link.record.external_id, link.record.bound_at) else {
            let waiting = &mut link.record.unjournaled;
            waiting.retain(|earlier| earlier.message_id != entry.message_id);
            if waiting.len() < MAX_UNJOURNALED {
                waiting.push(entry);
            }
            return self.save(link).await;
        };
        for earlier in &link.record.unjournaled {
            self.resources
                .put_event(link_id, external_id, earlier, "read once bound")
                .await?;
        }
        self.resources
            .put_event(link_id, external_id, &entry, outcome)
            .await?;
        if !link.record.unjournaled.is_empty() {
            link.record.unjournaled.clear();
            self.save(link).await?;
        }
        Ok(())
    }
}

/// Keeps what an event announces, until it has been read.
fn note(link: &mut LinkRecord, event: &Event, delivery: &Delivery) {
    if let Some(kind) = event.kind.resource() {
        link.pending.insert(kind);
        // Data flows, so whatever the user had to mend is mended.
        link.needs_user = None;
        let resource = link.resource(kind);
        resource.announced_at = Some(delivery.sent_at);
        resource.announced = event.totals.clone();
        resource.announced_whole = matches!(event.kind, EventKind::HistoricalUpdate { .. });
        resource.errors.clone_from(&event.errors);
    }
    if event.kind == EventKind::LinkNeedsUser {
        let code = event.errors.first().or(event.webhook_code.as_ref());
        link.needs_user = code.cloned();
    }
    if let EventKind::Consent {
        change,
        consent_id,
        due_at,
    } = &event.kind
    {
        link.consent_pending = true;
        let consent = link.consent.get_or_insert_default();
        consent.change = Some(*change);
        consent.id = consent_id.or(consent.id);
        consent.expires_at = due_at.or(consent.expires_at);
    }
}
