use std::collections::BTreeMap;

use super::*;
use crate::link::{Resource, TotalsVerdict};

use ResourceKind::Accounts;

/// The end of a run of TRANSACTIONS, a minute after it started.
fn conclude(link: &mut Link, end: RunEnd) -> Option<Synced> {
    link.conclude_run(Transactions, end, minutes(1))
}

#[test]
fn a_run_ends_as_reading_ended_and_a_first_disagreement_is_read_again() {
    let check = |end, announced: Option<u64>, retried, totals: Option<TotalsVerdict>| {
        let begun = SyncRun {
            announced: announced.map(rows),
            retried,
            cursor: Some(day("2026-06-01")),
            tally: Tally {
                rows: 2,
                rejected_rows: 1,
                ..Tally::default()
            },
            ..run(Full)
        };
        let mut link = running(begun.clone());
        link.resource(Transactions).rows = 2;
        link.resource(Transactions).rejected_rows = 1;
        let conclusion = conclude(&mut link, end);
        let synced = Synced {
            mode: Full,
            started_at: now(),
            rows: 2,
            rejected_rows: 1,
            totals_differ: totals == Some(TotalsVerdict::Differs),
            miscount: 0,
        };
        let read_again = SyncRun {
            retried: true,
            cursor: None,
            ..begun
        };
        let context = format!("{end:?} {announced:?} {retried}");
        let resource = link.resource(Transactions);
        if resource.run.is_some() {
            assert_eq!(resource.run, Some(read_again), "{context}");
            assert_eq!(conclusion, None, "{context}");
        } else {
            assert_eq!(conclusion, Some(synced), "{context}");
            assert_eq!(resource.totals, totals, "{context}");
        }
        link.resource(Transactions).run.is_some()
    };
    let agrees = Some(TotalsVerdict::Agrees);
    let differs = Some(TotalsVerdict::Differs);
    assert!(!check(RunEnd::Complete, None, false, agrees));
    assert!(!check(RunEnd::Complete, Some(3), false, agrees));
    assert!(check(RunEnd::Complete, Some(4), false, None));
    assert!(!check(RunEnd::Complete, Some(4), true, differs));
    assert!(!check(RunEnd::Complete, Some(3), true, agrees));
    assert!(check(RunEnd::Repeat, Some(3), false, None));
    assert!(check(RunEnd::Repeat, Some(3), true, None));
}

#[test]
fn a_run_that_was_too_small_becomes_a_full_one() {
    let mut link = running(run(Incremental));
    let before = link.resource(Transactions).last_sync;
    let conclusion = conclude(&mut link, RunEnd::NeedsFull);
    assert_eq!(conclusion, None);
    assert_eq!(link.resource(Transactions).run, None);
    assert_eq!(link.resource(Transactions).last_sync, before);
    let pending: Vec<_> = link.pending.resources.into_iter().collect();
    assert_eq!(pending, [(Transactions, Full)]);
}

#[test]
fn without_a_run_nothing_is_concluded() {
    let mut link = loaded();
    let conclusion = conclude(&mut link, RunEnd::Complete);
    assert_eq!(conclusion, None);
    assert_eq!(link, loaded());
}

#[test]
fn a_sync_is_dated_from_its_start_and_only_a_full_one_as_a_full_sync() {
    let check = |mode, full_sync| {
        let mut link = running(run(mode));
        conclude(&mut link, RunEnd::Complete);
        let resource = link.resource(Transactions);
        let last_sync = LastSync {
            mode,
            started_at: now(),
            covers_until: None,
            ended_at: minutes(1),
            surplus: 0,
        };
        assert_eq!(resource.last_sync, Some(last_sync));
        assert_eq!(resource.last_full_sync, Some(full_sync), "{mode:?}");
    };
    check(Incremental, days(-1));
    check(Full, now());
}

fn rejected(names: std::ops::Range<usize>) -> BTreeMap<String, Code> {
    names
        .map(|it| (format!("{it:03}"), code("no_id")))
        .collect()
}

#[test]
fn a_full_sync_replaces_the_rejected_rows_and_a_smaller_one_adds_to_them() {
    let check = |mode, known, found, expected, count| {
        let mut link = running(SyncRun {
            tally: Tally {
                rejected_rows: 7,
                rejected: rejected(found),
                ..Tally::default()
            },
            ..run(mode)
        });
        link.resource(Transactions).rejected_rows = 3;
        link.resource(Transactions).rejected = rejected(known);
        conclude(&mut link, RunEnd::Complete);
        let resource = link.resource(Transactions);
        assert_eq!(resource.rejected, rejected(expected), "{mode:?}");
        assert_eq!(resource.rejected_rows, count);
        let state = match resource.rejected.is_empty() {
            true => ResourceState::Ready,
            false => ResourceState::Partial,
        };
        assert_eq!(resource.state, state);
    };
    check(Full, 0..2, 5..6, 5..6, 7);
    check(Full, 0..2, 0..0, 0..0, 7);
    check(Incremental, 0..2, 2..4, 0..4, 3);
    check(Incremental, 0..48, 48..60, 0..50, 3);
    check(Incremental, 0..0, 0..0, 0..0, 3);
}

