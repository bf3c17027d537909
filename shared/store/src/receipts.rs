//! Receipts of erasures: what was asked for, and what became of it. No personal data.
//!
//! A second record of each erased link lies under the month of the erasure, so that after a
//! restore from a backup everything erased since can be erased again.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{ExternalId, LinkId, Month, ReceiptId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::attempts::ConnectionStore;
use crate::erasure::attributes;
use crate::error::{self, StoreError};
use crate::link::{EraseMark, LinkRecord};
use crate::value;

/// How long a receipt can be asked for: five years, the term in which a consumer may claim
/// (Código de Defesa do Consumidor, art. 27).
const KEPT: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);

/// What an erasure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureScope {
    /// One link.
    Link,
    /// Everything of a user.
    User,
}

/// The receipt of an erasure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub receipt_id: ReceiptId,
    /// What it is about.
    pub scope: ErasureScope,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The links, and what became of each.
    #[serde(default)]
    pub links: BTreeMap<LinkId, Erasure>,
    /// When Belvo was asked for links of the user that we never heard of.
    #[serde(default)]
    pub listed_at: Option<Timestamp>,
}

/// What became of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// When nothing of it was left here.
    #[serde(default)]
    pub purged_at: Option<Timestamp>,
    /// When Belvo said that it is gone there.
    #[serde(default)]
    pub confirmed_at: Option<Timestamp>,
    /// When nothing was left to be done.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// How many rows of each resource were stored.
    #[serde(default)]
    pub rows: BTreeMap<ResourceKind, u64>,
}

/// An erasure of a month: of a link, or of a user.
#[derive(Clone, Debug, Deserialize)]
pub struct Erased {
    /// What was erased.
    pub of: ErasureScope,
    /// The link; of a user, the receipt's id, which is no link's.
    #[serde(rename = "session_id")]
    pub link_id: LinkId,
    /// Whose.
    #[serde(rename = "user")]
    pub external_id: ExternalId,
    /// Its receipt.
    pub receipt_id: ReceiptId,
    /// When it was asked for.
    #[serde(default)]
    pub requested_at: Option<Timestamp>,
}

/// An item of the table of attempts, for a transaction that changes another table too.
pub(crate) struct ConnectionStoreItem {
    pub(crate) table: String,
    pub(crate) item: HashMap<String, AttributeValue>,
}

impl Receipt {
    /// A receipt of what has just been asked for.
    pub fn new(
        receipt_id: ReceiptId,
        scope: ErasureScope,
        links: impl IntoIterator<Item = LinkId>,
        now: Timestamp,
    ) -> Self {
        let links = links.into_iter().map(|id| (id, Erasure::default()));
        Self {
            receipt_id,
            scope,
            requested_at: now,
            links: links.collect(),
            listed_at: None,
        }
    }

    /// The mark its links carry.
    pub fn mark(&self) -> EraseMark {
        EraseMark {
            receipt_id: self.receipt_id,
            requested_at: self.requested_at,
        }
    }
}

impl Erasure {
    /// What is known before anything is removed: how much there is.
    pub fn of(link: &LinkRecord) -> Self {
        let rows = link.resources.iter().filter(|(_, it)| it.rows > 0);
        Self {
            rows: rows.map(|(kind, it)| (*kind, it.rows)).collect(),
            ..Self::default()
        }
    }
}

