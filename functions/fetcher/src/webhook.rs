//! What a webhook leads to.

use domain::event::{ConsentChange, Totals};
use domain::{Event, EventKind, LinkId, Month, ResourceKind};
use store::{JournalEntry, Scope, parent_of};

use crate::fetcher::{Fetcher, JobError};
use crate::open::{Batch, Delivery, ERASED, OpenLink};

/// Webhooks kept for the journal of a link that is not bound: more than one connection causes.
const MAX_UNJOURNALED: usize = 20;

impl Fetcher {
    pub(crate) async fn webhook_received(
        &self,
        link_id: LinkId,
        event: Event,
        delivery: Delivery,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        let noted = self.note(&mut link, &event, &delivery);
        for code in &event.errors {
            self.notice(code);
        }
        let outcome = self.catch_up(&mut link).await?;
        let outcome = if outcome == "read" { noted } else { outcome };
        let entry = JournalEntry {
            received_at: delivery.sent_at,
            message_id: delivery.message_id,
            event,
        };
        self.journal(&mut link, entry, outcome).await?;
        Ok(outcome)
    }

    /// A webhook of the journal counts once more. It did not arrive once more, so the journal
    /// stays as it is.
    pub(crate) async fn webhook_replayed(
        &self,
        link_id: LinkId,
        event: &Event,
        delivery: &Delivery,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        self.note(&mut link, event, delivery);
        self.catch_up(&mut link).await
    }

    /// Keeps what an event announces, until it has been read. Says what will have been done, once
    /// nothing is left to do.
    fn note(&self, link: &mut OpenLink<'_>, event: &Event, delivery: &Delivery) -> &'static str {
        let limit = |code: &domain::Code| code.as_str() == "operational_limits_reached";
        if event.errors.iter().any(limit) {
            link.record.limited_until = Some(Month::of(delivery.sent_at).end());
        } else if matches!(event.kind, EventKind::HistoricalUpdate { .. })
            && !link
                .record
                .resources
                .values()
                .any(|it| it.declined.as_ref().is_some_and(limit))
        {
            // The bank gives data, so it is not the limit that keeps it back.
            link.record.limited_until = None;
        }
        match &event.kind {
            EventKind::HistoricalUpdate { resource } => {
                self.note_resource(link, *resource, Scope::Everything, event, delivery)
            }
            EventKind::ResourceChanged { resource } => {
                self.note_resource(link, *resource, Scope::Recent, event, delivery)
            }
            EventKind::ResourceRevised { resource } => {
                self.note_resource(link, *resource, Scope::Revised, event, delivery)
            }
            EventKind::Consent {
                change,
                consent_id,
                due_at,
            } => {
                link.record.consent_pending = true;
                // A renewal may have mended what the user had to; Belvo will say.
                link.record.look |= link.record.needs_user.is_some();
                let consent = link.record.consent.get_or_insert_default();
                consent.change = Some(*change);
                consent.changed_at = Some(delivery.sent_at);
                consent.id = consent_id.or(consent.id);
                consent.expires_at = due_at.or(consent.expires_at);
                "consent read"
            }
            EventKind::LinkNeedsUser => {
                let code = event.errors.first().or(event.webhook_code.as_ref());
                link.record.needs_user = code.cloned();
                "user must act"
            }
            // A deletion we did not ask for is looked at before anything is believed.
            EventKind::LinkDeleted => {
                link.record.look = true;
                "still there"
            }
            EventKind::Unknown => "nothing to do",
        }
    }

    fn note_resource(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
        scope: Scope,
        event: &Event,
        delivery: &Delivery,
    ) -> &'static str {
        let fresh = link.is_fresh(kind, scope, delivery.sent_at);
        // Data flows, so perhaps what the user had to mend is mended; Belvo will say.
        link.record.look |= link.record.needs_user.is_some();
        if let Some(consent) = &mut link.record.consent {
            link.record.consent_pending |= !consent.is_in_force(delivery.sent_at);
            if consent.change == Some(ConsentChange::UnavailableResources) {
                consent.change = None;
            }
        }
        let resource = link.record.resource(kind);
        resource.announced_at = Some(delivery.sent_at);
        resource.errors.clone_from(&event.errors);
        let whole = scope == Scope::Everything && event.totals != Totals::default();
        resource.announced = event.totals.clone();
        resource.announced_whole = whole && !fresh;
        if fresh {
            return "already read";
        }
        link.record.want(kind, scope);
        if let Some((parent, _)) = parent_of(kind) {
            // Movements move balances and positions, and nobody announces that.
            let known = link.record.resource(parent).sync_ended_at.is_some();
            if known && !link.is_fresh(parent, Scope::Everything, delivery.sent_at) {
                link.record.want(parent, Scope::Everything);
            }
        }
        let closes_bill = kind == ResourceKind::Bills && scope == Scope::Recent;
        let transactions = link.record.resource(ResourceKind::Transactions);
        if closes_bill && transactions.whole_started_at.is_some() {
            // Its transactions now name it, and they may be a month old.
            let everything = Scope::Everything;
            link.record.want(ResourceKind::Transactions, everything);
        }
        self.want_what_is_old(&mut link.record);
        "read"
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
            let known = waiting.iter().any(|it| it.message_id == entry.message_id);
            if known || waiting.len() >= MAX_UNJOURNALED {
                return Ok(());
            }
            waiting.push(entry);
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