#[test]
fn a_run_that_finds_a_row_ends_the_doubt_about_an_empty_list() {
    let check = |mode, rows, rejected_rows, doubted| {
        let tally = Tally {
            rows,
            rejected_rows,
            ..Tally::default()
        };
        let mut link = running(SyncRun { tally, ..run(mode) });
        link.resource(Transactions).empty_since = Some(now());
        conclude(&mut link, RunEnd::Complete);
        let since = link.resource(Transactions).empty_since;
        assert_eq!(since.is_some(), doubted, "{mode:?} {rows} {rejected_rows}");
        let next = link.schedule.get(Reason::EmptyList);
        assert_eq!(next.is_some(), doubted, "{mode:?} {rows} {rejected_rows}");
    };
    for mode in [Incremental, Full] {
        check(mode, 0, 0, true);
        check(mode, 1, 0, false);
        check(mode, 0, 1, false);
    }
}

#[test]
fn a_list_that_became_empty_is_read_again_after_a_day() {
    let check = |empty_since: Option<i64>, expected: Option<i64>| {
        let mut link = running(run(Full));
        link.resource(Transactions).empty_since = empty_since.map(minutes);
        conclude(&mut link, RunEnd::Complete);
        let next = link.schedule.get(Reason::EmptyList);
        assert_eq!(next, expected.map(minutes), "{empty_since:?}");
    };
    let day = 24 * 60;
    check(None, None);
    check(Some(0), Some(day));
    check(Some(2 - day), Some(2));
    check(Some(1 - day), None);
}

#[test]
fn a_sync_ends_what_the_resource_was_declined_with_also_where_the_user_had_to_act() {
    let check = |declined_with: Option<&str>, user_action: Option<&str>, left: Option<&str>| {
        let mut link = running(run(Full));
        link.resource(Transactions).declined = declined_with.map(code);
        link.user_action = user_action.map(code);
        conclude(&mut link, RunEnd::Complete);
        assert_eq!(link.resource(Transactions).declined, None);
        assert_eq!(link.user_action, left.map(code), "{declined_with:?}");
    };
    let mended = Some("consent_without_accounts");
    check(mended, mended, None);
    check(mended, Some("invalid_link"), Some("invalid_link"));
    check(None, mended, mended);
    check(mended, None, None);
}

#[test]
fn a_sync_of_owners_is_followed_by_a_read_of_the_consents() {
    for kind in ResourceKind::all() {
        let mut link = loaded();
        link.resource(kind).run = Some(run(Full));
        link.conclude_run(kind, RunEnd::Complete, minutes(1));
        assert_eq!(link.pending.consents, kind == Owners, "{kind}");
    }
}

#[test]
fn a_sync_of_transactions_confirms_rows_that_a_job_may_have_written() {
    let check = |kind, before, after| {
        let mut link = loaded();
        link.untold_rows = before;
        link.resource(kind).run = Some(run(Full));
        link.conclude_run(kind, RunEnd::Complete, minutes(1));
        assert_eq!(link.untold_rows, after, "{kind} {before:?}");
    };
    use UntoldRows::{Changed, Suspected, Unchanged};
    check(Transactions, Suspected, Changed);
    check(Transactions, Unchanged, Unchanged);
    check(Transactions, Changed, Changed);
    check(Accounts, Suspected, Suspected);
}

#[test]
fn a_declined_resource_has_failed_and_some_codes_are_the_users_to_mend() {
    let check = |text: &str, user_action: Option<&str>| {
        let mut link = running(run(Full));
        link.decline_run(Transactions, code(text));
        let expected = Resource {
            run: None,
            state: ResourceState::Unavailable,
            declined: Some(code(text)),
            ..synced(Full, days(-1))
        };
        assert_eq!(*link.resource(Transactions), expected);
        assert_eq!(link.user_action, user_action.map(code), "{text}");
        assert_eq!(link.limited_until, None);
    };
    for text in ["consent_without_accounts", "invalid_link", "token_required"] {
        check(text, Some(text));
    }
    check("unavailable_data", None);
}

#[test]
fn a_refusal_that_is_not_known_is_tried_again_for_three_days_and_then_left() {
    let mut link = running(run(Full));
    let refused = code("never_heard_of");
    let first = now();
    link.refuse_run(Transactions, refused.clone(), first);
    let resource = link.resource(Transactions).clone();
    assert_eq!((resource.run, resource.declined), (None, None));
    assert_eq!(resource.state, ResourceState::Ready, "its rows are shown");
    let mut pauses = Vec::new();
    let mut at = first;
    while let Some(deferred) = link.resource(Transactions).deferred {
        assert_eq!(deferred.mode, Full);
        assert_eq!(link.schedule.get(Reason::Deferred), Some(deferred.until));
        assert!(!link.needs_sync(Transactions), "no other job tries it");
        pauses.push(deferred.until.duration_since(at));
        at = deferred.until;
        link.schedule.take_due(at);
        link.resume_deferred(at);
        assert!(link.needs_sync(Transactions));
        link.start_run(Transactions, 5000, None, at);
        link.refuse_run(Transactions, refused.clone(), at);
    }
    assert!(pauses[1..9].is_sorted(), "{pauses:?}");
    let three_days = SignedDuration::from_hours(72);
    assert!(at.duration_since(first) >= three_days);
    assert!(at.duration_since(first) < three_days + SignedDuration::from_hours(8));
    let resource = link.resource(Transactions).clone();
    assert_eq!(resource.state, ResourceState::Unavailable);
    assert_eq!((resource.declined, resource.refused), (Some(refused), None));
    assert_eq!(link.schedule.get(Reason::Deferred), None);
}

