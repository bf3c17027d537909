//! What was spent of the monthly Open Finance limits, as far as it was us.
//!
//! Banks count what is read for a CPF or CNPJ, resource by resource, each month (Belvo: "Open
//! Finance Network Limits (Brazil)"). Connecting a bank reads everything once, and so does a
//! refresh. Each of them is counted once, however often its job runs.

use std::collections::BTreeMap;

use domain::{DocumentHash, Month, Quota};
use jiff::SignedDuration;

use crate::item::{self, Item};

/// How long a month's counters are kept after its end.
pub const KEPT: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How much was spent.
pub type Spent = BTreeMap<Quota, u64>;

/// The partition of a CPF or CNPJ. `#` is not allowed in an `external_id`, so this is never a
/// user's.
pub fn partition(document: &DocumentHash) -> String {
    format!("DOCUMENT#{}", document.as_str())
}

/// The key of a month's counters.
pub fn key(document: &DocumentHash, month: Month) -> Item {
    let month = format!("month#{month}");
    item::key(("external_id", partition(document)), ("session_id", month))
}
