//! What a webhook, Belvo's list of links, Belvo's record of a link or a proof changes on LINK.
//!
//! All of these are signals. They only say what to read next; the data comes from Belvo's API.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use strum::IntoStaticStr;

use super::consent::{HeardChange, ListedConsent};
use super::pace::Pace;
use super::pending::SyncMode;
use super::policy::Policy;
use super::resource::Resource;
use super::run::needs_user;
use super::schedule::{Reason, later};
use super::state::{Link, LoggedWebhook, Proof};
use crate::code::Code;
use crate::event::{ConsentChange, Event, EventKind};
use crate::id::SessionId;
use crate::resource::ResourceKind;

/// Webhooks kept for the log of a link that is not bound: more than one connection causes.
const MAX_UNLOGGED: usize = 20;

/// Proofs kept of one link: one is needed, and any session that led to it may send some.
const MAX_PROOFS: usize = 20;

/// A full sync at the latest after this time, should a webhook have been lost.
pub(super) const FULL_SYNC_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What Belvo's record of a link says, as far as a rule decides by it.
#[derive(Clone, Debug, Default)]
pub struct LinkFacts {
    pub institution: Option<String>,
    pub institution_user_id: Option<String>,
    /// `valid`, `invalid`, `unconfirmed` or `token_required`; an open set.
    pub status: Option<String>,
    pub access_mode: Option<String>,
    pub fetch_resources: BTreeSet<ResourceKind>,
    pub created_at: Option<Timestamp>,
    pub last_accessed_at: Option<Timestamp>,
}

/// What a webhook will have led to once nothing is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum WebhookEffect {
    /// A sync.
    Synced,
    /// A sync that covers the webhook had started before.
    AlreadySynced,
    /// A later read: others before it have said the same.
    PutOff,
    ConsentRead,
    UserMustAct,
    /// A look at Belvo's record, which still has the link.
    LinkChecked,
    /// A kind of webhook that leads to no action.
    Ignored,
}

/// What the jobs of a batch have synced since they arrived.
pub type SyncedInBatch = BTreeMap<ResourceKind, SyncMode>;

/// A webhook, and what is known of the job that brings it.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    pub event: &'a Event,
    /// When it was queued.
    pub sent_at: Timestamp,
    pub synced: &'a SyncedInBatch,
    /// Whether it comes from the log, which has the webhooks of other resources as well.
    pub is_replayed: bool,
}

