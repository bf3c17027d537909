//! What is due when, and why.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Why something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Belvo failed; what is pending is tried again.
    Retry,
    /// Time ran short; what is pending is continued.
    Continue,
    /// Syncs of single resources that were put off.
    Deferred,
    /// Many stored rows were missing; the list is read again before they are believed to be gone.
    Settling,
    /// Whose the link is could not be settled, or Belvo did not know it; both may change.
    CheckLink,
    /// Resources that no webhook announced are synced: webhooks get lost.
    Unannounced,
    /// The bank may give data again: a new month's Open Finance limits.
    LimitLifted,
    /// A list that became empty is read again before that is believed, one that always was, in case
    /// the bank needed longer, and one that disagrees with its count.
    EmptyList,
    /// The consent nears its end, has reached it, or may have been renewed.
    Consent,
    /// A week after the last full sync, should a webhook have been lost.
    FullSync,
    /// An operator wants everything read again.
    Reread,
    /// The app wants a refresh, and Belvo could not be asked for it.
    Refresh,
    /// Belvo has deleted the link, and what was read of it has stayed for long enough.
    Deleted,
    /// An erased link is purged once more: a job that began earlier may have written rows.
    Purge,
}

/// When something is due, by reason.
///
/// A reason that only a newer release knows is left out, because refusing the record would stop
/// the link altogether.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Timestamp>")]
pub struct Schedule(pub(super) BTreeMap<Reason, Timestamp>);

impl From<BTreeMap<String, Timestamp>> for Schedule {
    fn from(entries: BTreeMap<String, Timestamp>) -> Self {
        let known = |(name, at): (String, Timestamp)| {
            let reason = serde_json::from_value(serde_json::Value::String(name));
            Some((reason.ok()?, at))
        };
        Self(entries.into_iter().filter_map(known).collect())
    }
}

impl Schedule {
    /// Sets the time for a reason, or removes it; an earlier one is replaced.
    pub fn set(&mut self, reason: Reason, at: impl Into<Option<Timestamp>>) {
        match at.into() {
            Some(at) => self.0.insert(reason, at),
            None => self.0.remove(&reason),
        };
    }

    /// The same for a date that follows from what is known, unless the known one has come and no job
    /// has taken it yet.
    pub(super) fn replan(&mut self, reason: Reason, at: Option<Timestamp>, now: Timestamp) {
        let has_come = self.get(reason).is_some_and(|at| at <= now);
        if !has_come {
            self.set(reason, at);
        }
    }

    pub fn clear(&mut self, reason: Reason) {
        self.0.remove(&reason);
    }

    pub(super) fn keep_only(&mut self, reason: Reason) {
        self.0.retain(|known, _| *known == reason);
    }

    pub fn get(&self, reason: Reason) -> Option<Timestamp> {
        self.0.get(&reason).copied()
    }

    /// Removes and gives the reasons that are due by then, compared by the second as the index of
    /// due links does: a link that the sweeper found due must not be sent away for a fraction.
    pub fn take_due(&mut self, until: Timestamp) -> Vec<Reason> {
        let by_then = |at: &Timestamp| at.as_second() <= until.as_second();
        let due = self.0.iter().filter(|(_, at)| by_then(at));
        let due: Vec<Reason> = due.map(|(reason, _)| *reason).collect();
        for reason in &due {
            self.0.remove(reason);
        }
        due
    }

    /// When the first reason is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.values().min().copied()
    }
}

/// A moment later; the end of time, should that be nearer.
pub fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
