//! EVENT records: which webhooks came for a link, and what they led to.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Event, ExternalId, LinkId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::resources::ResourceStore;
use crate::value;

/// How long the journal keeps an event: a quarter, the time a dispute about data may come up in.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// One webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When it was queued.
    pub received_at: Timestamp,
    /// The queue's id of the message: delivered twice, it is journaled once.
    pub message_id: String,
    /// What Belvo said.
    pub event: Event,
}

impl ResourceStore {
    /// Writes a webhook into the journal of its link, with what it led to.
    pub async fn put_event(
        &self,
        link: LinkId,
        external_id: &ExternalId,
        entry: &JournalEntry,
        outcome: &str,
    ) -> Result<(), StoreError> {
        let malformed = || StoreError::Malformed { what: "EVENT" };
        let json = serde_json::to_string(&entry.event).map_err(|_| malformed())?;
        let event: Box<RawValue> = serde_json::from_str(&json).map_err(|_| malformed())?;
        let event = value::from_json(&event).map_err(|_| malformed())?;
        let digest = Sha256::digest(&entry.message_id);
        let hash: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        // Three digits of a second always, so that texts sort as times do.
        let time = entry.received_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        let expires_at = entry.received_at.as_second() + KEPT.as_secs();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = HashMap::from([
            ("link_id".to_owned(), text(&link.to_string())),
            ("record".to_owned(), text(&format!("EVENT#{time}#{hash}"))),
            ("external_id".to_owned(), text(external_id.as_str())),
            ("event".to_owned(), event),
            ("outcome".to_owned(), text(outcome)),
            (
                "expires_at".to_owned(),
                AttributeValue::N(expires_at.to_string()),
            ),
        ]);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("writing the journal"))
    }

    /// The journaled webhooks of a link, the oldest first; those that an earlier release wrote in
    /// another form are left out.
    pub async fn events(&self, link: LinkId) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("link_id = :link AND begins_with(#record, :kind)")
            .expression_attribute_names("#record", "record")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
            .expression_attribute_values(":kind", AttributeValue::S("EVENT#".to_owned()))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("reading the journal"))?;
            for item in page.items() {
                let event = item.get("event").map(value::to_json);
                let event = event.and_then(|json| serde_json::from_str(&json).ok());
                events.extend::<Option<Event>>(event);
            }
        }
        Ok(events)
    }
}
