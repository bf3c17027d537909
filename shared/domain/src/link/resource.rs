//! One resource of a link: its announcements, its syncs, and how complete its rows are.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::backoff::{Backoff, LastError};
use super::missing_mark::MissingMark;
use super::pace::Pace;
use super::pending::SyncMode;
use super::schedule::later;
use super::tally::Tally;
use crate::code::Code;
use crate::event::Totals;
use crate::resource::LOADING;

/// The queue stamps a job and we stamp a sync with different clocks.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// One resource of a link: its announcements, its syncs, and how complete its rows are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    pub state: ResourceState,
    /// When the last webhook about it was sent.
    pub announced_at: Option<Timestamp>,
    /// The counts and dates of that webhook.
    #[serde(skip_serializing_if = "Totals::is_empty")]
    pub announced: Totals,
    /// Whether they are of the whole resource and were not compared with a sync yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub announced_full: bool,
    /// New rows that webhooks have announced and that no sync has looked for yet.
    #[serde(skip_serializing_if = "is_zero")]
    pub announced_new: u64,
    /// How many rows there are, as Belvo has said last: by a webhook, or by the count of its list.
    pub announced_rows: Option<u64>,
    /// Whether the rows agree with that.
    pub totals: Option<TotalsVerdict>,
    /// That Belvo's list gives other rows than it counts.
    pub miscount: Option<Miscount>,
    /// Belvo's code, if it declined the last sync.
    pub declined: Option<Code>,
    /// A code that is not known, with which Belvo refuses the resource; since when, and how often.
    pub refused: Option<LastError>,
    /// How often webhooks that announced the same again have led to a read.
    pub pace: Option<Pace>,
    /// A sync that is put off. Another reason to sync takes it along.
    pub deferred: Option<Deferred>,
    /// The sync run that is under way.
    pub run: Option<SyncRun>,
    pub last_sync: Option<LastSync>,
    /// When the last full sync started.
    pub last_full_sync: Option<Timestamp>,
    /// Since when Belvo lists no rows although some are stored.
    pub empty_since: Option<Timestamp>,
    /// The days of which full reads lack many stored rows. Those stay until they are proven to be gone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, MissingMark>,
    /// Accounts or investments that their own list has lost, the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Rows that are stored.
    pub rows: u64,
    /// Raised whenever one of them was written or removed.
    #[serde(skip_serializing_if = "is_zero")]
    pub revision: u64,
    /// Rows of the last full sync that could not be stored, or of a read given up since.
    #[serde(skip_serializing_if = "is_zero")]
    pub rejected_rows: u64,
    /// The first of them: id, or position in the list, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, Code>,
}

/// A sync that is under way. It may take more than one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    pub mode: SyncMode,
    pub started_at: Timestamp,
    /// Webhooks sent before this moment are covered. Both times are the queue's.
    pub covers_until: Option<Timestamp>,
    /// The counts and dates of the whole resource that this run is compared with.
    pub announced: Option<Totals>,
    /// New rows that webhooks have announced.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub announced_new: u64,
    /// Whether it is the second try, after the first one disagreed with something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
    /// The most rows read at once; a longer list is divided by date.
    pub chunk_size: u64,
    /// Movements dated before this day remain to be read; `None` before the first chunk.
    pub cursor: Option<Date>,
    /// Since when every row is stored under some key, if an earlier try of this run saw to that.
    pub rows_known_at: Option<Timestamp>,
    #[serde(default)]
    pub tally: Tally,
    /// The days of which it lacks many stored rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, MissingMark>,
    /// Whether rows may be stored beside others that have taken their place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settling: bool,
}

/// A list gives other rows than Belvo counts, also where it was read a second way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miscount {
    /// How many more rows Belvo counts.
    pub rows: i64,
    /// Since when, and how often it was read so.
    #[serde(flatten)]
    pub backoff: Backoff,
}

/// A sync that is put off to a later time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    pub mode: SyncMode,
    pub until: Timestamp,
}

/// A sync that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSync {
    pub mode: SyncMode,
    pub started_at: Timestamp,
    /// Webhooks sent before this moment are covered by the sync. Both times are the queue's.
    pub covers_until: Option<Timestamp>,
    pub ended_at: Timestamp,
    /// New rows that it found and no webhook had announced.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub surplus: u64,
}

/// Where a resource stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ResourceState {
    /// Belvo has not announced it.
    #[default]
    Waiting,
    /// Its first sync is under way.
    Syncing,
    /// Every row Belvo holds is stored.
    Ready,
    /// The same, but for rows that cannot be stored, or that Belvo counts and does not give.
    Partial,
    /// Belvo declined, and asking again does not help before there is news. Rows that were stored
    /// before are still there.
    #[serde(alias = "failed")]
    Unavailable,
}

/// What came of comparing the rows with what Belvo says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TotalsVerdict {
    /// Counts and dates are the same.
    Agrees,
    /// They differ, also after a second read.
    Differs,
}

impl Resource {
    /// Whether it was synced, or Belvo declined to give it.
    pub fn is_settled(&self) -> bool {
        self.last_sync.is_some() || self.declined.is_some()
    }

    /// Whether it was read, and no row of it has ever come.
    pub fn was_always_empty(&self) -> bool {
        let is_empty = self.rows == 0 && self.rejected_rows == 0 && self.revision == 0;
        is_empty && self.last_sync.is_some() && self.declined.is_none()
    }

    /// Whether stored rows may be gone at Belvo: others may stand beside them that take their place.
    pub fn is_settling(&self) -> bool {
        !self.missing.is_empty() || self.run.as_ref().is_some_and(|it| it.settling)
    }

