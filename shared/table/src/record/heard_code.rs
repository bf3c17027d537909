//! That an operator has heard of a code of Belvo's today.

use domain::Code;
use jiff::civil::Date;

use crate::item::{self, Item};

/// The key of a code and a day. `#` is not allowed in an `external_id`, so this is never a user's.
pub fn key(code: &Code, day: Date) -> Item {
    let (code, day) = (format!("CODE#{code}"), format!("day#{day}"));
    item::key(("external_id", code), ("session_id", day))
}
