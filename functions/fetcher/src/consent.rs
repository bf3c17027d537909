//! A consent, read again because an event says that it changed.

use belvo::BelvoError;
use jiff::Timestamp;
use serde_json::Value;
use store::ConsentFacts;

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;

impl Fetcher {
    /// Reads the consent of a bound link and writes what Belvo holds of it.
    pub(crate) async fn read_consent(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        let record = &mut link.record;
        let (Some(external_id), Some(facts)) = (&record.external_id, &mut record.consent) else {
            return Ok(());
        };
        if let Some(id) = facts.id {
            match self.belvo.consent(id).await {
                // A consent of another link tells nothing about this one.
                Ok(consent) if consent.link_id == Some(record.link_id) => {
                    learn(facts, consent.object.get());
                    self.resources
                        .put_consent(record.link_id, external_id, id, &consent.object)
                        .await?;
                }
                Ok(_) | Err(BelvoError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        record.consent_pending = false;
        self.save(link).await
    }
}

fn learn(facts: &mut ConsentFacts, object: &str) {
    let object: Value = serde_json::from_str(object).unwrap_or_default();
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    facts.status = text("status").map(str::to_owned);
    facts.expires_at = text("expired_at").and_then(|at| at.parse::<Timestamp>().ok());
}
