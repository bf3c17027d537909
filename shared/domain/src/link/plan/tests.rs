mod resume;

use super::*;
use crate::id::ExternalId;
use crate::link::fixtures::*;
use crate::link::schedule::Schedule;
use crate::link::{ConsentFacts, NamedBy};
use crate::resource::ResourceKind;

use ResourceKind::{Accounts, Bills, Owners, Transactions};
use SyncMode::Full;

/// Times that no plan sets by itself, for every reason.
fn everything_scheduled() -> Schedule {
    let reasons = [
        Reason::Retry,
        Reason::Continue,
        Reason::CheckLink,
        Reason::Unannounced,
        Reason::LimitLifted,
        Reason::EmptyList,
        Reason::Consent,
        Reason::FullSync,
        Reason::Reread,
        Reason::Refresh,
    ];
    Schedule(reasons.into_iter().map(|it| (it, minutes(1))).collect())
}

#[test]
fn a_plan_keeps_of_a_status_what_still_has_a_purpose() {
    let check = |status, expected: &[Reason]| {
        let mut link = loaded();
        link.status = status;
        link.schedule = everything_scheduled();
        link.plan(&policy(), now());
        let planned: Vec<Reason> = link.schedule.0.into_keys().collect();
        assert_eq!(planned, expected, "{status:?}");
    };
    check(
        LinkStatus::Bound,
        &[
            Reason::LimitLifted,
            Reason::EmptyList,
            Reason::Consent,
            Reason::FullSync,
            Reason::Reread,
            Reason::Refresh,
        ],
    );
    let checked = [Reason::CheckLink, Reason::Reread];
    check(LinkStatus::Quarantined, &[Reason::Reread]);
    check(LinkStatus::Announced, &checked);
    let awaiting = [Reason::CheckLink, Reason::Unannounced, Reason::Reread];
    check(LinkStatus::AwaitingOwner, &awaiting);
    check(LinkStatus::Unclaimed, &checked);
    check(LinkStatus::Gone, &checked);
}

#[test]
fn a_plan_ends_an_outage() {
    let mut link = loaded();
    let code = code("no_answer");
    link.back_off(code, SignedDuration::ZERO, &policy(), now());
    link.plan(&policy(), now());
    assert_eq!(link.last_error, None);
    assert_eq!(link.schedule.get(Reason::Retry), None);
}

#[test]
fn only_a_bound_link_is_resolved() {
    let check = |status, resolved| {
        let mut link = bound();
        link.status = status;
        link.unresolved = Some(Backoff::next(None, minutes(-5)));
        link.checked_at = Some(minutes(-1));
        link.plan(&policy(), now());
        let forgotten = (link.unresolved.is_none(), link.checked_at.is_none());
        assert_eq!(forgotten, (resolved, resolved), "{status:?}");
    };
    check(LinkStatus::Bound, true);
    check(LinkStatus::Announced, false);
    check(LinkStatus::AwaitingOwner, false);
    check(LinkStatus::Quarantined, false);
    check(LinkStatus::Unclaimed, false);
    check(LinkStatus::Gone, false);
}

#[test]
fn checks_of_a_link_end_after_two_days_unclaimed_and_after_thirty_otherwise() {
    let check_named = |named_by: &[NamedBy], status, unresolved_hours: i64, expected| {
        let mut link = Link::new(link_id(1));
        link.status = status;
        link.named_by = named_by.to_vec();
        link.unresolved = Some(Backoff::next(None, hours(-unresolved_hours)));
        link.plan(&policy(), now());
        let next = link.schedule.get(Reason::CheckLink);
        assert_eq!(next.is_some(), expected, "{status:?} {unresolved_hours}");
    };
    let check = |status, hours, expected| check_named(&[], status, hours, expected);
    // A visit has named it: its owner may show as late as that of any other.
    let named = [NamedBy {
        external_id: ExternalId::parse("user-1").unwrap(),
        session_id: session(1),
    }];
    check_named(&named, LinkStatus::Unclaimed, 719, true);
    check_named(&named, LinkStatus::Unclaimed, 720, false);
    check(LinkStatus::Unclaimed, 47, true);
    check(LinkStatus::Unclaimed, 48, false);
    for status in [
        LinkStatus::Announced,
        LinkStatus::AwaitingOwner,
        LinkStatus::Gone,
    ] {
        check(status, 719, true);
        check(status, 720, false);
    }
}

