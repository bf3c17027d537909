//! A change of a link that other services are told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::id::{ExternalId, LinkId};
use crate::resource::ResourceKind;

/// A change that a write of LINK, or of a tombstone, tells other services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// The same whenever this very change is written: receivers may get it twice.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// Whose link it is. The pipe reads it here, on LINK and on a tombstone alike.
    pub external_id: ExternalId,
    /// When it was noticed.
    pub at: Timestamp,
    /// Names of the resources that Belvo does not give, separated by commas.
    #[serde(default)]
    pub unavailable: String,
}

/// What has changed. The names are those of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
pub enum ChangeKind {
    /// Each resource that Belvo retrieves for the link is read, or unavailable, for the first time.
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
    pub fn new(
        (link_id, fencing_token): (LinkId, u64),
        external_id: ExternalId,
        kind: ChangeKind,
        at: Timestamp,
    ) -> Self {
        let name: &str = kind.into();
        Self {
            id: format!("{link_id}.{fencing_token}.{name}"),
            kind,
            external_id,
            at,
            unavailable: String::new(),
        }
    }

    /// The same, with the resources that Belvo does not give.
    pub fn lacking(self, kinds: impl Iterator<Item = ResourceKind>) -> Self {
        let names: Vec<&str> = kinds.map(ResourceKind::name).collect();
        Self {
            unavailable: names.join(","),
            ..self
        }
    }
}
