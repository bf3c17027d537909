//! CONSENT records: what the user allowed, and until when.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::ConsentChange;
use domain::{ConsentId, ExternalId, LinkId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::resources::{Hold, ResourceStore};
use crate::row;
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

/// The consents that are stored of a link: for each id, a hash of what is stored.
pub type StoredConsents = HashMap<ConsentId, Vec<u8>>;

impl ResourceStore {
    /// Reads ids and hashes of a link's consents.
    pub async fn consents(&self, link: LinkId) -> Result<StoredConsents, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("link_id = :link AND begins_with(#record, :kind)")
            .projection_expression("#record, #hash")
            .expression_attribute_names("#record", "record")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
            .expression_attribute_values(":kind", AttributeValue::S("CONSENT#".to_owned()))
            .into_paginator()
            .send();
        let mut stored = StoredConsents::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("reading consents"))?;
            for item in page.items() {
                let record = item.get("record").and_then(|it| it.as_s().ok());
                let id = record.and_then(|it| it.strip_prefix("CONSENT#"));
                let id = id.and_then(|id| ConsentId::parse(id).ok());
                // One of an earlier release has no hash, and is written again.
                let hash = item.get("hash").and_then(|it| it.as_b().ok());
                let hash = hash.map(|it| it.as_ref().to_vec()).unwrap_or_default();
                stored.extend(id.map(|id| (id, hash)));
            }
        }
        Ok(stored)
    }

    /// Writes a consent as Belvo holds it, unless that is what is stored. Says whether it can be
    /// stored at all.
    pub async fn put_consent(
        &self,
        link: LinkId,
        external_id: &ExternalId,
        id: ConsentId,
        object: &RawValue,
        stored: &StoredConsents,
    ) -> Result<bool, StoreError> {
        let Ok(data @ AttributeValue::M(_)) = value::from_json(object) else {
            return Ok(false);
        };
        let hash = row::hash(&data);
        if stored.get(&id).is_some_and(|it| *it == hash) {
            return Ok(true);
        }
        let record = record(id);
        let text = |text: String| AttributeValue::S(text);
        let item = HashMap::from([
            ("link_id".to_owned(), text(link.to_string())),
            ("user_record".to_owned(), text(format!("{link}#{record}"))),
            ("record".to_owned(), text(record)),
            ("external_id".to_owned(), text(external_id.to_string())),
            ("hash".to_owned(), AttributeValue::B(Blob::new(hash))),
            ("data".to_owned(), data),
        ]);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| true)
            .map_err(StoreError::failed("writing a consent"))
    }

    /// Removes a consent that Belvo says is no more.
    pub async fn remove_consent(&self, hold: Hold, id: ConsentId) -> Result<(), StoreError> {
        let deletion = self.deletion(hold.link_id, &record(id))?;
        self.change_together(hold, vec![deletion], "removing a consent")
            .await
    }
}

fn record(id: ConsentId) -> String {
    format!("CONSENT#{id}")
}
