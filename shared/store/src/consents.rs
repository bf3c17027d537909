//! CONSENT records: what the user allowed, and until when.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::ConsentChange;
use domain::{ConsentId, ExternalId, LinkId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::resources::ResourceStore;
use crate::value;

/// What LINK repeats of its consent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConsentFacts {
    /// Belvo's id of the consent.
    #[serde(default)]
    pub id: Option<ConsentId>,
    /// The last thing Belvo told about it.
    #[serde(default)]
    pub change: Option<ConsentChange>,
    /// `AUTHORISED`, `EXPIRED`, …; an open set.
    #[serde(default)]
    pub status: Option<String>,
    /// When it runs out; none for an indefinite one.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl ResourceStore {
    /// Writes a consent as Belvo holds it.
    pub async fn put_consent(
        &self,
        link: LinkId,
        external_id: &ExternalId,
        id: ConsentId,
        object: &RawValue,
    ) -> Result<(), StoreError> {
        let record = format!("CONSENT#{id}");
        let data =
            value::from_json(object).map_err(|_| StoreError::Malformed { what: "CONSENT" })?;
        let text = |text: String| AttributeValue::S(text);
        let item = HashMap::from([
            ("link_id".to_owned(), text(link.to_string())),
            ("user_record".to_owned(), text(format!("{link}#{record}"))),
            ("record".to_owned(), text(record)),
            ("external_id".to_owned(), text(external_id.to_string())),
            ("data".to_owned(), data),
        ]);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("writing a consent"))
    }
}