#[test]
fn checks_of_a_link_come_after_growing_delays() {
    let mut link = Link::new(link_id(1));
    link.fencing_token = 3;
    link.status = LinkStatus::Gone;
    for attempts in 1..4 {
        link.plan(&policy(), now());
        let unresolved = link.unresolved.unwrap();
        assert_eq!((unresolved.since, unresolved.attempts), (now(), attempts));
        let delay = unresolved.delay(Jitter::new(link.link_id, 3));
        assert_eq!(
            link.schedule.get(Reason::CheckLink),
            Some(later(now(), delay))
        );
        link.resume(Reason::CheckLink, &policy());
    }
}

#[test]
fn a_single_link_in_quarantine_has_its_owners_read_again() {
    let check = |mode: &str, expected: bool| {
        let mut link = bound();
        link.status = LinkStatus::Quarantined;
        link.access_mode = Some(mode.to_owned());
        link.plan(&policy(), now());
        let check = link.schedule.get(Reason::CheckLink);
        assert_eq!(check.is_some(), expected, "{mode}");
        link.resume(Reason::CheckLink, &policy());
        assert!(link.needs_sync(Owners));
    };
    check("single", true);
    check("recurrent", false);
}

#[test]
fn unannounced_resources_are_synced_ninety_minutes_after_the_link_was_made() {
    let check = |status, created: Option<i64>, expected: Option<i64>| {
        let mut link = bound();
        link.status = status;
        link.created_at = created.map(minutes);
        link.plan(&policy(), now());
        let next = link.schedule.get(Reason::Unannounced);
        assert_eq!(next, expected.map(minutes), "{status:?} {created:?}");
    };
    check(LinkStatus::Bound, Some(0), Some(90));
    check(LinkStatus::Bound, Some(-80), Some(10));
    check(LinkStatus::Bound, Some(-86), Some(5));
    check(LinkStatus::Bound, Some(-9000), Some(5));
    check(LinkStatus::Bound, None, Some(90));
    check(LinkStatus::AwaitingOwner, Some(-89), Some(5));
    check(LinkStatus::AwaitingOwner, Some(-90), Some(5));
    check(LinkStatus::AwaitingOwner, Some(-9000), Some(5));
    check(LinkStatus::AwaitingOwner, None, Some(90));
    check(LinkStatus::Announced, Some(0), None);
    check(LinkStatus::Quarantined, Some(0), None);
    check(LinkStatus::Unclaimed, Some(0), None);
    check(LinkStatus::Gone, Some(0), None);
}

#[test]
fn a_link_that_awaits_its_owner_looks_for_owners_until_they_are_pending() {
    let check = |change: fn(&mut Link), expected| {
        let mut link = bound();
        link.status = LinkStatus::AwaitingOwner;
        change(&mut link);
        link.plan(&policy(), now());
        let next = link.schedule.get(Reason::Unannounced);
        assert_eq!(next.is_some(), expected, "{link:?}");
    };
    check(|_| {}, true);
    check(|it| it.pending.request_sync(Owners, Full), false);
    check(|it| it.pending.request_sync(Accounts, Full), true);
    // Belvo retrieves no OWNERS for it, so none will come.
    check(|it| it.fetch_resources = [Accounts].into(), false);
}

