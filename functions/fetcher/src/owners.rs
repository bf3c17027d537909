//! The documents of those who own a link's accounts, as Belvo lists them. They are held in memory
//! for a comparison or a request, and dropped.

use belvo::Belvo;
use domain::{DateRange, Document, LinkId, ResourceKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Result;

/// Owners of one link; a list that goes on after so many pages is none.
const MAX_PAGES: u32 = 1000;

/// All documents that Belvo names.
pub(crate) async fn documents(belvo: &Belvo, link: LinkId) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for number in 1..=MAX_PAGES {
        let kind = ResourceKind::Owners;
        let page = belvo.page(kind, link, DateRange::ALL, number).await?;
        documents.extend(page.rows.iter().filter_map(|owner| document(owner)));
        if !page.has_next || page.rows.is_empty() {
            break;
        }
    }
    Ok(documents)
}

/// `document_id.document_number` of an owner, a person or a company.
pub(crate) fn document(owner: &RawValue) -> Option<Document> {
    let owner: Value = serde_json::from_str(owner.get()).ok()?;
    let number = owner.get("document_id")?.get("document_number")?;
    Document::from_text(number.as_str()?)
}
