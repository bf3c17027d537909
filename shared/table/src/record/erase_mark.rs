//! The mark of a link that its user wants erased.
//!
//! It makes the link unreadable at once and stops every write of LINK; the link is due from then
//! on. A job purges what is stored and leaves a tombstone.

use domain::link::EraseMark;
use domain::{ExternalId, LinkId};

use crate::error::Result;
use crate::item::{encode_value, text};
use crate::record::{due, link};
use crate::update::Update;

/// A condition of a mark: the link is this user's.
pub const OF_USER: &str = "external_id = :external_id";

/// A condition of a mark: the link is this user's, or without a user here. It becomes this user's.
pub const OF_USER_OR_UNCLAIMED: &str =
    "(attribute_not_exists(external_id) OR external_id = :external_id)";

/// Marks a link for erasure, if it fulfils one of these conditions and was not marked before.
///
/// The mark makes the link due at once: should no job be queued, the sweeper queues one.
///
/// # Errors
/// [`StoreError::Malformed`] when DynamoDB cannot hold the mark.
pub fn marking(
    external_id: &ExternalId,
    link: LinkId,
    mark: &EraseMark,
    condition: &str,
) -> Result<Update> {
    let (shard, at) = due::due(link, mark.requested_at);
    let update = Update::of(link::key(link))
        .set("erase", encode_value(mark, link::RECORD)?)
        .set("due_at", at)
        .set("due_shard", shard)
        .set("external_id", text(external_id))
        // What the last job has told others is not told again.
        .remove("change")
        .when(format!("{condition} AND attribute_not_exists(#erase)"));
    Ok(update)
}
