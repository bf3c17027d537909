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
    /// Whether it gave rows of other links, so that it may not be the list that was asked for.
    pub list_is_mixed: bool,
}

/// What to do about missing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDecision {
    /// Belvo is asked for each of them.
    AskForEach,
    /// The empty list is not believed yet.
    DoubtEmpty,
    /// So many at once are not believed before a second read says the same, nor because of a list
    /// that holds rows of other links.
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
        let doubtful = in_part || !missing.read_again || missing.list_is_mixed;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Totals;
    use crate::link::fixtures::*;

    use ResourceKind::Transactions;
    use SyncMode::{Full, Incremental};

    /// A link with a run of TRANSACTIONS under way, for which Belvo has announced these totals.
    fn running(mode: SyncMode, announced: Option<Totals>) -> Link {
        let mut link = loaded();
        link.pending.request_sync(Transactions, mode);
        link.start_run(Transactions, 5000, None, now());
        if let Some(run) = &mut link.resource(Transactions).run {
            run.announced = announced;
        }
        link
    }

    fn rows(count: u64) -> Totals {
        Totals {
            rows: Some(count),
            ..Totals::default()
        }
    }

    const FEW: MissingRows = MissingRows {
        count: 1,
        list_is_empty: false,
        list_is_whole: true,
        read_again: false,
        list_is_mixed: false,
    };

    #[test]
    fn fifty_missing_rows_are_asked_for_and_more_only_after_a_second_full_read() {
        let check = |mode, count, list_is_whole, read_again, expected| {
            let mut link = running(mode, None);
            let missing = MissingRows {
                count,
                list_is_whole,
                read_again,
                ..FEW
            };
            let decision = link.judge_missing(Transactions, missing, now());
            assert_eq!(decision, expected, "{mode:?} {missing:?}");
            assert_eq!(link.resource(Transactions).empty_since, None);
        };
        use MissingDecision::{AskForEach, DoubtMany};
        for whole in [true, false] {
            check(Full, 50, whole, false, AskForEach);
            check(Full, 51, whole, false, DoubtMany);
            check(Full, 51, whole, true, AskForEach);
        }
        check(Incremental, 50, false, false, AskForEach);
        check(Incremental, 51, false, false, DoubtMany);
        check(Incremental, 51, false, true, DoubtMany);
    }

    #[test]
    fn a_list_with_rows_of_other_links_makes_nobody_ask_for_many() {
        let check = |count, read_again, expected| {
            let mut link = running(Full, None);
            let missing = MissingRows {
                count,
                read_again,
                list_is_mixed: true,
                ..FEW
            };
            let decision = link.judge_missing(Transactions, missing, now());
            assert_eq!(decision, expected, "{missing:?}");
        };
        for read_again in [false, true] {
            check(50, read_again, MissingDecision::AskForEach);
            check(51, read_again, MissingDecision::DoubtMany);
        }
    }

    #[test]
    fn an_empty_list_is_believed_once_announced_or_after_a_day() {
        let day = 24 * 3600;
        let check = |announced: Option<Totals>, since: Option<i64>, count, expected| {
            let mut link = running(Full, announced);
            link.resource(Transactions).empty_since = since.map(seconds);
            let missing = MissingRows {
                count,
                list_is_empty: true,
                ..FEW
            };
            let decision = link.judge_missing(Transactions, missing, now());
            assert_eq!(decision, expected, "{since:?} {count}");
            let empty_since = link.resource(Transactions).empty_since;
            assert_eq!(empty_since, Some(since.map_or(now(), seconds)));
        };
        use MissingDecision::{AskForEach, DoubtEmpty};
        check(None, None, 1, DoubtEmpty);
        check(Some(rows(3)), None, 1, DoubtEmpty);
        check(Some(Totals::default()), None, 1, DoubtEmpty);
        check(Some(rows(0)), None, 1, AskForEach);
        check(None, Some(1 - day), 1, DoubtEmpty);
        check(None, Some(-day), 1, AskForEach);
        check(None, Some(-day), 51, AskForEach);
    }

    #[test]
    fn an_empty_part_of_a_list_is_doubted_in_an_incremental_sync_and_ordinary_in_a_full_one() {
        let check = |mode, count, expected| {
            let mut link = running(mode, None);
            let missing = MissingRows {
                count,
                list_is_empty: true,
                list_is_whole: false,
                ..FEW
            };
            let decision = link.judge_missing(Transactions, missing, now());
            assert_eq!(decision, expected, "{mode:?} {count}");
            assert_eq!(link.resource(Transactions).empty_since, None);
        };
        check(Incremental, 1, MissingDecision::DoubtEmpty);
        check(Full, 1, MissingDecision::AskForEach);
        check(Full, 51, MissingDecision::DoubtMany);
    }
}
