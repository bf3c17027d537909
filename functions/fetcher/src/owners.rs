//! The documents of those who own a link's accounts, as Belvo lists them. They are held in memory
//! for a comparison or a request, and dropped.

use std::collections::{BTreeMap, HashSet};

use belvo::{BelvoError, Next};
use domain::link::{NamedOwner, RowOrigin, Tally};
use domain::{DateRange, OwnerDocument, ResourceKind};
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
    // A list that goes on with what it has given has ended, unless it counts more.
    let mut seen = HashSet::new();
    let size = belvo.page_size();
    let page = belvo.first_page(KIND, link_id, DateRange::ALL, size);
    let mut page = page.await?;
    for number in 2..=MAX_PAGES {
        // One that is not JSON is an owner all the same, as far as it can be read.
        let rows = page.readable();
        let found = origins.of_rows(asked, &rows).await?;
        for (owner, origin) in rows.iter().zip(found) {
            match origin {
                RowOrigin::Own => own.push(named_owner(owner)),
                RowOrigin::Renewed | RowOrigin::Unnamed => {
                    others.push((origin, named_owner(owner)))
                }
                RowOrigin::Foreign => tally.foreign_rows += 1,
            }
        }
        let news = rows.iter().filter(|it| seen.insert(it.get().to_owned()));
        let has_news = news.count() > 0;
        if page.next == Next::End || tally.shows_no_filter() {
            break;
        }
        if !has_news && page.count.is_some_and(|count| count > seen.len() as u64) {
            // An owner who is missing would pass for another person.
            let what = "a list of owners that ends";
            return Err(BelvoError::Unexpected { what }.into());
        }
        if !has_news {
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
            own.push(owner);
        }
    }
    Ok(own)
}

/// `document_id.document_number` of an owner, and those of the people who act for a person. A company,
/// which only its name tells from a person, is known by its own document alone: a person may act for
/// many. Nothing else is looked at, so that no other member can spoil it.
pub(crate) fn named_owner(owner: &RawValue) -> NamedOwner {
    let number = |it: &Members<'_>| document(it.get("document_number").copied());
    let owner = members(Some(owner));
    let own = members(owner.get("document_id").copied());
    let is_company = owner
        .get("company_name")
        .is_some_and(|it| it.get() != "null");
    let relation = members(owner.get("financial_relation").copied());
    let procurators: Vec<&RawValue> = relation
        .get("procurators")
        .filter(|_| !is_company)
        .and_then(|it| serde_json::from_str(it.get()).ok())
        .unwrap_or_default();
    NamedOwner {
        document: number(&own),
        procurators: procurators
            .into_iter()
            .filter_map(|it| number(&members(Some(it))))
            .collect(),
    }
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Those of an object; none of anything else.
fn members(object: Option<&RawValue>) -> Members<'_> {
    let members = object.map(|it| serde_json::from_str(it.get()));
    members.and_then(Result::ok).unwrap_or_default()
}

/// A text, or a number that has lost its leading zeros. Anything else cannot be read.
fn document(number: Option<&RawValue>) -> Option<OwnerDocument> {
    let written = number?.get();
    match written.bytes().next() {
        _ if written == "null" => None,
        Some(b'0'..=b'9') => OwnerDocument::read(written),
        Some(b'"') => match serde_json::from_str::<String>(written) {
            Ok(text) => OwnerDocument::read(&text),
            Err(_) => Some(OwnerDocument::unreadable()),
        },
        _ => Some(OwnerDocument::unreadable()),
    }
}
