//! That an operator has heard of a code of Belvo's today.

use domain::Code;
use domain::link::utc_day;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::item::{self, Item, expiry};
use crate::{Result, Table, Update};

/// The day is over by then, wherever a job runs.
const KEPT: SignedDuration = SignedDuration::from_hours(2 * 24);

/// Notes that a code was heard today, and says whether it is for the first time.
pub async fn hear(table: &Table, code: &Code, now: Timestamp) -> Result<bool> {
    let update = Update::of(key(code, utc_day(now)))
        .set("expires_at", expiry(now, KEPT))
        .when("attribute_not_exists(session_id)");
    table.update(update, "noting that a code was heard").await
}

/// The key of a code and a day. `#` is not allowed in an `external_id`, so this is never a user's.
fn key(code: &Code, day: Date) -> Item {
    let (code, day) = (format!("CODE#{code}"), format!("day#{day}"));
    item::key(("external_id", code), ("session_id", day))
}
