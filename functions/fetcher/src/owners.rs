//! The documents of those who own a link's accounts, as Belvo lists them. They are held in memory
//! for a comparison or a request, and dropped.

use domain::link::{RowOrigin, Tally};
use domain::{DateRange, Document, ResourceKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::origin::{Asked, Filter, Origins, report_foreign, unfiltered};

const KIND: ResourceKind = ResourceKind::Owners;

/// Owners of one link; a list that goes on after so many pages is none.
const MAX_PAGES: u32 = 1000;

/// All documents that Belvo names for the link. An owner of another link says nothing about it.
pub(crate) async fn documents(asked: Asked<'_>) -> Result<Vec<Document>> {
    let (belvo, link_id) = (&asked.fetcher.belvo, asked.link.link_id);
    let (mut origins, mut tally) = (Origins::default(), Tally::default());
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let size = belvo.page_size();
    let page = belvo.first_page(KIND, link_id, DateRange::ALL, size);
    let mut page = page.await?;
    for number in 2..=MAX_PAGES {
        let found = origins.of_rows(asked, &page.rows).await?;
        for (owner, origin) in page.rows.iter().zip(found) {
            match origin {
                RowOrigin::Own => own.extend(document(owner)),
                RowOrigin::Renewed | RowOrigin::Unnamed => others.push((origin, document(owner))),
                RowOrigin::Foreign => tally.foreign_rows += 1,
            }
        }
        let ends = !page.has_next || page.rows.is_empty();
        if ends || tally.shows_no_filter() {
            break;
        }
        let next = belvo.page(KIND, link_id, DateRange::ALL, number, page.size);
        page = next.await?;
    }
    if tally.foreign_rows > 0 {
        report_foreign(asked.fetcher, link_id, KIND, tally.foreign_rows);
        return match tally.shows_no_filter() {
            true => Err(unfiltered()),
            false => Ok(own),
        };
    }
    let mut filter = Filter::default();
    for (origin, document) in others {
        let believed = filter.vouches_for(origin, asked, KIND, &mut origins);
        if believed.await? {
            own.extend(document);
        }
    }
    Ok(own)
}

/// `document_id.document_number` of an owner, a person or a company.
pub(crate) fn document(owner: &RawValue) -> Option<Document> {
    let owner: Value = serde_json::from_str(owner.get()).ok()?;
    let number = owner.get("document_id")?.get("document_number")?;
    Document::from_text(number.as_str()?)
}
