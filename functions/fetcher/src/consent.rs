//! A consent, read again because an event says that it changed.

use belvo::BelvoError;
use domain::{Event, EventKind};
use jiff::Timestamp;
use serde_json::Value;
use store::{ConsentFacts, LinkRecord, LinkStatus};

use crate::jobs::{Fetcher, JobError};

impl Fetcher {
    /// Reads the consent an event names and writes what Belvo holds of it. Other events, and links
    /// that are not bound, are left alone.
    pub(crate) async fn react_to_consent(
        &self,
        link: &mut LinkRecord,
        event: &Event,
    ) -> Result<(), JobError> {
        let EventKind::Consent {
            change,
            consent_id,
            due_at,
        } = &event.kind
        else {
            return Ok(());
        };
        let (LinkStatus::Bound, Some(external_id)) = (link.status, link.external_id.clone()) else {
            return Ok(());
        };
        let mut facts = link.consent.take().unwrap_or_default();
        facts.change = Some(*change);
        facts.expires_at = due_at.or(facts.expires_at);
        if let Some(id) = consent_id {
            match self.belvo.consent(*id).await {
                // A consent of another link tells nothing about this one.
                Ok(consent) if consent.link_id == Some(link.link_id) => {
                    facts.id = Some(*id);
                    read(&mut facts, consent.object.get());
                    self.resources
                        .put_consent(link.link_id, &external_id, *id, &consent.object)
                        .await?;
                }
                Ok(_) | Err(BelvoError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        link.consent = Some(facts);
        self.resources.save(link, self.clock.now()).await?;
        Ok(())
    }
}

fn read(facts: &mut ConsentFacts, object: &str) {
    let object: Value = serde_json::from_str(object).unwrap_or_default();
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    facts.status = text("status").map(str::to_owned);
    facts.expires_at = text("expired_at").and_then(|at| at.parse::<Timestamp>().ok());
}
