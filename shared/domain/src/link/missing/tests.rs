use std::collections::HashSet;

use super::*;
use crate::event::Totals;
use crate::link::RunEnd;
use crate::link::fixtures::*;

use MissingDecision::{AskForEach, AskForSome, DoubtEmpty, DoubtMany, Wait};
use ResourceKind::{Accounts, Bills, Transactions};
use SyncMode::{Full, Incremental};

/// A link with a run of TRANSACTIONS under way, for which Belvo has announced these totals.
fn running(mode: SyncMode, announced: Option<Totals>) -> Link {
    let mut link = loaded();
    begin(&mut link, mode, now());
    if let Some(run) = &mut link.resource(Transactions).run {
        run.announced = announced;
    }
    link
}

fn begin(link: &mut Link, mode: SyncMode, now: Timestamp) {
    link.pending.request_sync(Transactions, mode);
    link.start_run(Transactions, 5000, None, now);
}

fn rows(count: u64) -> Totals {
    Totals {
        rows: Some(count),
        ..Totals::default()
    }
}

fn ids(names: &[&str]) -> HashSet<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

/// Missing from a whole list that names the link.
fn missing(count: usize, given: &HashSet<String>) -> MissingRows<'_> {
    MissingRows {
        count,
        days: DateRange::ALL,
        given,
        rejected_rows: 0,
        list_is_empty: given.is_empty(),
        list_is_mixed: false,
        list_names_link: true,
        list_is_complete: true,
    }
}

const DAYS: DateRange = DateRange {
    from: Some(jiff::civil::Date::constant(2026, 11, 1)),
    to: None,
};

#[test]
fn fifty_missing_rows_are_asked_for_and_more_are_waited_for() {
    let given = ids(&["a"]);
    let check = |mode, count, days, expected| {
        let mut link = running(mode, None);
        let missing = MissingRows {
            days,
            ..missing(count, &given)
        };
        let decision = link.judge_missing(Transactions, missing, now());
        assert_eq!(decision, expected, "{mode:?} {missing:?}");
        assert_eq!(link.resource(Transactions).empty_since, None);
    };
    for days in [DateRange::ALL, DAYS] {
        check(Full, 50, days, AskForEach);
        check(Full, 51, days, Wait);
    }
    check(Incremental, 50, DAYS, AskForEach);
    check(Incremental, 51, DAYS, DoubtMany);
}

/// What a second full read leads to that begins so many seconds after the first has ended.
fn second(first: MissingRows<'_>, seconds_later: i64, second: MissingRows<'_>) -> MissingDecision {
    let mut link = running(Full, None);
    assert_eq!(link.judge_missing(Transactions, first, now()), Wait);
    link.conclude_run(Transactions, RunEnd::Complete, now());
    assert!(link.resource(Transactions).is_settling());
    begin(&mut link, Full, seconds(seconds_later));
    let ended_at = seconds(seconds_later + 1);
    link.judge_missing(Transactions, second, ended_at)
}

#[test]
fn two_reads_two_minutes_apart_that_agree_in_every_id_prove_it_with_a_few_answers() {
    let (given, other) = (ids(&["a", "b"]), ids(&["a", "c"]));
    let (fewer, none) = (ids(&["a"]), ids(&[]));
    let read = missing(51, &given);
    let check = |seconds_later, again: MissingRows<'_>, expected| {
        let decision = second(read, seconds_later, again);
        assert_eq!(decision, expected, "{seconds_later} {again:?}");
    };
    check(120, read, AskForSome);
    check(119, read, Wait);
    check(0, read, Wait);
    // The rows that are missing may have become more or fewer.
    check(120, missing(60, &given), AskForSome);
    check(120, missing(50, &given), AskForEach);
    check(120, missing(51, &other), Wait);
    check(120, missing(51, &fewer), Wait);
    check(120, missing(51, &none), DoubtEmpty);
    let of_days = MissingRows { days: DAYS, ..read };
    check(120, of_days, Wait);
    let unnamed = MissingRows {
        list_names_link: false,
        ..read
    };
    check(120, unnamed, AskForEach);
    let incomplete = MissingRows {
        list_is_complete: false,
        ..read
    };
    check(120, incomplete, AskForEach);
    assert_eq!(second(unnamed, 120, read), AskForEach);
    let mixed = MissingRows {
        list_is_mixed: true,
        ..read
    };
    check(120, mixed, DoubtMany);
}

