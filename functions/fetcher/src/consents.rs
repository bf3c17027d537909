//! The consents behind a link.
//!
//! Only some webhooks carry a consent's id. Belvo lists consents by the document of the person who
//! gave them, which OWNERS names; it is held in memory, and written only where Belvo's own object
//! has it.

use belvo::{BelvoError, Consent, Retry};
use domain::link::NamedOwner;
use domain::{Document, ResourceKind};
use runtime::Metric;

use crate::error::Result;
use crate::leased::LeasedLink;
use crate::owners;

/// Makes what is stored of a bound link's consents what Belvo holds.
pub(crate) async fn read(link: &mut LeasedLink<'_>) -> Result<()> {
    let fetcher = link.fetcher;
    let Some(bound) = link.lease.bound(&link.record) else {
        return Ok(());
    };
    let link_id = link.record.link_id;
    let stored = fetcher.links.consent_index(link_id).await?;
    let mut found = listed(link).await?;
    let announced = link.record.consent.as_ref().and_then(|it| it.id);
    for id in stored.keys().copied().chain(announced) {
        if found.iter().any(|it| it.id == Some(id)) {
            continue;
        }
        match fetcher.belvo.consent(id).await {
            // A consent of another link tells nothing about this one.
            Ok(consent) if consent.link_id == Some(link_id) => found.push(consent),
            Ok(_) => {}
            Err(BelvoError::NotFound { .. }) if stored.contains_key(&id) => {
                fetcher.links.remove_consent(&bound, id).await?;
            }
            Err(BelvoError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for consent in &found {
        let Some(id) = consent.id else { continue };
        let put = fetcher
            .links
            .put_consent(&bound, id, &consent.object, &stored);
        if !put.await? {
            runtime::count(Metric::RowRejected, fetcher.clock.now());
        }
    }
    let now = fetcher.clock.now();
    let listed: Vec<_> = found.iter().map(Consent::facts).collect();
    let policy = &fetcher.config.policy;
    if link.record.observe_consents(&listed, policy, now) {
        // It is read once a day, so that a day's sum is how many have ended.
        runtime::count(Metric::ConsentLapsed, now);
    }
    Ok(())
}

/// The link's consents in Belvo's list.
async fn listed(link: &mut LeasedLink<'_>) -> Result<Vec<Consent>> {
    let mut found: Vec<Consent> = Vec::new();
    for document in documents(link).await? {
        let consents = match link.fetcher.belvo.consents(&document).await {
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

/// What an owner's document can be; nothing, if the bank has masked it.
pub(crate) fn readings(owner: NamedOwner) -> Vec<Document> {
    owner.readings().to_vec()
}

/// The owners' documents, each once: as this job has read them, or as Belvo lists them.
async fn documents(link: &mut LeasedLink<'_>) -> Result<Vec<Document>> {
    let mut documents = std::mem::take(&mut link.documents);
    let owners = link.record.resources.get(&ResourceKind::Owners);
    let owners_synced = owners.is_some_and(|it| it.last_sync.is_some());
    if documents.is_empty() && owners_synced {
        let named = owners::named(link.asked().0).await?;
        documents = named.into_iter().flat_map(readings).collect();
    }
    documents.sort_unstable_by(|a, b| a.normalized().cmp(b.normalized()));
    documents.dedup();
    Ok(documents)
}