#[test]
fn a_date_that_has_come_stays_until_its_job_takes_it() {
    let dates = [Reason::FullSync, Reason::Consent, Reason::Unannounced];
    for reason in dates {
        for (at, stays) in [(minutes(-1), true), (now(), true), (minutes(1), false)] {
            let mut link = loaded();
            link.schedule.set(reason, at);
            link.plan(&policy(), now());
            let kept = link.schedule.get(reason) == Some(at);
            assert_eq!(kept, stays, "{reason:?} {at}");
            link.schedule.take_due(minutes(2));
            link.plan(&policy(), minutes(2));
            assert_ne!(link.schedule.get(reason), Some(at), "{reason:?} {at}");
        }
    }
}

#[test]
fn the_jobs_of_a_day_do_not_put_off_an_overdue_full_sync() {
    let mut link = loaded();
    link.resource(Accounts).last_full_sync = Some(days(-30));
    for hour in 0..24 {
        link.plan(&policy(), hours(hour));
        assert_eq!(link.schedule.get(Reason::FullSync), Some(days(1)));
    }
    // Its job has taken it, and was not able to sync.
    assert_eq!(link.schedule.take_due(days(1)), [Reason::FullSync]);
    link.plan(&policy(), days(1));
    assert_eq!(link.schedule.get(Reason::FullSync), Some(days(2)));
}

#[test]
fn only_an_unsettled_resource_is_looked_for_unannounced() {
    let check = |change: fn(&mut Link), expected| {
        let mut link = loaded();
        change(&mut link);
        link.plan(&policy(), now());
        let next = link.schedule.get(Reason::Unannounced);
        assert_eq!(next.is_some(), expected, "{link:?}");
    };
    check(|_| {}, false);
    check(
        |it| *it.resource(Owners) = declined("unavailable_data"),
        false,
    );
    check(|it| it.resource(Owners).last_sync = None, true);
    check(|it| it.fetch_resources = [Owners, Bills].into(), true);
}

#[test]
fn a_full_sync_is_due_a_week_after_the_oldest_one_and_tomorrow_at_the_earliest() {
    // A share of a day that only the link's id decides.
    let spread = Jitter::new(link_id(1), 0).share_of(SignedDuration::from_hours(24));
    assert!(spread.is_positive());
    let check = |change: fn(&mut Link), expected: Option<Timestamp>| {
        let mut link = loaded();
        link.fencing_token = 9;
        change(&mut link);
        link.plan(&policy(), now());
        let next = link.schedule.get(Reason::FullSync);
        assert_eq!(next, expected, "{link:?}");
    };
    check(|_| {}, Some(later(days(6), spread)));
    check(
        |it| it.resource(Accounts).last_full_sync = Some(days(-3)),
        Some(later(days(4), spread)),
    );
    check(
        |it| it.resource(Accounts).last_full_sync = Some(days(-30)),
        Some(days(1)),
    );
    // Belvo declines ACCOUNTS, so no full sync can make them younger.
    check(
        |it| {
            it.resource(Accounts).last_full_sync = Some(days(-3));
            it.resource(Accounts).declined = Some(code("unavailable_data"));
        },
        Some(later(days(6), spread)),
    );
    check(|it| it.access_mode = Some("single".to_owned()), None);
    // No webhook would tell that it is given again.
    check(
        |it| {
            it.access_mode = Some("single".to_owned());
            it.resource(Accounts).declined = Some(code("access_to_resource_denied"));
        },
        Some(later(days(6), spread)),
    );
    check(
        |it| {
            it.access_mode = Some("single".to_owned());
            for kind in [Owners, Accounts, Transactions] {
                *it.resource(kind) = declined("access_to_resource_denied");
            }
        },
        Some(days(1)),
    );
    check(
        |it| it.access_mode = Some("recurrent".to_owned()),
        Some(later(days(6), spread)),
    );
    check(|it| it.resources.clear(), None);
    // What Belvo does not retrieve for the link is not synced by its full sync.
    check(|it| it.fetch_resources = [Bills].into(), None);
}