impl ConnectionStore {
    /// A user's receipt.
    pub async fn receipt(
        &self,
        external_id: &ExternalId,
        id: ReceiptId,
    ) -> Result<Option<Receipt>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(external_id, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::failed("reading a receipt"))?;
        answer.item.map(read).transpose()
    }

    /// Files a receipt.
    pub async fn put_receipt(
        &self,
        external_id: &ExternalId,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let ConnectionStoreItem { table, item } = self.receipt_item(external_id, receipt)?;
        self.client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("filing a receipt"))
    }

    /// Files a receipt unless there is one with its id: for an erasure that nobody has asked the
    /// API for, or whose receipt did not come back with a backup.
    pub async fn put_missing_receipt(
        &self,
        external_id: &ExternalId,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let ConnectionStoreItem { table, item } = self.receipt_item(external_id, receipt)?;
        let result = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(session_id)")
            .send()
            .await;
        error::whether_written(result, "filing a receipt").map(|_| ())
    }

    pub(crate) fn receipt_item(
        &self,
        external_id: &ExternalId,
        receipt: &Receipt,
    ) -> Result<ConnectionStoreItem, StoreError> {
        let AttributeValue::M(mut item) = attributes(receipt)? else {
            return Err(StoreError::Malformed { what: "a receipt" });
        };
        item.extend(key(external_id, receipt.receipt_id));
        let expires_at = receipt.requested_at.as_second() + KEPT.as_secs();
        item.insert(
            "expires_at".to_owned(),
            AttributeValue::N(expires_at.to_string()),
        );
        Ok(ConnectionStoreItem {
            table: self.table.clone(),
            item,
        })
    }

    /// All receipts of a user that were asked for no later than this one.
    pub async fn receipts_until(
        &self,
        external_id: &ExternalId,
        requested_at: Timestamp,
    ) -> Result<Vec<Receipt>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("external_id = :user AND begins_with(session_id, :receipts)")
            .expression_attribute_values(":user", AttributeValue::S(external_id.to_string()))
            .expression_attribute_values(":receipts", AttributeValue::S(PREFIX.to_owned()))
            .into_paginator()
            .send();
        let mut receipts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("reading receipts"))?;
            for item in page.items.unwrap_or_default() {
                receipts.push(read::<Receipt>(item)?);
            }
        }
        receipts.retain(|it| it.requested_at <= requested_at);
        Ok(receipts)
    }

    /// Enters a link that is to be erased, unless it is there.
    pub async fn enter_link(
        &self,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        link: LinkId,
    ) -> Result<(), StoreError> {
        let update = "SET links.#link = if_not_exists(links.#link, :erasure)";
        self.enter(external_id, receipt_id, link, update, &Erasure::default())
            .await
    }

    /// Enters what became of a link. A receipt that is no more is not made anew.
    pub async fn enter_erasure(
        &self,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        link: LinkId,
        erasure: &Erasure,
    ) -> Result<(), StoreError> {
        let update = "SET links.#link = :erasure";
        self.enter(external_id, receipt_id, link, update, erasure)
            .await
    }

    async fn enter(
        &self,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        link: LinkId,
        update: &str,
        erasure: &Erasure,
    ) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(external_id, receipt_id)))
            .update_expression(update)
            .condition_expression("attribute_exists(links)")
            .expression_attribute_names("#link", link.to_string())
            .expression_attribute_values(":erasure", attributes(erasure)?)
            .send()
            .await;
        error::whether_written(result, "entering an erasure").map(|_| ())
    }

    /// Enters that Belvo was asked for links we never heard of.
    pub async fn enter_listed(
        &self,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(external_id, receipt_id)))
            .update_expression("SET listed_at = :now")
            .condition_expression("attribute_exists(links)")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .send()
            .await;
        error::whether_written(result, "entering a list").map(|_| ())
    }

    /// Remembers under the month that a link was erased, or a user; the mark says on what request.
    pub async fn put_erased(
        &self,
        of: ErasureScope,
        link: LinkId,
        external_id: &ExternalId,
        mark: &EraseMark,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let expires_at = now.as_second() + KEPT.as_secs();
        let text = |text: String| AttributeValue::S(text);
        self.client
            .put_item()
            .table_name(&self.table)
            .item("external_id", text(erased_in(Month::of(now))))
            .item("session_id", text(link.to_string()))
            .item("of", attributes(&of)?)
            .item("user", text(external_id.to_string()))
            .item("receipt_id", text(mark.receipt_id.to_string()))
            .item("requested_at", text(mark.requested_at.to_string()))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("remembering an erasure"))
    }

    /// At most a megabyte of what was erased in a month, behind `after`; the last one tells
    /// where to go on.
    pub async fn erased(
        &self,
        month: Month,
        after: Option<LinkId>,
    ) -> Result<Vec<Erased>, StoreError> {
        let after = after.map(|id| id.to_string());
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("external_id = :month AND session_id > :after")
            .expression_attribute_values(":month", AttributeValue::S(erased_in(month)))
            .expression_attribute_values(
                ":after",
                AttributeValue::S(after.unwrap_or_else(|| " ".to_owned())),
            )
            .send()
            .await
            .map_err(StoreError::failed("reading what was erased"))?;
        let items = answer.items.unwrap_or_default().into_iter();
        items.map(read).collect()
    }
}

fn read<T: DeserializeOwned>(item: HashMap<String, AttributeValue>) -> Result<T, StoreError> {
    let json = value::to_json(&AttributeValue::M(item));
    serde_json::from_str(&json).map_err(|_| StoreError::Malformed { what: "a receipt" })
}

/// `#` is not allowed in an `external_id`, so this is never a user's key.
fn erased_in(month: Month) -> String {
    format!("ERASED#{month}")
}

fn key(external_id: &ExternalId, id: ReceiptId) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (
            "external_id".to_owned(),
            AttributeValue::S(external_id.to_string()),
        ),
        (
            "session_id".to_owned(),
            AttributeValue::S(format!("{PREFIX}{id}")),
        ),
    ])
}

/// Sorts behind the hex digits of attempts.
pub(crate) const PREFIX: &str = "receipt#";
