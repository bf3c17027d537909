//! What other services are told of a link.
//!
//! The table's stream carries every write of LINK; the pipe of the template makes an event of a
//! write that carries a change. What is to be told is read off LINK and taken off it by the write
//! that tells it. So a job that dies tells everything later, and the same change is told twice
//! only if a job died between a write and its answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::state::Link;
use crate::id::LinkId;
use crate::resource::ResourceKind;

/// A change that a write of LINK, or of a tombstone, tells other services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// The same whenever this very change is written: receivers may get it twice.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// When it was noticed.
    pub at: Timestamp,
}

/// What has changed. The names are those of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
pub enum ChangeKind {
    /// All that Belvo retrieves for the link is stored, for the first time.
    #[serde(rename = "link.ready")]
    #[strum(serialize = "link.ready")]
    LinkReady,
    /// A sync of transactions has written or removed rows.
    #[serde(rename = "transactions.changed")]
    #[strum(serialize = "transactions.changed")]
    TransactionsChanged,
    /// The consent ends within a week, or has ended.
    #[serde(rename = "consent.expiring")]
    #[strum(serialize = "consent.expiring")]
    ConsentExpiring,
    /// Nothing of the link is left here.
    #[serde(rename = "link.erased")]
    #[strum(serialize = "link.erased")]
    LinkErased,
}

/// What is known of rows of TRANSACTIONS since the last event that told of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UntoldRows {
    #[default]
    Unchanged,
    /// A job has died, and may have written rows. The next sync finds them in their places.
    Suspected,
    /// Rows were written or removed.
    Changed,
}

impl ChangeEvent {
    /// A change that the job with this fencing token has noticed. A job tells each kind once.
    pub fn new(link: LinkId, fencing_token: u64, kind: ChangeKind, at: Timestamp) -> Self {
        let name: &str = kind.into();
        Self {
            id: format!("{link}.{fencing_token}.{name}"),
            kind,
            at,
        }
    }
}

impl Link {
    /// Notes whether the job before this one has died without saving LINK.
    pub fn observe_interruption(&mut self) {
        let died = self.updated_at.is_some() && self.saved_token + 1 < self.fencing_token;
        if died && self.untold_rows == UntoldRows::Unchanged {
            self.untold_rows = UntoldRows::Suspected;
        }
    }

    /// Rows of a resource were written or removed.
    pub fn observe_rows(&mut self, kind: ResourceKind, changed: u64) {
        if kind == ResourceKind::Transactions && changed > 0 {
            self.untold_rows = UntoldRows::Changed;
        }
    }

    /// Takes one change off the record that other services were not told of. A link without a user
    /// has none.
    pub fn next_change(&mut self, now: Timestamp) -> Option<ChangeKind> {
        self.external_id.as_ref().filter(|_| self.is_bound())?;
        let changed = self.untold_rows == UntoldRows::Changed;
        if changed && !self.needs_sync(ResourceKind::Transactions) {
            self.untold_rows = UntoldRows::Unchanged;
            return Some(ChangeKind::TransactionsChanged);
        }
        if self.ready_at.is_none() && self.has_loaded() {
            self.ready_at = Some(now);
            return Some(ChangeKind::LinkReady);
        }
        let consent = self.consent.as_mut()?;
        let end = consent.end(now)?;
        if consent.announced_end.as_ref() == Some(&end) {
            return None;
        }
        consent.announced_end = Some(end);
        Some(ChangeKind::ConsentExpiring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_name_is_the_events_name() {
        let link = LinkId::parse("30cb4806-6e00-48a4-91c9-ca55968576c8").unwrap();
        for kind in [
            ChangeKind::LinkReady,
            ChangeKind::TransactionsChanged,
            ChangeKind::ConsentExpiring,
            ChangeKind::LinkErased,
        ] {
            let change = ChangeEvent::new(link, 7, kind, Timestamp::UNIX_EPOCH);
            let stored = serde_json::to_value(&change).unwrap();
            let name: &str = kind.into();
            assert_eq!(stored["type"], name);
            assert_eq!(stored["at"], "1970-01-01T00:00:00Z");
            assert_eq!(stored["id"], format!("{link}.7.{name}"));
        }
    }
}
