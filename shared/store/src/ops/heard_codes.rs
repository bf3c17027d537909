//! Codes of Belvo's that an operator has heard of.

use domain::Code;
use domain::link::utc_day;
use jiff::{SignedDuration, Timestamp};
use table::item::expiry;
use table::record::heard_code;
use table::{Result, Update};

use crate::stores::ConnectionStore;

/// The day is over by then, wherever a job runs.
const KEPT: SignedDuration = SignedDuration::from_hours(2 * 24);

impl ConnectionStore {
    /// Notes that a code was heard today, and says whether it is for the first time.
    pub async fn hear_code(&self, code: &Code, now: Timestamp) -> Result<bool> {
        let update = Update::of(heard_code::key(code, utc_day(now)))
            .set("expires_at", expiry(now, KEPT))
            .when("attribute_not_exists(session_id)");
        self.table
            .update(update, "noting that a code was heard")
            .await
    }
}
