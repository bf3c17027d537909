//! CONSENT records: what the user allowed, and until when.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{ConsentId, LinkId};
use serde_json::value::RawValue;
use table::item::{text, text_of};
use table::query::{self, Keys};
use table::record::consent::{self, PREFIX};
use table::{Result, row, value};

use crate::fence;
use crate::lease::BoundLink;
use crate::stores::LinkStore;

/// The consents that are stored of a link: for each id, a hash of what is stored.
pub type ConsentIndex = HashMap<ConsentId, Vec<u8>>;

impl LinkStore {
    /// Reads ids and hashes of a link's consents, as of now.
    pub async fn consent_index(&self, link: LinkId) -> Result<ConsentIndex> {
        let keys = Keys::Starting(PREFIX.to_owned());
        let query = self
            .table
            .query(("link_id", link), ("record", keys))
            .consistent_read(true)
            .projection_expression("#record, #hash")
            .expression_attribute_names("#hash", "hash");
        let items = query::all(query, "reading consents").await?;
        let entries = items.iter().filter_map(|item| {
            let id = consent::parse_sort_key(text_of(item, "record")?)?;
            // One without a hash is written again.
            let hash = item.get("hash").and_then(|it| it.as_b().ok());
            Some((id, hash.map(|it| it.as_ref().to_vec()).unwrap_or_default()))
        });
        Ok(entries.collect())
    }

    /// Writes a consent as Belvo holds it, unless that is what is stored. Says whether it can be
    /// stored at all.
    pub async fn put_consent(
        &self,
        link: &BoundLink,
        id: ConsentId,
        object: &RawValue,
        index: &ConsentIndex,
    ) -> Result<bool> {
        let Ok(AttributeValue::M(data)) = value::from_json(object) else {
            return Ok(false);
        };
        let hash = row::hash(&data);
        if index.get(&id).is_none_or(|stored| *stored != hash) {
            let mut item = consent::key(link.lease.link_id, id);
            item.extend(row::content(hash, data));
            // It puts the consent into the user's index.
            item.insert("external_id".to_owned(), text(&link.external_id));
            self.table.put(item, "writing a consent").await?;
        }
        Ok(true)
    }

    /// Removes a consent that Belvo says is no more.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has acquired the link.
    pub async fn remove_consent(&self, link: &BoundLink, id: ConsentId) -> Result<()> {
        let key = consent::key(link.lease.link_id, id);
        let changes = vec![self.table.deleting(key, None)?];
        fence::change(&self.table, link.lease, changes, "removing a consent").await
    }
}
