//! When stored rows that Belvo no longer lists are believed to be gone.
//!
//! A list may be short for many reasons: Belvo writes meanwhile, is loading, or has lost the link.
//! No decision here removes a row. It says only whether Belvo is asked for each missing one.

use jiff::{SignedDuration, Timestamp};

use super::pending::SyncMode;
use super::state::Link;
use crate::resource::ResourceKind;

/// A list that became empty is believed after this time.
pub(super) const EMPTY_DOUBT: SignedDuration = SignedDuration::from_hours(24);

/// More rows than a bank takes back at once: the list is wrong rather than the rows gone.
const MANY_MISSING: usize = 50;

/// Stored rows that a complete read of a list did not give.
#[derive(Clone, Copy, Debug)]
pub struct MissingRows {
    pub count: usize,
    /// Whether the list gave no row at all.
    pub list_is_empty: bool,
    /// Whether the whole list was asked for, without a range of dates.
    pub list_is_whole: bool,
    /// Whether the list was read before in this run because of missing rows.
    pub read_again: bool,
}

/// What to do about missing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDecision {
    /// Belvo is asked for each of them.
    AskForEach,
    /// The empty list is not believed yet.
    DoubtEmpty,
    /// So many at once are not believed before a second read says the same.
    DoubtMany,
}

impl Link {
    /// Decides about stored rows that a complete read of the list did not give.
    pub fn judge_missing(
        &mut self,
        kind: ResourceKind,
        missing: MissingRows,
        now: Timestamp,
    ) -> MissingDecision {
        let run = self.resource(kind).run.as_ref();
        let in_part = run.is_some_and(|it| it.mode != SyncMode::Full);
        if missing.list_is_empty && (in_part || missing.list_is_whole) {
            return match !in_part && self.believes_empty(kind, now) {
                true => MissingDecision::AskForEach,
                false => MissingDecision::DoubtEmpty,
            };
        }
        let doubtful = in_part || !missing.read_again;
        match missing.count > MANY_MISSING && doubtful {
            true => MissingDecision::DoubtMany,
            false => MissingDecision::AskForEach,
        }
    }

    /// Whether a list that is empty although rows are stored may be believed: Belvo has announced
    /// that it has no rows, or has listed none for a day.
    fn believes_empty(&mut self, kind: ResourceKind, now: Timestamp) -> bool {
        let resource = self.resource(kind);
        let run = resource.run.as_ref();
        let announced = run.and_then(|it| it.announced.as_ref()?.rows);
        let since = *resource.empty_since.get_or_insert(now);
        announced == Some(0) || now.duration_since(since) >= EMPTY_DOUBT
    }
}
