//! An attempt to connect: [`AttemptRecord`], as it is stored.

use domain::{AttemptRecord, ExternalId, SessionId};
use jiff::{SignedDuration, Timestamp};

use crate::error::Result;
use crate::item::{self, Item};
use crate::query::{self, Keys};
use crate::table::Table;

/// The kind of the record.
pub const KIND: &str = "an attempt";

/// How long an attempt is kept: as long as its user may ask what happened.
pub const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Session ids are hex digits; counters, receipts and the like sort behind this.
const BEHIND: &str = "g";

/// The key of the record.
pub fn key(external_id: &ExternalId, session_id: &SessionId) -> Item {
    let session_id = session_id.as_str();
    item::key(("external_id", external_id), ("session_id", session_id))
}

/// The key of the note that a user was erased. Attempts that began before are void.
pub fn erased_key(external_id: &ExternalId) -> Item {
    item::key(("external_id", external_id), ("session_id", "user#erased"))
}

/// The attempts of a user that began at `since` or later, as of now.
pub async fn find_since(
    table: &Table,
    external_id: &ExternalId,
    since: Timestamp,
) -> Result<Vec<AttemptRecord>> {
    // A sort key is not empty, and a blank sorts before all of ours.
    let keys = Keys::Between(" ".to_owned(), BEHIND.to_owned());
    let query = table.query(("external_id", external_id), ("session_id", keys));
    let query = query.consistent_read(true);
    let mut attempts: Vec<AttemptRecord> = query::records(query, KIND, "reading attempts").await?;
    attempts.retain(|it| it.attempt.started_at >= since);
    Ok(attempts)
}
