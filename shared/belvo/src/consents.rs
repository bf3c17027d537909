//! `GET /api/consents/` and `GET /api/consents/{id}/`.

use std::collections::HashSet;

use domain::json::Members;
use domain::link::ListedConsent;
use domain::{ConsentId, Document, LinkId};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::list::PageSize;
use crate::{Belvo, BelvoError};

/// Belvo's record of a consent. It has no `Debug`, because printing it would print bank data.
pub struct Consent {
    /// `None` when it is no UUID.
    pub id: Option<ConsentId>,
    /// The link it belongs to; there is one link for each consent.
    pub link_id: Option<LinkId>,
    /// `AUTHORISED`, `EXPIRED`, …; an open set.
    pub status: Option<String>,
    pub created_at: Option<Timestamp>,
    /// `None` for an indefinite consent.
    pub expires_at: Option<Timestamp>,
    /// The whole object as Belvo wrote it.
    pub object: Box<RawValue>,
}

/// The bound of the page loop. A person gives one company a handful of consents, not a page of them.
const MAX_PAGES: u32 = 20;

impl Belvo {
    /// Looks at one consent. Costs no Open Finance quota.
    ///
    /// # Errors
    /// [`BelvoError::NotFound`] is Belvo's word that the consent is no more. An object with another
    /// id is no answer about this consent: [`BelvoError::Unexpected`].
    pub async fn consent(&self, id: ConsentId) -> Result<Consent, BelvoError> {
        let url = self.url(["api", "consents", &id.to_string()]);
        let what = "the consent that was asked for";
        let object = match self.get_row(&url, "a consent").await? {
            Ok(row) => Some(row),
            Err(spoiled) => spoiled.readable(),
        };
        let consent = object.and_then(Consent::read);
        let consent = consent.filter(|it| it.id == Some(id));
        consent.ok_or(BelvoError::Unexpected { what })
    }

    /// Reads all consents a person or company has given the customer. Costs no Open Finance quota.
    pub async fn consents(&self, user_document: &Document) -> Result<Vec<Consent>, BelvoError> {
        let read = async |size: PageSize| {
            let (mut consents, mut seen) = (Vec::new(), HashSet::new());
            for number in 1..=MAX_PAGES {
                let mut url = self.url(["api", "consents"]);
                url.query_pairs_mut()
                    .append_pair("user_document", user_document.normalized());
                let what = "a page of consents";
                let page = match self.list_page(&url, number, size, what).await {
                    // Belvo's answer for a page after the last one.
                    Err(BelvoError::NotFound { .. }) if number > 1 => return Ok(consents),
                    page => page?,
                };
                // A list that goes on with what it has given has ended, unless it counts more.
                let (has_next, count) = (page.has_next(), page.count);
                let rows = page.into_readable();
                let news = rows.iter().filter(|it| seen.insert(it.get().to_owned()));
                let has_news = news.count() > 0;
                consents.extend(rows.into_iter().filter_map(Consent::read));
                let has_all = count.is_none_or(|count| count <= seen.len() as u64);
                if !has_next || (!has_news && has_all) {
                    return Ok(consents);
                }
                if !has_news {
                    break;
                }
            }
            // A partial list would pass for the complete one.
            let what = "a list of consents that ends";
            Err(BelvoError::Unexpected { what })
        };
        self.in_pages(self.page_size(), read).await
    }
}

impl Consent {
    /// What a rule of ours decides by.
    pub fn facts(&self) -> ListedConsent {
        ListedConsent {
            id: self.id,
            status: self.status.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }

    /// Takes what is of the expected form: Belvo's objects do not always keep to Belvo's schema.
    /// `None` if it is no object.
    fn read(object: Box<RawValue>) -> Option<Self> {
        let members = Members::read(object.get())?;
        Some(Self {
            id: members.parsed("id", ConsentId::parse),
            link_id: members.parsed("link_id", LinkId::parse),
            status: members.text("status"),
            created_at: members
                .text("created_at")
                .and_then(|it| domain::moment(&it)),
            expires_at: members.text("expired_at").and_then(|it| domain::end(&it)),
            object,
        })
    }
}
