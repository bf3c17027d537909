//! What other services are told of a link.
//!
//! The table's stream carries every write of LINK; the pipe of the template makes an event of
//! those that carry a change. So a change is on the record for one write only: the job that wrote
//! it takes it away with its next write, and the next job with its first
//! ([`ResourceStore::begin`](crate::ResourceStore::begin)).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resources::Hold;

/// Something that other services are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The same whenever this very change is written, and of no other: receivers may get it twice.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// When it was noticed.
    pub at: Timestamp,
}

/// What has changed. The names are those of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeKind {
    /// All that Belvo retrieves for the link is stored, for the first time.
    #[serde(rename = "link.ready")]
    LinkReady,
    /// A read of transactions has written or removed rows.
    #[serde(rename = "transactions.changed")]
    TransactionsChanged,
    /// The consent ends within a week, or has ended.
    #[serde(rename = "consent.expiring")]
    ConsentExpiring,
    /// Nothing is left of the link here.
    #[serde(rename = "link.erased")]
    LinkErased,
}

impl ChangeKind {
    fn name(self) -> &'static str {
        match self {
            Self::LinkReady => "link.ready",
            Self::TransactionsChanged => "transactions.changed",
            Self::ConsentExpiring => "consent.expiring",
            Self::LinkErased => "link.erased",
        }
    }
}

impl Change {
    /// A change that the job of this hold has noticed. A job tells of each kind once at most.
    pub fn new(hold: Hold, kind: ChangeKind, at: Timestamp) -> Self {
        Self {
            id: format!("{}.{}.{}", hold.link_id, hold.epoch, kind.name()),
            kind,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::LinkId;

    #[test]
    fn the_stored_name_is_the_events_name() {
        let link_id = LinkId::parse("30cb4806-6e00-48a4-91c9-ca55968576c8").unwrap();
        let hold = Hold { link_id, epoch: 7 };
        for kind in [
            ChangeKind::LinkReady,
            ChangeKind::TransactionsChanged,
            ChangeKind::ConsentExpiring,
            ChangeKind::LinkErased,
        ] {
            let change = Change::new(hold, kind, Timestamp::UNIX_EPOCH);
            let stored = serde_json::to_value(&change).unwrap();
            assert_eq!(stored["type"], kind.name());
            assert_eq!(stored["at"], "1970-01-01T00:00:00Z");
            assert_eq!(stored["id"], format!("{link_id}.7.{}", kind.name()));
        }
    }
}