#[test]
fn rows_that_cannot_be_stored_are_not_missing() {
    let given = ids(&["a"]);
    let read = MissingRows {
        rejected_rows: 1,
        ..missing(51, &given)
    };
    assert_eq!(second(read, 120, read), AskForEach);
    // As many rows, and not the same ones.
    let given = ids(&["a", "b"]);
    assert_eq!(second(read, 120, missing(51, &given)), Wait);
}

#[test]
fn an_empty_part_of_a_list_proves_nothing() {
    let none = ids(&[]);
    let read = MissingRows {
        days: DAYS,
        list_names_link: false,
        ..missing(51, &none)
    };
    assert_eq!(second(read, 120, read), AskForEach);
}

#[test]
fn one_row_that_belvo_has_makes_later_jobs_ask_for_each_as_well() {
    let given = ids(&["a"]);
    let read = missing(51, &given);
    let mut link = running(Full, None);
    link.judge_missing(Transactions, read, now());
    link.conclude_run(Transactions, RunEnd::Complete, now());
    begin(&mut link, Full, minutes(3));
    assert_eq!(
        link.judge_missing(Transactions, read, minutes(3)),
        AskForSome
    );
    link.observe_hidden(Transactions, DateRange::ALL);
    assert_eq!(
        link.judge_missing(Transactions, read, minutes(3)),
        AskForEach
    );
}

#[test]
fn a_list_that_differs_at_each_read_is_waited_for_an_hour() {
    let mut link = running(Full, None);
    let mut expected = Vec::new();
    let mut decisions = Vec::new();
    for round in 0..=20 {
        let at = minutes(3 * round);
        let name = format!("row-{round}");
        let given = ids(&[&name]);
        decisions.push(link.judge_missing(Transactions, missing(51, &given), at));
        expected.push(if round < 20 { Wait } else { AskForEach });
        link.conclude_run(Transactions, RunEnd::Complete, at);
        begin(&mut link, Full, minutes(3 * (round + 1)));
    }
    assert_eq!(decisions, expected);
    assert!(!link.resource(Transactions).is_settling());
}

#[test]
fn a_list_with_rows_of_other_links_makes_nobody_ask_for_many() {
    let given = ids(&["a"]);
    let check = |count, expected| {
        let mut link = running(Full, None);
        let missing = MissingRows {
            list_is_mixed: true,
            ..missing(count, &given)
        };
        let decision = link.judge_missing(Transactions, missing, now());
        assert_eq!(decision, expected, "{missing:?}");
    };
    check(50, AskForEach);
    check(51, DoubtMany);
}

#[test]
fn an_empty_list_is_believed_once_announced_or_after_a_day() {
    let (day, none) = (24 * 3600, ids(&[]));
    let check = |announced: Option<Totals>, since: Option<i64>, count, expected| {
        let mut link = running(Full, announced);
        link.resource(Transactions).empty_since = since.map(seconds);
        let decision = link.judge_missing(Transactions, missing(count, &none), now());
        assert_eq!(decision, expected, "{since:?} {count}");
        let empty_since = link.resource(Transactions).empty_since;
        assert_eq!(empty_since, Some(since.map_or(now(), seconds)));
    };
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
    let none = ids(&[]);
    let check = |mode, count, expected| {
        let mut link = running(mode, None);
        let missing = MissingRows {
            days: DAYS,
            ..missing(count, &none)
        };
        let decision = link.judge_missing(Transactions, missing, now());
        assert_eq!(decision, expected, "{mode:?} {count}");
        assert_eq!(link.resource(Transactions).empty_since, None);
    };
    check(Incremental, 1, DoubtEmpty);
    check(Full, 1, AskForEach);
    check(Full, 51, Wait);
}

