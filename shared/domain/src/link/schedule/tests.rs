use super::*;
use crate::link::fixtures::*;

fn schedule<const N: usize>(entries: [(Reason, Timestamp); N]) -> Schedule {
    Schedule(entries.into())
}

#[test]
fn what_is_due_is_taken_once_and_the_first_of_the_rest_is_next() {
    let mut schedule = schedule([
        (Reason::FullSync, minutes(30)),
        (Reason::Retry, minutes(10)),
        (Reason::Consent, minutes(20)),
    ]);
    assert_eq!(schedule.next(), Some(minutes(10)));
    let due = schedule.take_due(minutes(20));
    assert_eq!(due, [Reason::Retry, Reason::Consent]);
    assert_eq!(schedule.take_due(minutes(20)), []);
    assert_eq!(schedule.get(Reason::Retry), None);
    assert_eq!(schedule.get(Reason::FullSync), Some(minutes(30)));
    assert_eq!(schedule.next(), Some(minutes(30)));
    assert_eq!(Schedule::default().next(), None);
}

#[test]
fn what_the_index_of_due_links_calls_due_is_due() {
    let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
    let mut schedule = schedule([(Reason::Retry, at(10_900))]);
    assert_eq!(schedule.take_due(at(9_999)), []);
    assert_eq!(schedule.take_due(at(10_100)), [Reason::Retry]);
}

#[test]
fn a_later_time_replaces_an_earlier_one_and_none_removes_it() {
    let mut schedule = Schedule::default();
    schedule.set(Reason::Consent, Some(minutes(9)));
    schedule.set(Reason::Consent, Some(minutes(5)));
    assert_eq!(schedule.get(Reason::Consent), Some(minutes(5)));
    schedule.set(Reason::Consent, None);
    assert_eq!(schedule, Schedule::default());
}

#[test]
fn a_reason_of_a_newer_release_is_left_out() {
    let stored = r#"{"retry":"2026-11-23T12:00:00Z","novelty":"2026-11-23T12:00:00Z"}"#;
    let read: Schedule = serde_json::from_str(stored).unwrap();
    assert_eq!(read, schedule([(Reason::Retry, now())]));
}

#[test]
fn a_moment_later_ends_at_the_end_of_time() {
    let second = SignedDuration::from_secs(1);
    assert_eq!(later(now(), second), seconds(1));
    assert_eq!(later(Timestamp::MAX, second), Timestamp::MAX);
}