impl Link {
    /// Notes what a webhook announces, until it has been read.
    pub fn observe_webhook(
        &mut self,
        webhook: Webhook<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> WebhookEffect {
        let Webhook { event, sent_at, .. } = webhook;
        self.observe_limit(event, sent_at);
        let (kind, mode) = match &event.kind {
            EventKind::HistoricalUpdate { resource } => (*resource, SyncMode::Full),
            EventKind::ResourceChanged { resource } => (*resource, SyncMode::Incremental),
            // Which rows, Belvo does not say.
            EventKind::ResourceRevised { resource } => (*resource, SyncMode::Full),
            EventKind::Consent {
                change,
                consent_id,
                due_at,
            } => {
                let consent = self.consent.get_or_insert_default();
                let heard = HeardChange {
                    change: *change,
                    id: *consent_id,
                };
                let is_repeated = consent.heard.replace(heard) == Some(heard);
                let put_off = is_repeated.then(|| consent.put_off(now)).flatten();
                self.pending.consents |= put_off.is_none();
                if *change != ConsentChange::Other {
                    consent.change = Some(*change);
                }
                consent.changed_at = Some(sent_at);
                consent.id = consent_id.or(consent.id);
                consent.expires_at = due_at.or(consent.expires_at);
                if let Some(until) = put_off {
                    let known = self.schedule.get(Reason::Consent).unwrap_or(until);
                    self.schedule.set(Reason::Consent, known.min(until));
                    return WebhookEffect::PutOff;
                }
                // A renewal may have mended what the user had to; Belvo's record says.
                self.pending.link |= self.user_action.is_some();
                return WebhookEffect::ConsentRead;
            }
            EventKind::LinkNeedsUser => {
                let code = event.errors.first().or(event.webhook_code.as_ref());
                self.user_action = code.cloned();
                self.pending.link = true;
                return WebhookEffect::UserMustAct;
            }
            // A deletion that was not asked for is checked before it is believed, and so is what an
            // unknown code may mean.
            EventKind::LinkDeleted => {
                self.pending.link = true;
                self.deleted_at.get_or_insert(sent_at);
                return WebhookEffect::LinkChecked;
            }
            EventKind::LinkChanged => {
                self.pending.link = true;
                return WebhookEffect::LinkChecked;
            }
            EventKind::Unknown => return WebhookEffect::Ignored,
        };
        self.observe_resource(kind, mode, webhook, policy, now)
    }

    fn observe_resource(
        &mut self,
        kind: ResourceKind,
        mode: SyncMode,
        webhook: Webhook<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> WebhookEffect {
        let Webhook { event, sent_at, .. } = webhook;
        // The log has told of these before.
        let new_rows = match webhook.is_replayed {
            true => 0,
            false => event.new_rows(),
        };
        let in_full = self.is_fresh(kind, SyncMode::Full, webhook);
        let is_fresh = in_full
            || self.is_fresh(kind, mode, webhook)
                && self.resource(kind).has_found_already(new_rows);
        if let Some(consent) = &mut self.consent
            && consent.change == Some(ConsentChange::UnavailableResources)
        {
            consent.change = None;
        }
        let refresh = self.refresh.as_ref();
        let refresh = refresh.filter(|it| it.is_of_another(event.request_id.as_ref(), sent_at));
        let before = refresh.map(|it| it.asked_at);
        let resource = self.resource(kind);
        let is_repeated = resource.announced_at.is_some() && resource.announced == event.totals;
        match before {
            // It may be late, and then it does not tell of what Belvo reads for the refresh.
            Some(asked_at) => {
                resource.announced_at.get_or_insert(asked_at.min(sent_at));
            }
            None => resource.announced_at = Some(sent_at),
        }
        resource.announced = event.totals.clone();
        resource.announced_full = event.totals.is_of_all() && mode == SyncMode::Full && !is_fresh;
        if is_fresh {
            // One that says the same as the one before it adds nothing to that.
            if !is_repeated && !webhook.is_replayed {
                self.ask_what_is_mended(sent_at);
            }
            return WebhookEffect::AlreadySynced;
        }
        resource.announce(&event.totals, new_rows, is_repeated);
        // This keeps repeated webhooks cheap: a thousand equal ones cost a handful of reads.
        // Of a link that is not bound, each check reads the owners.
        if is_repeated && !webhook.is_replayed && self.puts_off_check(kind, now) {
            self.pending.request_sync(kind, mode);
            return WebhookEffect::PutOff;
        }
        let may_wait = is_repeated && self.is_bound();
        let put_off = may_wait.then(|| self.put_off(kind, now)).flatten();
        let affected = match webhook.is_replayed {
            true => Vec::new(),
            false => self.affected(kind, mode, webhook),
        };
        for (kind, mode) in std::iter::once((kind, mode)).chain(affected) {
            match put_off {
                Some(until) => self.defer_sync(kind, mode, until),
                None => self.pending.request_sync(kind, mode),
            }
        }
        if put_off.is_some() {
            return WebhookEffect::PutOff;
        }
        self.ask_what_is_mended(sent_at);
        // The weekly full sync rides on a webhook, if one comes.
        let is_due =
            |last: Timestamp| now.duration_since(last) >= FULL_SYNC_PERIOD && !webhook.is_replayed;
        self.request_where(policy, SyncMode::Full, |it| {
            it.last_full_sync.is_some_and(is_due)
        });
        WebhookEffect::Synced
    }

    /// Data flows, so perhaps the user has mended what they had to, or their consent; Belvo's records
    /// say.
    pub fn ask_what_is_mended(&mut self, now: Timestamp) {
        self.pending.link |= self.user_action.is_some();
        let consent = self.consent.as_ref();
        self.pending.consents |= consent.is_some_and(|it| !it.is_in_force(now));
    }

    /// When a webhook that says the same as the one before it leads to a read, if not at once.
    fn put_off(&mut self, kind: ResourceKind, now: Timestamp) -> Option<Timestamp> {
        let resource = self.resource(kind);
        let known = resource.deferred.filter(|_| resource.refused.is_none());
        match known {
            Some(deferred) => Some(deferred.until),
            None => Pace::count(&mut resource.pace, now),
        }
    }

    /// The same for the check of a link that is not bound: whether it comes later.
    fn puts_off_check(&mut self, kind: ResourceKind, now: Timestamp) -> bool {
        if self.is_bound() {
            return false;
        }
        let mut pace = self.resource(kind).pace;
        let until = Pace::count(&mut pace, now);
        let known = self.schedule.get(Reason::CheckLink);
        let soon = later(now, SignedDuration::from_mins(1));
        let comes_soon = known.is_some_and(|at| now < at && at <= soon);
        if until.is_some() && comes_soon {
            return true;
        }
        self.resource(kind).pace = pace;
        if let Some(until) = until {
            let at = known.map_or(until, |known| known.min(until));
            self.schedule.set(Reason::CheckLink, at);
        }
        until.is_some()
    }

    /// What a change of a resource changes besides.
    fn affected(
        &self,
        kind: ResourceKind,
        mode: SyncMode,
        webhook: Webhook<'_>,
    ) -> Vec<(ResourceKind, SyncMode)> {
        let mut affected = Vec::new();
        if let Some((parent, _)) = kind.parent() {
            // Movements change balances and positions, and Belvo announces neither.
            let known = self.resources.get(&parent);
            let known = known.is_some_and(|it| it.last_sync.is_some());
            if known && !self.is_fresh(parent, SyncMode::Full, webhook) {
                affected.push((parent, SyncMode::Full));
            }
        }
        let closes_bill = kind == ResourceKind::Bills && mode == SyncMode::Incremental;
        let transactions = ResourceKind::Transactions;
        let known = self.resources.get(&transactions);
        let known = known.is_some_and(|it| it.last_full_sync.is_some());
        // Its transactions now name the bill, and they may be a month old.
        if closes_bill && known && !self.is_fresh(transactions, SyncMode::Full, webhook) {
            affected.push((transactions, SyncMode::Full));
        }
        affected
    }

    /// Whether a sync that covers a webhook sent at this moment has started already.
    fn is_fresh(&self, kind: ResourceKind, mode: SyncMode, webhook: Webhook<'_>) -> bool {
        let resource = self.resources.get(&kind);
        let before = resource.is_some_and(|it| it.covers_webhook(webhook.sent_at, mode));
        let in_batch = webhook.synced.get(&kind);
        before || in_batch.is_some_and(|synced| *synced >= mode)
    }

    /// Belvo's list of links shows the link, or an access to the bank that no webhook told of.
    pub fn observe_listed(&mut self, last_accessed_at: Option<Timestamp>, policy: &Policy) {
        self.pending.link = true;
        // The webhook that tells of the end of a consent may be lost as well.
        self.pending.consents |= self.is_bound();
        self.last_accessed_at = last_accessed_at;
        let is_read = |it: &Resource| match last_accessed_at {
            Some(at) => it.covers(at),
            None => it.last_sync.is_some(),
        };
        // What was lost may have been news of old rows as well.
        self.request_where(policy, SyncMode::Full, |it| {
            !is_read(it) && it.deferred.is_none()
        });
        let deferred = self.resources.values_mut().filter(|it| !is_read(it));
        for deferred in deferred.filter_map(|it| it.deferred.as_mut()) {
            deferred.mode = SyncMode::Full;
        }
    }

    /// Keeps what Belvo's record of the link says. What it leaves out stays as it was known.
    pub fn observe_record(&mut self, facts: LinkFacts) {
        self.deleted_at = None;
        self.institution = facts.institution.or(self.institution.take());
        let person = facts.institution_user_id;
        self.institution_user_id = person.or(self.institution_user_id.take());
        self.access_mode = facts.access_mode.or(self.access_mode.take());
        self.created_at = facts.created_at.or(self.created_at);
        self.last_accessed_at = facts.last_accessed_at.or(self.last_accessed_at);
        if !facts.fetch_resources.is_empty() {
            self.fetch_resources = facts.fetch_resources;
        }
        let known = self.user_action.take();
        self.user_action = match facts.status.as_deref() {
            // Belvo calls a link valid although its consent has no accounts any more.
            Some("valid") => self.declined().find(|code| needs_user(code)).cloned(),
            // As a code, `invalid` is about a field of a request.
            Some("invalid") => known.or_else(|| Some(Code::lenient("invalid_link"))),
            Some("token_required") => known.or_else(|| Some(Code::lenient("token_required"))),
            _ => known,
        };
    }

    /// Keeps what Belvo lists of the link's consents. Says whether the one that counts has ended.
    ///
    /// A consent in force may have mended what the user had to, and no webhook tells it of a single
    /// link: then Belvo's record of the link is looked at, and what Belvo declined for want of the
    /// consent is asked for again.
    pub fn observe_consents(
        &mut self,
        listed: &[ListedConsent],
        policy: &Policy,
        now: Timestamp,
    ) -> bool {
        self.pending.consents = false;
        let consent = self.consent.get_or_insert_default();
        let was_in_force = consent.is_in_force(now);
        let known = (consent.id, consent.expires_at);
        consent.observe_listed(listed, now);
        consent.read_at = Some(now);
        let has_ended = consent.has_ended(now);
        let is_renewed = !was_in_force || known != (consent.id, consent.expires_at);
        if consent.is_in_force(now) && self.user_action.is_some() {
            self.pending.link = true;
            if is_renewed {
                self.request_where(policy, SyncMode::Full, |it| {
                    it.declined.as_ref().is_some_and(needs_user)
                });
            }
        }
        has_ended
    }

    /// The user has opened the portal, to renew the consent or, if it `manages`, with all consents.
    /// Belvo sends no webhook when a renewal finishes, so the consent is read a few times.
    pub fn observe_portal(&mut self, opened_at: Timestamp, manages: bool, now: Timestamp) {
        let consent = self.consent.get_or_insert_default();
        consent.portal_opened_at = Some(opened_at);
        if !manages {
            consent.renewal_opened_at = Some(opened_at);
        }
        let next = consent.next_check(now);
        self.schedule.set(Reason::Consent, next);
    }

    /// The app has posted the proof that its user came back with this link. It is kept even if
    /// the link is not bound yet.
    pub fn observe_proof(&mut self, session_id: SessionId, proof: Proof) {
        self.pending.link |= !self.is_bound();
        if self.proofs.len() < MAX_PROOFS {
            self.proofs.insert(session_id, proof);
        }
    }

    /// Keeps a webhook for the log until the link is bound. Says whether LINK has changed.
    pub fn keep_for_log(&mut self, webhook: LoggedWebhook) -> bool {
        let known = self
            .unlogged
            .iter()
            .any(|it| it.message_id == webhook.message_id);
        if known || self.is_left() || self.unlogged.len() >= MAX_UNLOGGED {
            return false;
        }
        self.unlogged.push(webhook);
        true
    }
}

#[cfg(test)]
mod tests;
