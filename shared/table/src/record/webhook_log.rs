//! EVENT: a webhook that came for a link, and what it led to.

use domain::LinkId;
use domain::link::LoggedWebhook;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::item::{self, Item, encode_value, expiry, text};

/// What the sort key of the record begins with.
pub const PREFIX: &str = "EVENT#";

/// How long an entry is kept: a quarter, the time a dispute about data may come up in.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The whole item of a webhook, with what it led to.
///
/// # Errors
/// [`StoreError::Malformed`] when DynamoDB cannot hold the event.
pub fn item(webhook: &LoggedWebhook, link_id: LinkId, outcome: &str) -> Result<Item> {
    let digest = Sha256::digest(&webhook.message_id);
    let hash: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    // Three digits of a second always, so that texts sort as times do.
    let time = webhook.received_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
    let record = format!("{PREFIX}{time}#{hash}");
    let mut item = item::key(("link_id", link_id), ("record", record));
    item.extend(item::of([
        ("event", encode_value(&webhook.event, "EVENT")?),
        ("outcome", text(outcome)),
        ("expires_at", expiry(webhook.received_at, KEPT)),
    ]));
    Ok(item)
}
