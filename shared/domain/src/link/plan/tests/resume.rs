//! What a due reason makes pending, and what a job that cannot finish leaves to a later one.

use super::*;
use crate::link::Pending;

use ResourceKind::Transactions;

#[test]
fn resuming_makes_pending_what_the_reason_is_about() {
    let nothing = || Pending::default();
    let full = |kinds: &[ResourceKind]| Pending {
        resources: kinds.iter().map(|kind| (*kind, Full)).collect(),
        ..Pending::default()
    };
    let all = [Owners, Accounts, Transactions];
    let check = |reason, expected: Pending| {
        let mut link = loaded();
        link.resource(Owners).last_sync = None;
        link.resource(Accounts).declined = Some(code("operational_limits_reached"));
        link.resource(Transactions).empty_since = Some(hours(-1));
        link.resume(reason, &policy());
        assert_eq!(link.pending, expected, "{reason:?}");
    };
    check(Reason::Retry, nothing());
    check(Reason::Continue, nothing());
    let link = Pending {
        link: true,
        ..nothing()
    };
    check(Reason::CheckLink, link.clone());
    check(Reason::Deleted, link);
    check(Reason::Refresh, nothing());
    check(Reason::Purge, nothing());
    check(
        Reason::Unannounced,
        Pending {
            link: true,
            ..full(&[Owners])
        },
    );
    check(Reason::LimitLifted, full(&[Accounts]));
    check(Reason::EmptyList, full(&[Transactions]));
    check(
        Reason::Consent,
        Pending {
            consents: true,
            ..nothing()
        },
    );
    for reason in [Reason::FullSync, Reason::Reread] {
        check(
            reason,
            Pending {
                link: true,
                ..full(&all)
            },
        );
    }
}

#[test]
fn a_resumed_check_is_made_at_once_and_counted() {
    let mut link = Link::new(link_id(1));
    link.unresolved = Some(Backoff::next(None, minutes(-5)));
    link.checked_at = Some(seconds(-1));
    link.resume(Reason::CheckLink, &policy());
    assert_eq!(link.checked_at, None);
    assert_eq!(link.unresolved.map(|it| it.attempts), Some(2));
}

#[test]
fn a_failure_is_retried_after_a_growing_delay_and_not_before_belvo_allows() {
    let check = |failures, least: i64, expected: SignedDuration| {
        let mut link = loaded();
        link.fencing_token = 4;
        let least = SignedDuration::from_mins(least);
        let mut error = None;
        for minute in 0..failures {
            let code = code(&format!("failure_{minute}"));
            let noted = link.back_off(code, least, &policy(), minutes(minute));
            error = Some(noted.clone());
        }
        let last = minutes(failures - 1);
        let retry = link.schedule.get(Reason::Retry);
        assert_eq!(retry, Some(later(last, expected)), "{failures} {least}");
        assert_eq!(error, link.last_error);
        let error = error.unwrap();
        assert_eq!(error.code, code(&format!("failure_{}", failures - 1)));
        assert_eq!(error.backoff.since, last, "each says another code");
        assert_eq!(i64::from(error.backoff.attempts), failures);
    };
    let delay = |attempts| {
        let since = now();
        Backoff { since, attempts }.delay(Jitter::new(link_id(1), 4))
    };
    check(1, 0, delay(1));
    check(3, 0, delay(3));
    check(1, 60, SignedDuration::from_hours(1));
    check(11, 60, delay(11));
}

#[test]
fn a_failure_leaves_the_dates_of_a_link_in_place() {
    let mut link = loaded();
    link.schedule.set(Reason::LimitLifted, days(8));
    link.back_off(code("no_answer"), SignedDuration::ZERO, &policy(), now());
    let scheduled: Vec<_> = link.schedule.0.into_keys().collect();
    assert_eq!(
        scheduled,
        [
            Reason::Retry,
            Reason::LimitLifted,
            Reason::Consent,
            Reason::FullSync
        ]
    );
}

#[test]
fn a_job_out_of_time_is_continued_at_once_unless_it_finished_nothing() {
    let check = |stuck, chunk_size, delay, expected_chunk_size| {
        let mut link = loaded();
        link.pending.request_sync(Transactions, Full);
        let start = link.start_run(Transactions, chunk_size, None, now());
        assert!(!start);
        link.continue_later(stuck, now());
        let continued = link.schedule.get(Reason::Continue);
        assert_eq!(continued, Some(minutes(delay)));
        let run = link.resource(Transactions).run.clone();
        assert_eq!(run.map(|it| it.chunk_size), Some(expected_chunk_size));
    };
    check(false, 4000, 0, 4000);
    check(true, 4000, 10, 2000);
    check(true, 1500, 10, 1000);
}

#[test]
fn news_bring_a_retry_forward_to_a_minute_from_now() {
    let check = |retry: Option<i64>, expected: Option<i64>, waits| {
        let mut link = loaded();
        link.schedule.set(Reason::Retry, retry.map(seconds));
        assert_eq!(link.expedite(now()), waits, "{retry:?}");
        let next = link.schedule.get(Reason::Retry);
        assert_eq!(next, expected.map(seconds), "{retry:?}");
    };
    check(None, None, false);
    check(Some(0), Some(0), false);
    check(Some(1), Some(1), true);
    check(Some(60), Some(60), true);
    check(Some(3600), Some(60), true);
}

#[test]
fn a_larger_request_is_kept_when_news_ask_for_less() {
    let mut link = loaded();
    link.pending.request_sync(Owners, Full);
    link.observe_webhook(sent(&new_rows(Owners), now()), &policy(), now());
    let modes: Vec<_> = link.pending.resources.into_values().collect();
    assert_eq!(modes, [Full]);
}

#[test]
fn a_code_waits_long_only_if_belvo_has_said_that_very_code_for_three_days() {
    let (outage, unknown) = (code("no_answer"), code("never_heard_of"));
    let mut link = loaded();
    let mut say = |code: &Code, at: Timestamp| {
        let had_waited = link.has_waited_long(code, at);
        let _ = link.back_off(code.clone(), SignedDuration::ZERO, &policy(), at);
        had_waited
    };
    assert!(!say(&outage, days(0)));
    assert!(
        !say(&unknown, days(4)),
        "the outage was long, and this is new"
    );
    assert!(!say(&unknown, days(5)));
    assert!(say(&unknown, days(7)));
    assert!(!say(&outage, days(8)));
    assert!(!say(&unknown, days(12)));
}
