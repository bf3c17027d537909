//! What is kept of a read that lacked many stored rows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That a complete read of a list, or of some days of it, lacked many stored rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingMark {
    /// When the first such read ended.
    pub since: Timestamp,
    /// When the one ended that later ones are compared with.
    pub read_at: Timestamp,
    /// Rows that it gave, and a hash of their ids.
    pub rows: u64,
    pub ids: String,
    /// Whether they name the link.
    pub names_link: bool,
    /// Stored rows that it lacked.
    pub missing: u64,
    /// Whether Belvo has one of them all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl MissingMark {
    /// Whether both reads gave the same rows.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.rows == other.rows && self.ids == other.ids
    }
}