#[test]
fn news_bring_a_refused_resource_forward_and_a_good_sync_forgets_the_refusal() {
    let mut link = running(run(Full));
    link.refuse_run(Transactions, code("never_heard_of"), now());
    link.pending.request_sync(Transactions, Incremental);
    link.start_run(Transactions, 5000, None, minutes(1));
    let resource = link.resource(Transactions);
    assert_eq!(resource.deferred, None, "the run takes it along");
    assert_eq!(resource.run.as_ref().unwrap().mode, Full);
    link.conclude_run(Transactions, RunEnd::Complete, minutes(2));
    link.schedule_deferred();
    assert_eq!(link.resource(Transactions).refused, None);
    assert_eq!(link.schedule.get(Reason::Deferred), None);
}

#[test]
fn a_refused_run_gives_its_announcement_back() {
    let announced = Totals {
        rows: Some(7),
        ..Totals::default()
    };
    let mut link = running(SyncRun {
        announced: Some(announced.clone()),
        ..run(Full)
    });
    link.refuse_run(Transactions, code("never_heard_of"), now());
    let resource = link.resource(Transactions);
    assert_eq!(resource.announced, announced);
    assert!(resource.announced_full);
}

#[test]
fn a_used_up_limit_is_waited_for_until_the_month_ends_in_brasilia() {
    let month_end = Some(at("2026-12-01T03:00:00Z"));
    let mut link = running(run(Full));
    let limit = code("operational_limits_reached");
    link.limit_run(Transactions, limit.clone(), now());
    assert_eq!(link.limited_until, month_end);
    assert_eq!(link.schedule.get(Reason::LimitLifted), month_end);
    let resource = link.resource(Transactions);
    assert_eq!(resource.state, ResourceState::Unavailable);
    assert_eq!(resource.declined, Some(limit));
    assert_eq!(resource.run, None);
}

#[test]
fn a_read_that_is_given_up_names_its_rows_and_leaves_the_run_under_way() {
    for (before, after) in [
        (ResourceState::Ready, ResourceState::Partial),
        (ResourceState::Partial, ResourceState::Partial),
        (ResourceState::Syncing, ResourceState::Syncing),
    ] {
        let mut link = running(run(Full));
        link.resource(Transactions).state = before;
        let tally = Tally {
            rejected_rows: 51,
            foreign_rows: 51,
            rejected: rejected(0..50),
            ..Tally::default()
        };
        link.give_up_read(Transactions, &tally);
        assert!(link.needs_sync(Transactions));
        let resource = link.resource(Transactions);
        assert_eq!(resource.state, after);
        assert_eq!(resource.rejected_rows, 51);
        assert_eq!(resource.rejected, rejected(0..50));
    }
}

#[test]
fn a_bill_of_which_no_webhook_has_told_leads_back_to_its_transactions() {
    use ResourceKind::Bills;
    let check = |added: u64, announced: Option<i64>, transactions: Option<LastSync>, expected| {
        let mut link = loaded();
        link.resource(Transactions).last_sync = transactions;
        *link.resource(Bills) = Resource {
            announced_at: announced.map(minutes),
            ..synced(Full, minutes(-60))
        };
        link.pending.request_sync(Bills, Full);
        link.start_run(Bills, 5000, Some(minutes(-1)), now());
        link.resource(Bills).run.as_mut().unwrap().tally.new_rows = added;
        link.conclude_run(Bills, RunEnd::Complete, minutes(1));
        let mode = link.pending.resources.get(&Transactions).copied();
        let context = format!("{added} {announced:?} {transactions:?}");
        assert_eq!(mode, expected, "{context}");
    };
    let read = |mode, job: Option<i64>| LastSync {
        mode,
        started_at: now(),
        covers_until: job.map(minutes),
        ended_at: now(),
        surplus: 0,
    };
    let earlier = Some(read(Full, Some(-9)));
    check(1, None, earlier, Some(Full));
    check(1, Some(-61), earlier, Some(Full));
    check(1, Some(-59), earlier, None);
    check(0, None, earlier, None);
    check(1, None, Some(read(Full, Some(-1))), None);
    check(1, None, Some(read(Incremental, Some(-1))), Some(Full));
    check(1, None, Some(read(Full, None)), Some(Full));
    check(1, None, None, None);
}