#[test]
fn the_next_read_of_what_is_missing_is_planned_and_only_while_nothing_else_reads_it() {
    let given = ids(&["a"]);
    let mut link = running(Full, None);
    link.judge_missing(Transactions, missing(51, &given), now());
    link.conclude_run(Transactions, RunEnd::Complete, now());
    let planned = |link: &Link| {
        let mut link = link.clone();
        link.plan(&policy(), now());
        link.schedule.get(crate::link::Reason::Settling)
    };
    assert_eq!(planned(&link), Some(seconds(121)));
    let mut pending = link.clone();
    pending.pending.request_sync(Transactions, Full);
    assert_eq!(planned(&pending), None);
    let mut declined = link.clone();
    declined.decline_run(Transactions, code("unavailable_data"));
    assert_eq!(planned(&declined), None);
    assert!(!declined.resource(Transactions).is_settling());

    link.resume(crate::link::Reason::Settling, &policy());
    assert_eq!(link.pending.resources.get(&Transactions), Some(&Full));
    assert_eq!(link.pending.resources.len(), 1);
}

#[test]
fn readers_are_told_once_in_a_run_and_until_it_ends() {
    let mut link = loaded();
    assert!(!link.observe_settling(Transactions), "nothing is read");
    begin(&mut link, Full, now());
    assert!(!link.resource(Transactions).is_settling());
    assert!(link.observe_settling(Transactions));
    assert!(!link.observe_settling(Transactions));
    assert!(link.resource(Transactions).is_settling());
    link.conclude_run(Transactions, RunEnd::Complete, now());
    assert!(!link.resource(Transactions).is_settling());
}

#[test]
fn an_incremental_sync_leaves_what_is_missing_marked() {
    let given = ids(&["a"]);
    let mut link = running(Full, None);
    link.judge_missing(Transactions, missing(51, &given), now());
    link.conclude_run(Transactions, RunEnd::Complete, now());
    begin(&mut link, Incremental, minutes(1));
    link.conclude_run(Transactions, RunEnd::Complete, minutes(1));
    assert!(link.resource(Transactions).is_settling());
    begin(&mut link, Full, minutes(2));
    link.conclude_run(Transactions, RunEnd::Complete, minutes(2));
    assert!(!link.resource(Transactions).is_settling());
}

#[test]
fn the_lot_draws_twenty_different_rows_and_others_with_another_seed() {
    let names: Vec<String> = (0..1000).map(|it| format!("row-{it}")).collect();
    let first = sample(&names, [1; 16]);
    let different: HashSet<&String> = first.iter().collect();
    assert_eq!(different.len(), 20);
    assert!(first.iter().all(|id| names.contains(id)));
    assert_eq!(first, sample(&names, [1; 16]));
    assert_ne!(first, sample(&names, [2; 16]));
    assert_eq!(sample(&names[..3], [1; 16]).len(), 3);
}

#[test]
fn every_row_is_drawn_as_often_as_any_other() {
    let names: Vec<String> = (0..40).map(|it| format!("row-{it}")).collect();
    let mut drawn = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..200u8 {
        for id in sample(&names, [seed; 16]) {
            *drawn.entry(id).or_default() += 1;
        }
    }
    // A half of 200 each, give or take five deviations.
    assert_eq!(drawn.len(), 40);
    let mut counts = drawn.values();
    assert!(counts.all(|it| (65..=135).contains(it)), "{drawn:?}");
}

#[test]
fn accounts_that_are_gone_are_remembered_until_their_list_has_them_again() {
    let mut link = loaded();
    let gone = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    link.observe_gone(Accounts, &gone(&["a", "b"]));
    link.observe_gone(Bills, &gone(&["a"]));
    assert!(link.is_gone(Accounts, "a") && link.is_gone(Accounts, "b"));
    assert!(!link.is_gone(Accounts, "c"));
    assert!(!link.is_gone(Bills, "a"), "nothing embeds bills");
    link.observe_list(Accounts, &ids(&["a", "c"]));
    assert!(!link.is_gone(Accounts, "a"));
    assert!(link.is_gone(Accounts, "b"));

    let many: Vec<String> = (0..MAX_GONE).map(|it| format!("many-{it}")).collect();
    link.observe_gone(Accounts, &many);
    assert!(!link.is_gone(Accounts, "b"), "the oldest is forgotten");
    assert!(link.is_gone(Accounts, "many-0"));
    assert_eq!(link.resource(Accounts).gone.len(), MAX_GONE);
}
