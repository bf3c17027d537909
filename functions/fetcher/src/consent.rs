//! The consents behind a link.
//!
//! Only some webhooks carry a consent's id. Belvo lists consents by the document of whoever gave
//! them, which OWNERS names; it is held in memory and written nowhere but where Belvo's own object
//! has it.

use belvo::{BelvoError, Consent, Retry};
use domain::event::ConsentChange;
use domain::{Document, LinkId, ResourceKind};
use jiff::Timestamp;
use runtime::Metric;
use store::{ConsentFacts, Due};

use crate::calendar;
use crate::fetcher::{Fetcher, JobError};
use crate::open::{Batch, ERASED, OpenLink};

impl Fetcher {
    /// Makes what is stored of a bound link's consents what Belvo holds.
    pub(crate) async fn read_consents(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        let Some(external_id) = link.record.external_id.clone() else {
            return Ok(());
        };
        let link_id = link.record.link_id;
        let stored = self.resources.consents(link_id).await?;
        let mut found = self.listed(link).await?;
        let announced = link.record.consent.as_ref().and_then(|it| it.id);
        for id in stored.keys().copied().chain(announced) {
            if found.iter().any(|it| it.id == Some(id)) {
                continue;
            }
            match self.belvo.consent(id).await {
                // A consent of another link tells nothing about this one.
                Ok(consent) if consent.link_id == Some(link_id) => found.push(consent),
                Ok(_) => {}
                Err(BelvoError::NotFound { .. }) if stored.contains_key(&id) => {
                    let hold = link.record.hold();
                    self.resources.remove_consent(hold, id).await?;
                }
                Err(BelvoError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for consent in &found {
            let Some(id) = consent.id else { continue };
            let object = &consent.object;
            let writing = self
                .resources
                .put_consent(link_id, &external_id, id, object, &stored);
            if !writing.await? {
                runtime::count(Metric::RowRejected, self.clock.now());
            }
        }
        let now = self.clock.now();
        let facts = link.record.consent.get_or_insert_default();
        learn(facts, &found, now);
        if facts.has_ended(now) {
            // It is looked at once a day, so that a day's sum is how many there are.
            runtime::count(Metric::ConsentLapsed, now);
        }
        link.record.consent_pending = false;
        Ok(())
    }

    /// The link's consents in Belvo's list.
    async fn listed(&self, link: &mut OpenLink<'_>) -> Result<Vec<Consent>, JobError> {
        if link.documents.is_empty() && self.reads_owners(link) {
            link.documents = self.owners_documents(link.record.link_id).await?;
        }
        link.documents
            .sort_unstable_by(|a, b| a.normalized().cmp(b.normalized()));
        link.documents.dedup();
        let mut found: Vec<Consent> = Vec::new();
        // Belvo refuses anything that cannot be a CPF or CNPJ, and banks mask documents.
        let possible = |it: &&Document| (11..=14).contains(&it.normalized().len());
        for document in link.documents.iter().filter(possible) {
            let consents = match self.belvo.consents(document).await {
                // One odd document does not hide what is known otherwise.
                Err(error) if error.retry() == Retry::Never => continue,
                consents => consents?,
            };
            for consent in consents {
                let known = found.iter().any(|it| it.id == consent.id);
                if consent.link_id == Some(link.record.link_id) && !known {
                    found.push(consent);
                }
            }
        }
        Ok(found)
    }

    /// The user has opened the portal to renew. Nobody says when that is done, and of links that
    /// are read once nobody says that it is: so Belvo is asked a few times.
    pub(crate) async fn consent_renewal(
        &self,
        link_id: LinkId,
        opened_at: Timestamp,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        if !link.record.is_bound() {
            return Ok("not bound");
        }
        let facts = link.record.consent.get_or_insert_default();
        facts.renewal_opened_at = Some(opened_at);
        let next = calendar::next_consent_date(Some(facts), self.clock.now());
        link.record.agenda.set_or_clear(Due::Consent, next);
        self.save(&mut link).await?;
        Ok("noted")
    }

    fn reads_owners(&self, link: &OpenLink<'_>) -> bool {
        let resource = link.record.resources.get(&ResourceKind::Owners);
        resource.is_some_and(|it| it.sync_ended_at.is_some())
    }
}

/// Keeps the one that counts: one in force, or else the last that was, or else the latest. One that
/// was begun and abandoned says nothing about the others.
fn learn(facts: &mut ConsentFacts, found: &[Consent], now: Timestamp) {
    let rank = |it: &&Consent| {
        let rank = match it.status.as_deref() {
            Some("AUTHORISED") => 3,
            Some("EXPIRED") => 2,
            Some("AWAITING_AUTHORISATION_CONFIRMATION" | "AWAITING_AUTHORISATION") => 1,
            _ => 0,
        };
        (rank, it.created_at)
    };
    let Some(consent) = found.iter().max_by_key(rank) else {
        return;
    };
    let renewed = facts.id != consent.id || facts.expires_at != consent.expires_at;
    facts.id = consent.id;
    facts.status.clone_from(&consent.status);
    facts.expires_at = consent.expires_at;
    // A webhook may come before Belvo's own record changes. What the record still says after an
    // hour, it says.
    let settled = facts
        .changed_at
        .is_none_or(|at| now.duration_since(at) >= calendar::CONSENT_DOUBT);
    if facts.is_in_force(now) && (renewed || settled) {
        facts.change = facts.change.filter(|change| match change {
            ConsentChange::Expired | ConsentChange::AboutToExpire => false,
            ConsentChange::UnrecoverableResources => !renewed,
            ConsentChange::ExpirationChanged | ConsentChange::UnavailableResources => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ConsentId;
    use jiff::SignedDuration;
    use serde_json::value::RawValue;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn consent(id: u8, status: &str, created: &str, expires: Option<&str>) -> Consent {
        Consent {
            id: ConsentId::parse(&format!("29a54e55-21f0-4d02-8e34-797ab7d439{id:02}")).ok(),
            link_id: None,
            status: Some(status.to_owned()),
            created_at: Some(at(created)),
            expires_at: expires.map(at),
            object: RawValue::NULL.to_owned(),
        }
    }

    /// The facts after this list is read at noon, having heard `change` so many minutes before.
    fn after(found: &[Consent], change: ConsentChange, minutes: i64) -> ConsentFacts {
        let now = at("2026-11-23T12:00:00Z");
        let mut facts = ConsentFacts {
            id: found.first().and_then(|it| it.id),
            expires_at: found.first().and_then(|it| it.expires_at),
            change: Some(change),
            changed_at: Some(calendar::later(now, SignedDuration::from_mins(-minutes))),
            ..ConsentFacts::default()
        };
        learn(&mut facts, found, now);
        facts
    }

    #[test]
    fn an_abandoned_renewal_says_nothing_about_a_consent_in_force_or_expired() {
        let pending = || consent(2, "AWAITING_AUTHORISATION", "2026-11-23T11:00:00Z", None);
        let refused = || consent(3, "REJECTED", "2026-11-23T11:30:00Z", None);
        for status in ["AUTHORISED", "EXPIRED"] {
            let old = consent(1, status, "2025-11-23T00:00:00Z", None);
            let id = old.id;
            let facts = after(
                &[old, pending(), refused()],
                ConsentChange::ExpirationChanged,
                0,
            );
            assert_eq!((facts.id, facts.status.as_deref()), (id, Some(status)));
        }
    }

    #[test]
    fn word_of_an_end_counts_for_an_hour_against_belvos_record() {
        let in_force = || consent(1, "AUTHORISED", "2025-11-23T00:00:00Z", None);
        let check = |change, minutes| after(&[in_force()], change, minutes).change;
        assert_eq!(
            check(ConsentChange::Expired, 1),
            Some(ConsentChange::Expired)
        );
        assert_eq!(check(ConsentChange::Expired, 60), None);
        assert_eq!(check(ConsentChange::AboutToExpire, 60), None);
        assert_eq!(
            check(ConsentChange::UnrecoverableResources, 60),
            Some(ConsentChange::UnrecoverableResources)
        );
    }

    #[test]
    fn a_consent_that_is_past_its_end_stays_expired() {
        let past = consent(
            1,
            "AUTHORISED",
            "2025-11-23T00:00:00Z",
            Some("2026-11-22T00:00:00Z"),
        );
        let facts = after(&[past], ConsentChange::Expired, 600);
        assert_eq!(facts.change, Some(ConsentChange::Expired));
    }
}
