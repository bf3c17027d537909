//! The documents of those who own a link's accounts, as Belvo lists them. They are held in memory
//! for a comparison or a request, and dropped.

use belvo::{BelvoError, Next};
use domain::link::{NamedOwner, RowOrigin, Tally};
use domain::{DateRange, OwnerDocument, ResourceKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::origin::{Asked, Filter, Origins, report_foreign, unfiltered};

const KIND: ResourceKind = ResourceKind::Owners;

/// Owners of one link; a list that goes on after so many pages is none.
const MAX_PAGES: u32 = 1000;

/// All owners that Belvo names for the link. An owner of another link says nothing about it.
pub(crate) async fn named(asked: Asked<'_>) -> Result<Vec<NamedOwner>> {
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
                RowOrigin::Own => own.extend(named_owner(owner)),
                RowOrigin::Renewed | RowOrigin::Unnamed => {
                    others.push((origin, named_owner(owner)))
                }
                RowOrigin::Foreign => tally.foreign_rows += 1,
            }
        }
        let ends = page.next == Next::End || page.is_empty();
        if ends || tally.shows_no_filter() {
            break;
        }
        let next = belvo.page(KIND, link_id, DateRange::ALL, number, page.size);
        page = match next.await {
            // Belvo's answer for a page after the last one.
            Err(BelvoError::NotFound { .. }) => break,
            next => next?,
        };
    }
    if tally.foreign_rows > 0 {
        report_foreign(asked.fetcher, link_id, KIND, tally.foreign_rows);
        return match tally.shows_no_filter() {
            true => Err(unfiltered()),
            false => Ok(own),
        };
    }
    let mut filter = Filter::default();
    for (origin, owner) in others {
        let believed = filter.vouches_for(origin, asked, KIND, &mut origins);
        if believed.await? {
            own.extend(owner);
        }
    }
    Ok(own)
}

/// `document_id.document_number` of an owner, and those of the people who act for a person. `None` if
/// the owner has no document yet. A company, which only its name tells from a person, is known by its
/// own document alone: a person may act for many.
pub(crate) fn named_owner(owner: &RawValue) -> Option<NamedOwner> {
    let owner: Value = serde_json::from_str(owner.get()).ok()?;
    let own = document(owner.pointer("/document_id/document_number"))?;
    let person = Some(&owner).filter(|it| it.get("company_name").is_none_or(Value::is_null));
    let procurators = person.and_then(|it| it.pointer("/financial_relation/procurators"));
    let procurators = procurators.and_then(Value::as_array).into_iter().flatten();
    Some(NamedOwner {
        document: own,
        procurators: procurators
            .filter_map(|it| document(it.get("document_number")))
            .collect(),
    })
}

/// A text, or a number that has lost its leading zeros. Anything else cannot be read.
fn document(number: Option<&Value>) -> Option<OwnerDocument> {
    match number? {
        Value::Null => None,
        Value::String(text) => OwnerDocument::read(text),
        Value::Number(number) => match number.as_u64() {
            Some(number) => OwnerDocument::read(&number.to_string()),
            None => Some(OwnerDocument::unreadable()),
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Some(OwnerDocument::unreadable()),
    }
}
