//! Receipts of erasures: what was asked for, and what became of it. No personal data.
//!
//! A second record of each erased link lies under the month of the erasure, so that after a
//! restore from a backup everything erased since can be erased again.

use std::collections::BTreeMap;

use domain::link::EraseMark;
use domain::{ExternalId, Link, LinkId, Month, ReceiptId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::item::{self, Item, expiry};

/// The kind of the record.
pub const KIND: &str = "a receipt";

/// How long a receipt can be asked for: five years, the term in which a consumer may claim
/// (Código de Defesa do Consumidor, art. 27).
pub const KEPT: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);

/// What the sort key begins with. It sorts behind the hex digits of attempts.
pub const PREFIX: &str = "receipt#";

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
    pub listed_at: Option<Timestamp>,
}

/// What became of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Erasure {
    /// When nothing of it was left here.
    pub purged_at: Option<Timestamp>,
    /// When Belvo said that it is gone there.
    pub confirmed_at: Option<Timestamp>,
    /// When nothing was left to be done.
    pub completed_at: Option<Timestamp>,
    /// How many rows of each resource were stored.
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
    pub requested_at: Option<Timestamp>,
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
    pub fn of(link: &Link) -> Self {
        let rows = link.resources.iter().filter(|(_, it)| it.rows > 0);
        Self {
            rows: rows.map(|(kind, it)| (*kind, it.rows)).collect(),
            ..Self::default()
        }
    }
}

/// The key of a receipt.
pub fn key(external_id: &ExternalId, id: ReceiptId) -> Item {
    let id = format!("{PREFIX}{id}");
    item::key(("external_id", external_id), ("session_id", id))
}

/// The whole item of a receipt.
///
/// # Errors
/// [`StoreError::Malformed`] when DynamoDB cannot hold it.
pub fn item(external_id: &ExternalId, receipt: &Receipt) -> Result<Item> {
    let mut item = item::encode(receipt, KIND)?;
    item.extend(key(external_id, receipt.receipt_id));
    let expires_at = expiry(receipt.requested_at, KEPT);
    item.insert("expires_at".to_owned(), expires_at);
    Ok(item)
}

/// The partition of what was erased in a month. `#` is not allowed in an `external_id`, so this is
/// never a user's.
pub fn erased_in(month: Month) -> String {
    format!("ERASED#{month}")
}
