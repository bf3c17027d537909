//! The consents behind a link.
//!
//! Only some webhooks carry a consent's id. Belvo lists consents by the document of whoever gave
//! them, which OWNERS names; it is held in memory and written nowhere but where Belvo's own object
//! has it.

use belvo::{BelvoError, Consent, Retry};
use domain::{Document, ResourceKind};
use runtime::Metric;
use store::ConsentFacts;

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;

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
        learn(link.record.consent.get_or_insert_default(), &found);
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

    fn reads_owners(&self, link: &OpenLink<'_>) -> bool {
        let resource = link.record.resources.get(&ResourceKind::Owners);
        resource.is_some_and(|it| it.sync_ended_at.is_some())
    }
}

/// Keeps the one that counts: authorised before all others, then the latest.
fn learn(facts: &mut ConsentFacts, found: &[Consent]) {
    let rank = |it: &&Consent| (it.status.as_deref() == Some("AUTHORISED"), it.created_at);
    let Some(consent) = found.iter().max_by_key(rank) else {
        return;
    };
    facts.id = consent.id;
    facts.status.clone_from(&consent.status);
    facts.expires_at = consent.expires_at;
}
