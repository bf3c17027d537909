//! `GET /api/consents/` and `GET /api/consents/{id}/`.

use domain::link::ListedConsent;
use domain::{ConsentId, Document, LinkId};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

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
        let consent = Consent::read(object.ok_or(BelvoError::Unexpected { what })?)?;
        match consent.id == Some(id) {
            true => Ok(consent),
            false => Err(BelvoError::Unexpected { what }),
        }
    }

    /// Reads all consents a person or company has given the customer. Costs no Open Finance quota.
    pub async fn consents(&self, user_document: &Document) -> Result<Vec<Consent>, BelvoError> {
        let read = async |size: PageSize| {
            let mut consents = Vec::new();
            for number in 1..=MAX_PAGES {
                let mut url = self.url(["api", "consents"]);
                url.query_pairs_mut()
                    .append_pair("user_document", user_document.normalized())
                    .append_pair("page_size", &size.rows().to_string())
                    .append_pair("page", &number.to_string());
                let page = match self.get_list(&url, size, "a page of consents").await {
                    // Belvo's answer for a page after the last one.
                    Err(BelvoError::NotFound { .. }) if number > 1 => break,
                    page => page?,
                };
                let rows = page.rows.len() + page.spoiled.len();
                let last = !page.has_next() || rows == 0;
                for object in page.into_readable() {
                    consents.push(Consent::read(object)?);
                }
                if last {
                    break;
                }
            }
            Ok(consents)
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
    fn read(object: Box<RawValue>) -> Result<Self, BelvoError> {
        let fields: Map<String, Value> = serde_json::from_str(object.get())
            .map_err(|_| BelvoError::Unexpected { what: "a consent" })?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let time = |name: &str| text(name).and_then(domain::moment);
        Ok(Self {
            id: text("id").and_then(|id| ConsentId::parse(id).ok()),
            link_id: text("link_id").and_then(|id| LinkId::parse(id).ok()),
            status: text("status").map(str::to_owned),
            created_at: time("created_at"),
            expires_at: time("expired_at"),
            object,
        })
    }
}