    /// Its rows are, or may be, others than before.
    pub(super) fn revise(&mut self) {
        self.revision = self.revision.saturating_add(1);
    }

    /// Takes the announcement of the whole resource back from a run that did not come to be compared
    /// with it.
    pub(super) fn announce_again(&mut self, announced: Option<Totals>) {
        if let Some(announced) = announced {
            self.announced = announced;
            self.announced_full = true;
        }
    }

    /// Whether a sync has seen what Belvo fetched from the bank at `accessed_at`: either a webhook
    /// about it was sent after that and a sync started after the webhook, or the sync started so
    /// late that Belvo must have been done.
    pub fn covers(&self, accessed_at: Timestamp) -> bool {
        let Some(last) = self.last_sync else {
            return false;
        };
        // When the webhook was sent, and when the job came that has started the sync, the queue says.
        let began_at = last.covers_until.unwrap_or(last.started_at);
        let announced = self
            .announced_at
            .is_some_and(|at| at >= accessed_at && began_at >= at);
        announced || last.started_at >= later(accessed_at, LOADING)
    }

    /// Whether a sync of this mode, or a larger one, has started after a webhook was sent.
    ///
    /// The queue stamps when it was sent, and when the job came that has started the sync. Only where
    /// that is not known is the queue's clock compared with ours.
    pub fn covers_webhook(&self, sent_at: Timestamp, mode: SyncMode) -> bool {
        let last = self.last_sync.filter(|it| it.mode >= mode);
        if let Some(covers_until) = last.and_then(|it| it.covers_until) {
            return covers_until > sent_at;
        }
        let started_at = last.map(|it| it.started_at).or(self.last_full_sync);
        started_at.is_some_and(|at| at > later(sent_at, CLOCK_MARGIN))
    }
}

pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fixtures::{code, declined, minutes, now, seconds, stored_text, synced};

    use SyncMode::{Full, Incremental};

    #[test]
    fn a_sync_covers_an_access_it_was_announced_after_or_that_is_long_past() {
        let check = |announced: Option<i64>, started: Option<i64>, expected| {
            let resource = Resource {
                announced_at: announced.map(minutes),
                ..started.map_or_else(Resource::default, |at| synced(Full, minutes(at)))
            };
            assert_eq!(
                resource.covers(now()),
                expected,
                "{announced:?} {started:?}"
            );
        };
        check(None, None, false);
        check(Some(0), None, false);
        check(None, Some(89), false);
        check(None, Some(90), true);
        check(Some(0), Some(0), true);
        check(Some(-1), Some(10), false);
        check(Some(5), Some(4), false);
        check(Some(5), Some(5), true);
    }

    #[test]
    fn only_a_sync_of_the_mode_or_a_larger_one_counts() {
        let check = |last: SyncMode, started, full: Option<i64>, asked, expected| {
            let resource = Resource {
                last_full_sync: full.map(minutes),
                ..synced(last, minutes(started))
            };
            let since = resource.covers_webhook(seconds(-2), asked);
            assert_eq!(since, expected, "{last:?} {started} {full:?} {asked:?}");
        };
        check(Incremental, 0, None, Incremental, false);
        check(Incremental, 1, None, Incremental, true);
        check(Incremental, 1, None, Full, false);
        check(Incremental, 2, Some(0), Full, false);
        check(Incremental, 2, Some(1), Full, true);
        check(Full, 1, Some(1), Incremental, true);
        assert!(!Resource::default().covers_webhook(now(), Incremental));
    }

    #[test]
    fn a_webhook_is_compared_with_the_queues_own_time_of_the_job() {
        let mut resource = synced(Full, minutes(-5));
        let check = |resource: &Resource, sent, expected| {
            assert_eq!(resource.covers_webhook(sent, Full), expected, "{sent}");
        };
        check(&resource, minutes(-6), true);
        check(&resource, minutes(6), false);
        // Our clock is far behind, or far ahead.
        for minute in [-60, 60] {
            if let Some(last) = &mut resource.last_sync {
                last.started_at = minutes(minute);
                last.covers_until = Some(now());
            }
            check(&resource, seconds(-1), true);
            check(&resource, now(), false);
        }
    }

    #[test]
    fn a_webhook_of_an_access_is_covered_by_the_queues_own_time_as_well() {
        let mut resource = synced(Full, minutes(-60));
        resource.announced_at = Some(now());
        let check = |resource: &Resource, expected| {
            assert_eq!(resource.covers(minutes(-1)), expected, "{resource:?}");
        };
        check(&resource, false);
        for (until, expected) in [(seconds(1), true), (seconds(-1), false)] {
            if let Some(last) = &mut resource.last_sync {
                last.covers_until = Some(until);
            }
            check(&resource, expected);
        }
    }

    #[test]
    fn a_resource_is_settled_once_it_is_synced_or_declined() {
        assert!(!Resource::default().is_settled());
        assert!(synced(Incremental, now()).is_settled());
        assert!(declined("unsupported_operation").is_settled());
    }

    #[test]
    fn what_is_not_known_of_a_resource_is_not_stored() {
        let check = |resource: Resource, stored: &str| {
            assert_eq!(stored_text(&resource), stored);
            assert_eq!(serde_json::from_str::<Resource>(stored).unwrap(), resource);
        };
        check(Resource::default(), r#"{"state":"waiting","rows":0}"#);
        check(
            Resource {
                rejected_rows: 1,
                rejected: [("7".to_owned(), code("no_id"))].into(),
                ..Resource::default()
            },
            r#"{"state":"waiting","rows":0,"rejected_rows":1,"rejected":{"7":"no_id"}}"#,
        );
    }
}