#[test]
fn the_next_check_of_a_consent_is_planned_for_bound_links() {
    let check = |status, expires_days: Option<i64>, expected: Option<i64>| {
        let mut link = loaded();
        link.status = status;
        link.consent = expires_days.map(|it| ConsentFacts {
            expires_at: Some(days(it)),
            read_at: Some(days(6)),
            ..ConsentFacts::default()
        });
        link.plan(&policy(), now());
        let next = link.schedule.get(Reason::Consent);
        assert_eq!(next, expected.map(days), "{expires_days:?}");
    };
    let bound = LinkStatus::Bound;
    check(bound, None, Some(1));
    check(bound, Some(20), Some(7));
    check(bound, Some(8), Some(1));
    check(bound, Some(-31), Some(13));
    check(LinkStatus::Gone, Some(20), None);
}

#[test]
fn a_link_is_complete_as_of_an_access_once_all_that_is_requested_covers_it() {
    let check = |change: fn(&mut Link), expected: bool| {
        let mut link = loaded();
        link.last_accessed_at = Some(days(-2));
        change(&mut link);
        link.plan(&policy(), now());
        assert_eq!(link.complete_as_of, Some(days(-2)).filter(|_| expected));
    };
    check(|_| {}, true);
    check(|it| *it.resource(Owners) = synced(Full, days(-2)), false);
    check(
        |it| *it.resource(Owners) = declined("unavailable_data"),
        true,
    );
    check(|it| it.resources.clear(), false);
    check(
        |it| {
            it.resources.clear();
            it.status = LinkStatus::Gone;
        },
        true,
    );
}

#[test]
fn a_link_that_belvo_has_not_accessed_is_complete_as_of_no_moment() {
    let mut link = bound();
    link.complete_as_of = Some(days(-3));
    link.plan(&policy(), now());
    assert_eq!(link.complete_as_of, None);
}

#[test]
fn a_limit_ends_at_its_time() {
    let check = |until, expected: Option<i64>| {
        let mut link = loaded();
        link.limited_until = Some(seconds(until));
        link.plan(&policy(), now());
        assert_eq!(link.limited_until, expected.map(seconds), "{until}");
    };
    check(1, Some(1));
    check(0, None);
    check(-1, None);
}

#[test]
fn what_was_always_empty_is_looked_at_again_for_ten_days() {
    let check = |change: fn(&mut Link), age: i64, expected: Option<i64>| {
        let mut link = loaded();
        for resource in link.resources.values_mut() {
            resource.rows = 3;
        }
        link.bound_at = Some(hours(-age));
        change(&mut link);
        link.plan(&policy(), now());
        let look = link.schedule.get(Reason::EmptyList);
        assert_eq!(look, expected.map(hours), "{age}");
    };
    let empty = |it: &mut Link| it.resource(Owners).rows = 0;
    check(|_| {}, 0, None);
    check(empty, 0, Some(1));
    check(empty, 1, Some(5));
    check(empty, 6, Some(18));
    check(empty, 100, Some(68));
    check(empty, 239, Some(1));
    check(empty, 240, None);
    let emptied = |it: &mut Link| {
        it.resource(Owners).rows = 0;
        it.resource(Owners).revision = 1;
    };
    check(emptied, 0, None);
    let unread = |it: &mut Link| *it.resource(Owners) = Resource::default();
    check(unread, 0, None);
    let gone = |it: &mut Link| {
        it.resource(Owners).rows = 0;
        it.status = LinkStatus::Gone;
    };
    check(gone, 0, None);

    let mut link = loaded();
    link.resource(Accounts).rows = 1;
    link.resource(Accounts).revision = 1;
    link.resume(Reason::EmptyList, &policy());
    let asked: Vec<_> = link.pending.resources.into_keys().collect();
    assert_eq!(asked, [Owners, ResourceKind::Transactions]);
}

