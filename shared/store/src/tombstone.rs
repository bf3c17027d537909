//! What remains of an erased link, so that a late webhook does not bring it back, until Belvo says
//! that it is gone there too.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, Put, TransactWriteItem, WriteRequest,
};
use domain::{ExternalId, LinkId, ReceiptId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::agenda::{self, Agenda};
use crate::change::Change;
use crate::erasure::attributes;
use crate::error::StoreError;
use crate::link::{EraseMark, RECORD};
use crate::links;
use crate::receipts::{Erasure, ErasureScope};
use crate::resources::{Hold, ResourceStore, incomplete};
use crate::{batch, value};

/// The sort key of what remains.
const TOMBSTONE: &str = "TOMBSTONE";

/// How long webhooks of an erased link may still come.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// All that remains of an erased link; or of a user, while Belvo may still have links of theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tombstone {
    /// What it is of.
    pub of: ErasureScope,
    /// The link. A user's lies under the id of the receipt, which is no link's.
    pub link_id: LinkId,
    /// The receipt that says what became of it.
    pub receipt_id: ReceiptId,
    /// Whose receipt. Gone once nothing is left to be done.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// When the erasure was asked for. Of a user, what was connected later stays.
    #[serde(default)]
    pub requested_at: Option<Timestamp>,
    /// What became of it so far.
    pub erasure: Erasure,
    /// How often Belvo was asked in vain.
    #[serde(default)]
    pub failures: u32,
    /// What remains to be done, and when.
    #[serde(default)]
    pub agenda: Agenda,
}

impl Tombstone {
    /// Of a link of which nothing is left here.
    pub fn of_link(
        link_id: LinkId,
        mark: &EraseMark,
        external_id: ExternalId,
        erasure: Erasure,
    ) -> Self {
        Self {
            of: ErasureScope::Link,
            link_id,
            receipt_id: mark.receipt_id,
            external_id: Some(external_id),
            requested_at: Some(mark.requested_at),
            erasure,
            failures: 0,
            agenda: Agenda::default(),
        }
    }

    /// Of a user who is to be erased.
    pub fn of_user(
        external_id: ExternalId,
        receipt_id: ReceiptId,
        requested_at: Timestamp,
    ) -> Self {
        Self {
            of: ErasureScope::User,
            link_id: receipt_id.into(),
            receipt_id,
            external_id: Some(external_id),
            requested_at: Some(requested_at),
            erasure: Erasure::default(),
            failures: 0,
            agenda: Agenda::default(),
        }
    }
}

impl ResourceStore {
    /// What remains of a link, if it was erased.
    pub async fn tombstone(&self, link: LinkId) -> Result<Option<Tombstone>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(link)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::failed("looking for a tombstone"))?;
        let malformed = |_| StoreError::Malformed { what: TOMBSTONE };
        let read = |item| serde_json::from_str(&value::to_json(&AttributeValue::M(item)));
        answer.item.map(read).transpose().map_err(malformed)
    }

    /// Removes up to a megabyte of what is stored of a link, but for LINK and TOMBSTONE. Says
    /// whether anything was there.
    pub async fn purge_some(&self, link: LinkId) -> Result<bool, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("link_id = :link")
            .projection_expression("#record")
            .expression_attribute_names("#record", "record")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
            .send()
            .await
            .map_err(StoreError::failed("reading what is to be purged"))?;
        let records = page
            .items()
            .iter()
            .filter_map(|it| it.get("record")?.as_s().ok());
        let records = records.filter(|record| *record != RECORD && *record != TOMBSTONE);
        let requests: Result<Vec<_>, _> = records.map(|record| delete(link, record)).collect();
        let requests = requests?;
        let found = !requests.is_empty();
        batch::write(&self.client, &self.table, requests).await?;
        Ok(found || page.last_evaluated_key().is_some())
    }

    /// Replaces LINK, of which nothing else is left, by a tombstone, and tells others. No later
    /// write of the tombstone does.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has begun.
    pub async fn bury(
        &self,
        hold: Hold,
        tombstone: &Tombstone,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut item = item(tombstone)?;
        item.insert("change".to_owned(), attributes(change)?);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .build()
            .map_err(incomplete)?;
        // The condition takes the place of the check that other changes of a link come with: a
        // transaction takes no record twice.
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(links::key(hold.link_id)))
            .condition_expression("#epoch = :epoch")
            .expression_attribute_names("#epoch", "epoch")
            .expression_attribute_values(":epoch", AttributeValue::N(hold.epoch.to_string()))
            .build()
            .map_err(incomplete)?;
        let changes = vec![
            TransactWriteItem::builder().delete(delete).build(),
            TransactWriteItem::builder().put(put).build(),
        ];
        self.transact(changes, "burying a link").await
    }

    /// Writes a tombstone anew.
    pub async fn put_tombstone(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(tombstone)?))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("writing a tombstone"))
    }

    /// Drops the LINK record that a job on an erased link has just made.
    pub(crate) async fn forget_link(&self, link: LinkId) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(links::key(link)))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("forgetting a link"))
    }
}

pub(crate) fn key(link: LinkId) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("link_id".to_owned(), AttributeValue::S(link.to_string())),
        ("record".to_owned(), AttributeValue::S(TOMBSTONE.to_owned())),
    ])
}

fn item(tombstone: &Tombstone) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let AttributeValue::M(mut item) = attributes(tombstone)? else {
        return Err(StoreError::Malformed { what: TOMBSTONE });
    };
    item.extend(key(tombstone.link_id));
    let index = agenda::index_attributes(tombstone.link_id, &tombstone.agenda);
    item.extend(index.into_iter().filter_map(|(name, it)| Some((name, it?))));
    if let Some(completed_at) = tombstone.erasure.completed_at {
        let expires_at = completed_at.as_second() + KEPT.as_secs();
        item.insert(
            "expires_at".to_owned(),
            AttributeValue::N(expires_at.to_string()),
        );
    }
    Ok(item)
}

fn delete(link: LinkId, record: &str) -> Result<WriteRequest, StoreError> {
    let request = DeleteRequest::builder()
        .key("link_id", AttributeValue::S(link.to_string()))
        .key("record", AttributeValue::S(record.to_owned()))
        .build()
        .map_err(incomplete)?;
    Ok(WriteRequest::builder().delete_request(request).build())
}
