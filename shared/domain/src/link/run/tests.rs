mod conclude;

use super::*;
use crate::event::Totals;
use crate::link::fixtures::*;

use ResourceKind::{Owners, Transactions};
use SyncMode::{Full, Incremental};

/// A run of TRANSACTIONS that has just started.
fn run(mode: SyncMode) -> SyncRun {
    SyncRun {
        mode,
        started_at: now(),
        covers_until: None,
        announced: None,
        announced_new: 0,
        retried: false,
        chunk_size: 5000,
        cursor: None,
        rows_known_at: None,
        tally: Tally::default(),
        missing: std::collections::BTreeMap::new(),
        settling: false,
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn rows(count: u64) -> Totals {
    Totals {
        rows: Some(count),
        ..Totals::default()
    }
}

/// A bound link with this run of TRANSACTIONS under way.
fn running(run: SyncRun) -> Link {
    let mut link = loaded();
    link.resource(Transactions).run = Some(run);
    link
}

#[test]
fn only_transactions_that_were_synced_in_full_are_synced_in_part() {
    let check = |kind, synced_in_full: bool, pending: Option<SyncMode>, expected| {
        let mut link = bound();
        link.resource(kind).last_full_sync = synced_in_full.then(|| days(-1));
        link.pending.resources = pending.map(|mode| (kind, mode)).into_iter().collect();
        link.start_run(kind, 5000, None, now());
        assert_eq!(link.pending.resources.len(), 0);
        let started = link.resource(kind).run.clone();
        assert_eq!(started, Some(run(expected)), "{kind} {pending:?}");
    };
    for mode in [Incremental, Full] {
        check(Transactions, true, Some(mode), mode);
        check(Transactions, false, Some(mode), Full);
        for kind in ResourceKind::all() {
            if kind != Transactions {
                check(kind, true, Some(mode), Full);
            }
        }
    }
    check(Transactions, true, None, Full);
}

#[test]
fn link_is_saved_before_the_first_sync_of_a_resource() {
    let check = |state, start, state_after| {
        let mut link = bound();
        link.resource(Owners).state = state;
        assert_eq!(link.start_run(Owners, 5000, None, now()), start);
        assert_eq!(link.resource(Owners).state, state_after);
    };
    use ResourceState::{Partial, Ready, Syncing, Unavailable, Waiting};
    check(Waiting, true, Syncing);
    for state in [Syncing, Ready, Partial, Unavailable] {
        check(state, false, state);
    }
}

#[test]
fn a_run_goes_on_at_its_cursor_and_requests_wait_for_the_next_one() {
    for retried in [false, true] {
        let begun = SyncRun {
            started_at: hours(-1),
            cursor: Some(day("2026-06-01")),
            retried,
            tally: Tally {
                rows: 7,
                ..Tally::default()
            },
            ..run(Full)
        };
        let mut link = running(begun.clone());
        link.pending.request_sync(Transactions, Incremental);
        let start = link.start_run(Transactions, 9000, None, now());
        assert!(!start);
        assert_eq!(link.resource(Transactions).run, Some(begun));
        let pending: Vec<_> = link.pending.resources.into_iter().collect();
        assert_eq!(pending, [(Transactions, Incremental)]);
    }
}

#[test]
fn a_second_try_counts_from_zero_and_keeps_the_rest() {
    let first = SyncRun {
        started_at: hours(-1),
        retried: true,
        announced: Some(rows(9)),
        rows_known_at: Some(hours(-1)),
        tally: Tally {
            rows: 7,
            ..Tally::default()
        },
        ..run(Full)
    };
    let mut link = running(first);
    link.start_run(Transactions, 9000, None, now());
    let second = SyncRun {
        retried: true,
        announced: Some(rows(9)),
        rows_known_at: Some(hours(-1)),
        ..run(Full)
    };
    assert_eq!(link.resource(Transactions).run, Some(second));
    assert!(link.pending.resources.is_empty());
}

#[test]
fn a_run_of_which_nothing_is_done_starts_anew_with_what_is_pending_since() {
    let check = |begun, pending: Option<SyncMode>, expected| {
        let mut link = running(SyncRun {
            started_at: hours(-1),
            chunk_size: 2500,
            rows_known_at: Some(hours(-1)),
            ..run(begun)
        });
        link.pending.resources = pending.map(|it| (Transactions, it)).into_iter().collect();
        link.start_run(Transactions, 9000, None, now());
        let expected = SyncRun {
            chunk_size: 2500,
            ..run(expected)
        };
        assert_eq!(link.resource(Transactions).run, Some(expected));
    };
    check(Incremental, None, Incremental);
    check(Incremental, Some(Full), Full);
    check(Full, Some(Incremental), Full);
}

#[test]
fn an_announcement_counts_for_one_full_run() {
    let check = |begun: Option<Totals>, announced, pending, mode, expected: Option<u64>| {
        let mut link = loaded();
        link.resource(Transactions).announced = rows(5);
        link.resource(Transactions).announced_full = announced;
        link.resource(Transactions).run = begun.map(|totals| SyncRun {
            announced: Some(totals),
            ..run(Full)
        });
        link.pending.resources = Option::map(pending, |mode| (Transactions, mode))
            .into_iter()
            .collect();
        link.start_run(Transactions, 5000, None, now());
        let resource = link.resource(Transactions);
        assert!(!resource.announced_full);
        let run = resource.run.clone().unwrap();
        assert_eq!((run.mode, run.announced), (mode, expected.map(rows)));
    };
    check(None, true, Some(Full), Full, Some(5));
    check(None, false, Some(Full), Full, None);
    check(None, true, Some(Incremental), Incremental, None);
    // A run that starts anew takes its announcement along, unless more was requested since.
    check(Some(rows(9)), false, None, Full, Some(9));
    check(Some(rows(9)), false, Some(Incremental), Full, None);
    check(Some(rows(9)), true, Some(Full), Full, Some(5));
}

#[test]
fn an_incremental_sync_begins_some_days_before_the_last_one() {
    let check = |last: Option<&str>, window_days, expected: &str| {
        let mut link = bound();
        if let Some(last) = last {
            *link.resource(Transactions) = synced(Full, at(last));
        }
        let range = link.incremental_range(Transactions, window_days, now());
        assert_eq!(
            range,
            DateRange::since(day(expected)),
            "{last:?} {window_days}"
        );
    };
    check(Some("2026-11-20T23:59:00Z"), 10, "2026-11-10");
    check(Some("2026-11-20T00:01:00Z"), 0, "2026-11-20");
    // A clock that was ahead.
    check(Some("2027-03-01T00:00:00Z"), 10, "2026-11-13");
    let beginning = "-009999-01-01";
    check(None, 10_000, beginning);
}

#[test]
fn the_day_of_a_moment_is_the_one_in_utc() {
    assert_eq!(utc_day(at("2026-11-23T23:59:59Z")), day("2026-11-23"));
    assert_eq!(utc_day(at("2026-11-24T00:00:00Z")), day("2026-11-24"));
}
