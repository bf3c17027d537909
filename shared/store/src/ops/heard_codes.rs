//! Codes of Belvo's that an operator has heard of.

use domain::Code;
use jiff::Timestamp;
use table::Result;
use table::record::heard_code;

use crate::stores::ConnectionStore;

impl ConnectionStore {
    /// Notes that a code was heard today, and says whether it is for the first time.
    pub async fn hear_code(&self, code: &Code, now: Timestamp) -> Result<bool> {
        heard_code::hear(&self.table, code, now).await
    }
}
