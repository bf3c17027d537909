use super::*;
use crate::event::Totals;
use crate::link::fixtures::*;
use crate::link::{RunEnd, WebhookEffect};

use ResourceKind::Transactions;
use SyncMode::{Full, Incremental};

/// A link with 100 rows of TRANSACTIONS, and an incremental run for which so many were announced.
fn running(announced_new: u64) -> Link {
    let mut link = loaded();
    let resource = link.resource(Transactions);
    resource.rows = 100;
    resource.announced_new = announced_new;
    link.pending.request_sync(Transactions, Incremental);
    link.start_run(Transactions, 5000, None, now());
    link
}

fn new_of(count: u64) -> Totals {
    Totals {
        new_rows: Some(count),
        ..Totals::default()
    }
}

#[test]
fn new_rows_come_on_top_of_the_others_and_a_total_replaces_them() {
    let check = |known: Option<u64>, totals: Totals, is_repeated, expected: Option<u64>| {
        let mut resource = Resource {
            announced_rows: known,
            totals: Some(TotalsVerdict::Agrees),
            ..Resource::default()
        };
        resource.announce(&totals, 2, is_repeated);
        assert_eq!(resource.announced_rows, expected, "{totals:?}");
        assert_eq!(resource.announced_new, 2);
        let is_known = resource.totals.is_some();
        assert_eq!(is_known, known == expected, "{totals:?}");
    };
    let all = |rows| Totals {
        rows: Some(rows),
        ..Totals::default()
    };
    check(Some(100), new_of(3), false, Some(103));
    check(Some(100), new_of(3), true, Some(100));
    check(Some(100), new_of(0), false, Some(100));
    check(Some(100), Totals::default(), false, Some(100));
    check(None, new_of(3), false, None);
    check(Some(100), all(90), false, Some(90));
    check(None, all(90), true, Some(90));
    check(Some(90), all(90), false, Some(90));
}

#[test]
fn rows_that_were_announced_and_did_not_come_are_looked_for_everywhere_and_not_all_the_time() {
    let mut at_once = 0;
    for attempt in 0..9 {
        let mut link = running(1);
        for _ in 0..attempt {
            crate::link::Pace::count(&mut link.resource(Transactions).pace, now());
        }
        let synced = link.conclude_run(Transactions, RunEnd::Unfound, now());
        let deferred = link.resource(Transactions).deferred;
        match synced {
            None => {
                at_once += 1;
                assert_eq!(link.pending.resources.get(&Transactions), Some(&Full));
                assert_eq!(deferred, None);
            }
            Some(synced) => {
                assert_eq!(synced.mode, Incremental);
                assert_eq!(deferred.map(|it| it.mode), Some(Full));
                assert!(link.schedule.get(Reason::Deferred) > Some(now()));
            }
        }
    }
    assert_eq!(at_once, 4);
}

#[test]
fn a_webhook_that_a_sync_covers_is_done_if_that_has_found_as_many_rows_more() {
    let check = |mode, surplus, announced: Totals, effect, left| {
        let mut link = bound();
        *link.resource(Transactions) = synced(mode, minutes(1));
        if let Some(last) = &mut link.resource(Transactions).last_sync {
            last.surplus = surplus;
        }
        let mut event = new_rows(Transactions);
        event.totals = announced;
        let observed = link.observe_webhook(sent(&event, now()), &policy(), now());
        assert_eq!(observed, effect, "{mode:?} {surplus} {:?}", event.totals);
        let last = link.resource(Transactions).last_sync;
        assert_eq!(last.map(|it| it.surplus), Some(left));
    };
    use WebhookEffect::{AlreadySynced, Synced};
    check(Incremental, 3, new_of(2), AlreadySynced, 1);
    check(Incremental, 3, new_of(4), Synced, 3);
    check(Incremental, 1, Totals::default(), AlreadySynced, 0);
    check(Incremental, 0, Totals::default(), Synced, 0);
    check(Full, 0, new_of(4), AlreadySynced, 0);
}