#[test]
fn a_link_lacks_what_is_neither_read_nor_pending() {
    let check = |change: fn(&mut Link), expected| {
        let mut link = loaded();
        for resource in link.resources.values_mut() {
            resource.announced_at = Some(days(-2));
        }
        change(&mut link);
        assert_eq!(link.lacks(days(-2)), expected, "{link:?}");
    };
    check(|_| {}, false);
    let unread = |it: &mut Link| it.resource(Owners).announced_at = None;
    check(unread, false);
    let stale = |it: &mut Link| {
        it.resource(Owners).announced_at = None;
        *it.resource(Owners) = Resource {
            rows: 1,
            ..synced(Full, days(-3))
        };
    };
    check(stale, true);
    check(|it| it.resources.clear(), true);
    check(
        |it| {
            it.resources.clear();
            for kind in policy().fetch_resources.iter() {
                it.pending.request_sync(kind, Full);
            }
        },
        false,
    );
    check(
        |it| *it.resource(Owners) = declined("unavailable_data"),
        false,
    );
}

#[test]
fn a_link_that_was_never_ours_is_kept_for_thirty_days_after_its_checks() {
    let check = |status, change: fn(&mut Link), age: i64, expected: Option<i64>| {
        let mut link = Link::new(link_id(1));
        link.status = status;
        link.unresolved = Some(Backoff::next(None, days(-age)));
        change(&mut link);
        link.plan(&policy(), now());
        let kept_until = link.kept_until();
        assert_eq!(kept_until, expected.map(days), "{status:?} {age}");
    };
    let nothing = |_: &mut Link| {};
    check(LinkStatus::Unclaimed, nothing, 1, None);
    check(LinkStatus::Unclaimed, nothing, 2, Some(30));
    check(LinkStatus::Unclaimed, nothing, 40, Some(-8));
    check(LinkStatus::Gone, nothing, 29, None);
    check(LinkStatus::Gone, nothing, 30, Some(30));
    check(LinkStatus::Quarantined, nothing, 99, None);
    let was_bound = |it: &mut Link| it.bound_at = Some(days(-99));
    check(LinkStatus::Gone, was_bound, 99, None);
    check(LinkStatus::Bound, nothing, 99, None);
}

#[test]
fn an_unclaimed_link_is_left_once_its_checks_have_ended() {
    let mut link = Link::new(link_id(1));
    assert!(link.needs_check(), "nothing is known of it");
    link.status = LinkStatus::Unclaimed;
    link.unresolved = Some(Backoff::next(None, days(-1)));
    link.plan(&policy(), now());
    assert!(link.needs_check());
    link.institution_user_id = Some("person".to_owned());
    link.plan(&policy(), days(1));
    assert!(link.is_left() && !link.needs_check());
    assert_eq!(link.institution_user_id, None);
    link.observe_webhook(sent(&new_rows(Accounts), days(2)), &policy(), days(2));
    assert!(!link.needs_check());
    link.observe_callback(&attempt(1, days(2)).attempt);
    assert!(link.needs_check(), "somebody came back with it");
}

#[test]
fn what_belvo_has_deleted_is_erased_after_the_days_that_the_customer_has_set() {
    let check = |days_kept: u16, change: fn(&mut Link), expected: Option<i64>| {
        let mut link = loaded();
        let deleted = event(crate::event::EventKind::LinkDeleted);
        link.observe_webhook(sent(&deleted, now()), &policy(), now());
        link.lose();
        change(&mut link);
        let policy = Policy {
            deleted_link_days: days_kept,
            ..policy()
        };
        link.plan(&policy, hours(1));
        let erased_at = link.schedule.get(Reason::Deleted);
        assert_eq!(erased_at, expected.map(days), "{days_kept}");
    };
    check(30, |_| {}, Some(30));
    check(0, |_| {}, Some(0));
    let told_again = |it: &mut Link| {
        let deleted = event(crate::event::EventKind::LinkDeleted);
        it.observe_webhook(sent(&deleted, days(5)), &policy(), days(5));
    };
    check(30, told_again, Some(30));
    let listed = |it: &mut Link| {
        it.observe_record(crate::link::LinkFacts::default());
        it.lose();
    };
    check(30, listed, None);
    check(30, |it| it.bound_at = None, None);
    check(30, |it| it.status = LinkStatus::Bound, None);
}
