//! What is known of one resource of a link.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pending::SyncMode;
use super::run::SyncRun;
use super::schedule::later;
use crate::code::Code;
use crate::event::Totals;
use crate::resource::LOADING;

/// What is known of one resource of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    #[serde(default)]
    pub state: ResourceState,
    /// When the last webhook about it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_at: Option<Timestamp>,
    /// The counts and dates of that webhook.
    #[serde(default, skip_serializing_if = "Totals::is_empty")]
    pub announced: Totals,
    /// Whether they are of the whole resource and were not compared with a sync yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced_full: bool,
    /// Whether the last full sync agreed with what was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<TotalsVerdict>,
    /// Belvo's code, if it declined the last sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<Code>,
    /// The sync run that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<SyncRun>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<LastSync>,
    /// When the last full sync started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_full_sync: Option<Timestamp>,
    /// Since when Belvo lists no rows although some are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_since: Option<Timestamp>,
    /// Rows that are stored.
    #[serde(default)]
    pub rows: u64,
    /// Rows of the last full sync that could not be stored.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected_rows: u64,
    /// The first of them: id, or position in the list, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, Code>,
}

/// A sync that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSync {
    pub mode: SyncMode,
    /// Webhooks sent before this moment are covered by the sync.
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
}

/// Where a resource stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceState {
    /// Belvo has not announced it.
    #[default]
    Waiting,
    /// Its first sync is under way.
    Syncing,
    /// Every row Belvo holds is stored.
    Ready,
    /// The same, but for rows that cannot be stored.
    Partial,
    /// Belvo declined, and asking again cannot help. Rows that were stored before are still there.
    Failed,
}

/// What came of comparing a full sync with Belvo's announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalsVerdict {
    /// Counts and dates are the same.
    Agrees,
    /// They differ, also after a second sync.
    Differs,
}

impl Resource {
    /// Whether it was synced, or Belvo declined to give it.
    pub fn is_settled(&self) -> bool {
        self.last_sync.is_some() || self.declined.is_some()
    }

    /// Whether a sync has seen what Belvo fetched from the bank at `accessed_at`: either a webhook
    /// about it was sent after that and a sync started after the webhook, or the sync started so
    /// late that Belvo must have been done.
    pub fn covers(&self, accessed_at: Timestamp) -> bool {
        let Some(started_at) = self.last_sync.map(|it| it.started_at) else {
            return false;
        };
        let announced = self
            .announced_at
            .is_some_and(|at| at >= accessed_at && started_at >= at);
        announced || started_at >= later(accessed_at, LOADING)
    }

    /// Whether a sync of this mode, or a larger one, has started after this moment.
    pub fn synced_since(&self, moment: Timestamp, mode: SyncMode) -> bool {
        let last = self.last_sync.filter(|it| it.mode >= mode);
        let started_at = last.map(|it| it.started_at).or(self.last_full_sync);
        started_at.is_some_and(|at| at > moment)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
