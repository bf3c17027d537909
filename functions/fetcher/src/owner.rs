//! Whether the link's owner is the one its token was minted for.
//!
//! Somebody could mint a token for another person's CPF and talk them into consenting at the bank.
//! OWNERS is read into memory for this, and dropped.

use domain::{DateRange, Document, LinkId, ResourceKind, SigningKeys};
use serde_json::{Value, value::RawValue};
use store::AttemptRecord;

use crate::fetcher::{Fetcher, JobError};
use crate::reading::MAX_PAGES;

/// Who owns a link.
pub(crate) enum Owner<'a> {
    /// The one this attempt was for.
    Of(&'a AttemptRecord),
    /// Somebody none of the attempts was for.
    SomebodyElse,
    /// Belvo names no document yet.
    Unnamed,
}

impl Fetcher {
    /// Compares the link's owners with the documents of the attempts, the likeliest first.
    pub(crate) async fn owner<'a>(
        &self,
        link: LinkId,
        attempts: &'a [AttemptRecord],
    ) -> Result<Owner<'a>, JobError> {
        let documents = self.owners_documents(link).await?;
        if documents.is_empty() {
            return Ok(Owner::Unnamed);
        }
        let keys = self.session_keys.get().await?;
        if let Some(attempt) = find(attempts, &documents, &keys) {
            return Ok(Owner::Of(attempt));
        }
        // The attempt may have been hashed with a key this process has not seen yet.
        let keys = self.session_keys.reread().await?;
        let found = find(attempts, &documents, &keys);
        Ok(found.map_or(Owner::SomebodyElse, Owner::Of))
    }

    /// Who owns the accounts, as far as Belvo says so.
    pub(crate) async fn owners_documents(&self, link: LinkId) -> Result<Vec<Document>, JobError> {
        let mut documents = Vec::new();
        for number in 1..=MAX_PAGES {
            let owners = ResourceKind::Owners;
            let page = self
                .belvo
                .page(owners, link, DateRange::ALL, number)
                .await?;
            documents.extend(page.rows.iter().filter_map(|owner| document(owner)));
            if !page.has_next || page.rows.is_empty() {
                break;
            }
        }
        Ok(documents)
    }
}

fn find<'a>(
    attempts: &'a [AttemptRecord],
    documents: &[Document],
    keys: &SigningKeys,
) -> Option<&'a AttemptRecord> {
    attempts.iter().find(|record| {
        let expected = record.attempt.expected_owner();
        documents
            .iter()
            .any(|document| keys.is_hash_of(document, expected))
    })
}

/// `document_id.document_number` of an owner, a person or a company.
pub(crate) fn document(owner: &RawValue) -> Option<Document> {
    let owner: Value = serde_json::from_str(owner.get()).ok()?;
    let number = owner.get("document_id")?.get("document_number")?;
    Document::from_text(number.as_str()?)
}
