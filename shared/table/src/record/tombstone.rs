//! TOMBSTONE: what remains of an erased link, so that a late webhook does not bring it back, until
//! Belvo says that it is gone there too.

use domain::link::{Backoff, EraseMark, Schedule};
use domain::{ExternalId, Link, LinkId, ReceiptId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::item::{self, Item, expiry};
use crate::record::due;
use crate::record::receipt::{Erasure, ErasureScope};

/// The sort key of the record.
pub const RECORD: &str = "TOMBSTONE";

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
    /// Whose receipt, and under whom rows may lie. Gone once nothing is left to be done. It has
    /// another name than the user of LINK, so that an erased link is in no user's index.
    #[serde(rename = "user")]
    pub external_id: Option<ExternalId>,
    /// When the erasure was asked for. Of a user, what was connected later stays.
    pub requested_at: Option<Timestamp>,
    /// What became of it so far.
    pub erasure: Erasure,
    /// How often Belvo was asked in vain.
    pub backoff: Option<Backoff>,
    /// What remains to be done, and when.
    #[serde(default)]
    pub schedule: Schedule,
}

impl Tombstone {
    /// Of a link that is to be erased.
    pub fn of_link(link: &Link, mark: &EraseMark, external_id: ExternalId) -> Self {
        Self {
            of: ErasureScope::Link,
            link_id: link.link_id,
            receipt_id: mark.receipt_id,
            external_id: Some(external_id),
            requested_at: Some(mark.requested_at),
            erasure: Erasure::of(link),
            backoff: None,
            schedule: Schedule::default(),
        }
    }

    /// Of a user who is to be erased.
    pub fn of_user(mark: &EraseMark, external_id: ExternalId) -> Self {
        let no_link = Link::new(mark.receipt_id.into());
        Self {
            of: ErasureScope::User,
            ..Self::of_link(&no_link, mark, external_id)
        }
    }

    /// What was asked for; at the latest now.
    pub fn mark(&self, now: Timestamp) -> EraseMark {
        EraseMark {
            receipt_id: self.receipt_id,
            requested_at: self.requested_at.unwrap_or(now),
        }
    }
}

/// The key of the record.
pub fn key(link: LinkId) -> Item {
    item::key(("link_id", link), ("record", RECORD))
}

/// The whole item. It expires 90 days after nothing was left to be done.
///
/// # Errors
/// [`StoreError::Malformed`] when DynamoDB cannot hold it.
pub fn item(tombstone: &Tombstone) -> Result<Item> {
    let mut item = item::encode(tombstone, RECORD)?;
    item.extend(key(tombstone.link_id));
    let index = due::index_members(tombstone.link_id, &tombstone.schedule);
    item.extend(index.into_iter().filter_map(|(name, it)| Some((name, it?))));
    if let Some(completed_at) = tombstone.erasure.completed_at {
        item.insert("expires_at".to_owned(), expiry(completed_at, KEPT));
    }
    Ok(item)
}
