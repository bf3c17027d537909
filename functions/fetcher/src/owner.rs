//! Whether the link's owner is the one its token was minted for.
//!
//! Somebody could mint a token for another person's CPF and talk them into consenting at the bank.
//! OWNERS is read into memory for this, and dropped.

use domain::{Document, LinkId, ResourceKind};
use serde_json::{Value, value::RawValue};
use store::AttemptRecord;

use crate::jobs::{Fetcher, JobError};

impl Fetcher {
    /// The attempt whose document one of the link's owners holds.
    pub(crate) async fn attempt_of_owner<'a>(
        &self,
        link: LinkId,
        attempts: &'a [AttemptRecord],
    ) -> Result<Option<&'a AttemptRecord>, JobError> {
        let keys = self.session_keys.get().await?;
        let mut documents = Vec::new();
        let mut number = 1;
        loop {
            let page = self.belvo.page(ResourceKind::Owners, link, number).await?;
            documents.extend(page.rows.iter().filter_map(|owner| document(owner)));
            if !page.has_next || page.rows.is_empty() {
                break;
            }
            number += 1;
        }
        let owned = |record: &&AttemptRecord| {
            let expected = record.attempt.expected_owner();
            documents
                .iter()
                .any(|document| keys.is_hash_of(document, expected))
        };
        Ok(attempts.iter().find(owned))
    }
}

/// `document_id.document_number` of an owner, a person or a company.
fn document(owner: &RawValue) -> Option<Document> {
    let owner: Value = serde_json::from_str(owner.get()).ok()?;
    let number = owner.get("document_id")?.get("document_number")?;
    Document::from_text(number.as_str()?)
}