#[test]
fn what_webhooks_announce_adds_up_until_a_run_takes_it_and_comes_back_with_a_run_put_off() {
    let mut link = loaded();
    let mut event = new_rows(Transactions);
    for count in [2, 3] {
        event.totals = new_of(count);
        link.observe_webhook(sent(&event, now()), &policy(), now());
    }
    link.start_run(Transactions, 5000, None, now());
    let run = |link: &mut Link| link.resource(Transactions).run.clone();
    assert_eq!(run(&mut link).map(|it| it.announced_new), Some(5));
    assert_eq!(link.resource(Transactions).announced_new, 0);
    // The job dies, and another one begins.
    link.start_run(Transactions, 5000, None, now());
    assert_eq!(run(&mut link).map(|it| it.announced_new), Some(5));
    link.refuse_run(Transactions, code("never_heard_of"), now());
    assert_eq!(link.resource(Transactions).announced_new, 5);
}

#[test]
fn a_statement_is_read_whole_if_that_is_no_more_pages_than_recent_rows_and_one() {
    let check = |rows, recent, announced_new, expected| {
        let mut link = running(announced_new);
        link.resource(Transactions).rows = rows;
        let is_cheaper = link.is_cheaper_whole(Transactions, recent, 100);
        assert_eq!(is_cheaper, expected, "{rows} {recent} {announced_new}");
        let mode = link.resource(Transactions).run.as_ref().map(|it| it.mode);
        let expected = if expected { Full } else { Incremental };
        assert_eq!(mode, Some(expected));
    };
    check(0, 0, 0, true);
    check(200, 0, 0, true);
    check(201, 0, 0, false);
    check(200, 0, 1, false);
    check(300, 101, 0, true);
    check(300, 100, 0, false);
    check(100_000, 99_999, 0, true);
}

/// Concludes a full run that found 100 rows, and so many more are counted.
fn concluded(link: &mut Link, miscount: i64, at: Timestamp) -> bool {
    link.resource(Transactions).rows = 100;
    link.pending.request_sync(Transactions, Full);
    link.start_run(Transactions, 5000, None, at);
    if let Some(run) = &mut link.resource(Transactions).run {
        run.tally.rows = 100;
        run.tally.miscount = miscount;
    }
    let synced = link.conclude_run(Transactions, RunEnd::Complete, at);
    synced.is_some_and(|it| it.totals_differ)
}

#[test]
fn a_list_that_disagrees_with_its_count_is_partial_and_looked_at_again_for_a_day() {
    use crate::link::ResourceState::{Partial, Ready};
    for rows in [3, -3] {
        let mut link = loaded();
        let mut at = now();
        let mut looks = 0;
        loop {
            assert!(concluded(&mut link, rows, at));
            let counted = 100_u64.saturating_add_signed(rows);
            assert_eq!(link.expected_count(Transactions), counted);
            let resource = link.resource(Transactions);
            assert_eq!(resource.state, Partial);
            assert_eq!(resource.totals, Some(TotalsVerdict::Differs));
            assert_eq!(resource.announced_rows, Some(counted));
            let Some(next) = link.schedule.get(Reason::EmptyList) else {
                break;
            };
            assert!(next > at);
            at = next;
            link.schedule.take_due(at);
            link.resume(Reason::EmptyList, &policy());
            assert_eq!(link.pending.resources.get(&Transactions), Some(&Full));
            looks += 1;
        }
        assert!((5..20).contains(&looks), "{looks}");
        let day = SignedDuration::from_hours(24);
        assert!(at.duration_since(now()) >= day);

        assert!(!concluded(&mut link, 0, at));
        let resource = link.resource(Transactions);
        assert_eq!((resource.state, resource.miscount), (Ready, None));
        assert_eq!(resource.totals, Some(TotalsVerdict::Agrees));
    }
}

#[test]
fn rows_that_belvo_does_not_list_differ_from_what_it_counts() {
    let mut link = loaded();
    link.resource(Transactions).rows = 100;
    link.pending.request_sync(Transactions, Full);
    link.start_run(Transactions, 5000, None, now());
    link.conclude_run(Transactions, RunEnd::Complete, now());
    let resource = link.resource(Transactions);
    assert_eq!(resource.announced_rows, Some(0));
    assert_eq!(resource.totals, Some(TotalsVerdict::Differs));
}
