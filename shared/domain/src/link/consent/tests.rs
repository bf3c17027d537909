use super::*;
use crate::link::fixtures::*;
use crate::link::{Pending, Reason};
use crate::resource::ResourceKind;

/// What a webhook said, or nothing.
type Change = Option<ConsentChange>;

const CHANGES: [ConsentChange; 5] = [
    ConsentChange::Expired,
    ConsentChange::AboutToExpire,
    ConsentChange::ExpirationChanged,
    ConsentChange::UnrecoverableResources,
    ConsentChange::UnavailableResources,
];

fn facts(status: &str, expires_at: Option<Timestamp>, change: Change) -> ConsentFacts {
    ConsentFacts {
        status: Some(status.to_owned()),
        expires_at,
        change,
        ..ConsentFacts::default()
    }
}

#[test]
fn a_consent_is_in_force_while_authorised_and_not_past_its_end() {
    let check = |status, expires: Option<i64>, expected| {
        let facts = facts(status, expires.map(seconds), None);
        assert_eq!(facts.is_in_force(now()), expected, "{status} {expires:?}");
    };
    check("AUTHORISED", None, true);
    check("AUTHORISED", Some(1), true);
    check("AUTHORISED", Some(0), false);
    check("REJECTED", None, false);
    check("NOVELTY", None, false);
    assert!(!ConsentFacts::default().is_in_force(now()));
}

#[test]
fn an_end_is_near_within_a_week_or_once_belvo_has_warned_of_it() {
    let week = 7 * 24 * 3600;
    let check = |expires: Option<i64>, change, near| {
        let facts = facts("AUTHORISED", expires.map(seconds), change);
        let expected = expires.map(seconds).filter(|_| near);
        assert_eq!(facts.near_end(now()), expected, "{expires:?} {change:?}");
    };
    check(None, None, false);
    check(None, Some(ConsentChange::AboutToExpire), false);
    check(Some(week + 1), None, false);
    check(Some(week), None, true);
    check(Some(-1), None, true);
    for change in CHANGES {
        let warned = change == ConsentChange::AboutToExpire;
        check(Some(week + 1), Some(change), warned);
    }
}

#[test]
fn a_consent_lets_no_data_through_once_refused_ended_or_unfinished() {
    use ConsentObstacle::{Expired, Rejected, Unfinished};
    let check = |status, expires: Option<i64>, change, expected: Option<ConsentObstacle>| {
        let facts = facts(status, expires.map(seconds), change);
        let context = format!("{status} {expires:?} {change:?}");
        assert_eq!(facts.obstacle(now()), expected, "{context}");
        let ended = matches!(expected, Some(Rejected | Expired));
        assert_eq!(facts.has_ended(now()), ended, "{context}");
    };
    check("AUTHORISED", None, None, None);
    check("AUTHORISED", Some(1), None, None);
    check("AUTHORISED", Some(0), None, Some(Expired));
    check("NOVELTY", None, None, None);
    check("EXPIRED", None, None, Some(Expired));
    check("REJECTED", None, None, Some(Rejected));
    check(
        "REJECTED",
        Some(0),
        Some(ConsentChange::Expired),
        Some(Rejected),
    );
    for status in [
        "AWAITING_AUTHORISATION",
        "AWAITING_AUTHORISATION_CONFIRMATION",
    ] {
        check(status, None, None, Some(Unfinished));
        check(status, Some(1), None, Some(Unfinished));
        check(status, Some(0), None, Some(Expired));
        check(status, None, Some(ConsentChange::Expired), Some(Expired));
    }
    for change in CHANGES {
        let expected = (change == ConsentChange::Expired).then_some(Expired);
        check("AUTHORISED", None, Some(change), expected);
    }
    assert_eq!(ConsentFacts::default().obstacle(now()), None);
}

#[test]
fn an_end_that_only_a_webhook_tells_of_is_not_the_one_that_is_far_ahead() {
    let check = |status, change| {
        let ended = ConsentFacts {
            id: Some(consent_id(1)),
            ..facts(status, Some(days(100)), change)
        };
        let untimed = ConsentEnd {
            id: Some(consent_id(1)),
            at: None,
        };
        assert_eq!(ended.end(now()), Some(untimed), "{status} {change:?}");
    };
    check("AUTHORISED", Some(ConsentChange::Expired));
    check("REJECTED", None);
}

#[test]
fn an_end_is_told_from_a_minute_before_it_is_near() {
    let week = 7 * 24 * 3600;
    let check = |status, expires: Option<i64>, told: bool| {
        let facts = ConsentFacts {
            id: Some(consent_id(1)),
            ..facts(status, expires.map(seconds), None)
        };
        let expected = told.then_some(ConsentEnd {
            id: Some(consent_id(1)),
            at: expires.map(seconds),
        });
        assert_eq!(facts.end(now()), expected, "{status} {expires:?}");
    };
    check("AUTHORISED", None, false);
    check("AUTHORISED", Some(week + 61), false);
    check("AUTHORISED", Some(week + 60), true);
    check("AUTHORISED", Some(-9), true);
    check("REJECTED", None, true);
}

#[test]
fn consents_are_read_30_7_and_1_days_before_their_end_and_after_it() {
    let consent = ConsentFacts {
        expires_at: Some(at("2026-12-31T00:00:00Z")),
        read_at: Some(days(900)),
        ..ConsentFacts::default()
    };
    let dates = checks(&consent, at("2026-11-01T00:00:00Z"));
    let dates: Vec<_> = dates.iter().map(ToString::to_string).collect();
    let expected = [
        "2026-12-01T00:00:00Z",
        "2026-12-24T00:00:00Z",
        "2026-12-30T00:00:00Z",
        "2026-12-31T00:05:00Z",
        "2027-01-01T00:00:00Z",
    ];
    assert_eq!(dates[..5], expected);
    assert_eq!(
        (dates.len(), dates[33].as_str()),
        (34, "2027-01-30T00:00:00Z")
    );
}

/// When a consent is read, but for the slow clock: that stands still, as if it had been read in the
/// far future.
fn checks(facts: &ConsentFacts, from: Timestamp) -> Vec<Timestamp> {
    let facts = ConsentFacts {
        read_at: Some(days(900)),
        ..facts.clone()
    };
    let first = facts.next_check(from);
    let dates = std::iter::successors(Some(first), |date| Some(facts.next_check(*date)));
    dates.take_while(|it| *it < days(900)).collect()
}

#[test]
fn every_consent_is_read_daily_and_one_that_has_ended_weekly() {
    let check = |status: &str, read: Option<i64>, expires: Option<i64>, expected: i64| {
        let facts = ConsentFacts {
            read_at: read.map(hours),
            ..facts(status, expires.map(days), None)
        };
        assert_eq!(
            facts.next_check(now()),
            hours(expected),
            "{status} {read:?}"
        );
    };
    check("AUTHORISED", Some(0), None, 24);
    check("AUTHORISED", Some(-23), None, 1);
    check("AUTHORISED", Some(-23), Some(300), 1);
    check("AWAITING_AUTHORISATION_CONFIRMATION", Some(-1), None, 23);
    check("REJECTED", Some(-24), None, 6 * 24);
    check("EXPIRED", Some(-24), Some(-1), 24);
    check("EXPIRED", Some(-24), Some(-40), 6 * 24);
    // One that was never read, or of which a look came to nothing.
    check("AUTHORISED", None, None, 24);
    check("AUTHORISED", Some(-30), None, 24);
}

#[test]
fn an_opened_portal_is_followed_for_an_hour_and_a_webhook_once_after_an_hour() {
    let check = |changed: Option<i64>, opened: Option<i64>, expected: &[i64]| {
        let facts = ConsentFacts {
            changed_at: changed.map(minutes),
            portal_opened_at: opened.map(minutes),
            ..ConsentFacts::default()
        };
        let dates = checks(&facts, now());
        let expected: Vec<_> = expected.iter().copied().map(minutes).collect();
        assert_eq!(dates, expected, "{changed:?} {opened:?}");
    };
    check(None, None, &[]);
    check(Some(0), None, &[60]);
    check(Some(-60), None, &[]);
    check(None, Some(0), &[3, 10, 30, 65]);
    check(None, Some(-20), &[10, 45]);
    check(Some(0), Some(0), &[3, 10, 30, 60, 65]);
}

#[test]
fn a_check_comes_at_a_full_second_that_is_not_before_its_time() {
    let facts = ConsentFacts {
        changed_at: Some(at("2026-11-23T12:00:00.250Z")),
        ..ConsentFacts::default()
    };
    let next = facts.next_check(now());
    assert_eq!(next, at("2026-11-23T13:00:01Z"));
}

fn listed(id: u8, status: &str, created_at: i64, expires_at: Option<i64>) -> ListedConsent {
    ListedConsent {
        id: Some(consent_id(id)),
        status: Some(status.to_owned()),
        created_at: Some(days(created_at)),
        expires_at: expires_at.map(days),
    }
}

#[test]
fn of_several_consents_the_one_in_force_counts_or_else_the_last_that_was() {
    let check = |statuses: &[(&str, i64)], expected: Option<u8>| {
        let numbered = (1..).zip(statuses);
        let list: Vec<_> = numbered
            .map(|(id, (status, created))| listed(id, status, *created, None))
            .collect();
        let mut facts = ConsentFacts::default();
        facts.observe_listed(&list, now());
        assert_eq!(facts.id, expected.map(consent_id), "{statuses:?}");
        let status = expected.map(|id| statuses[usize::from(id) - 1].0);
        assert_eq!(facts.status.as_deref(), status);
    };
    check(&[], None);
    check(&[("NOVELTY", -1)], Some(1));
    check(&[("AUTHORISED", -9), ("AUTHORISED", -8)], Some(2));
    // A renewal was begun and abandoned, another one refused.
    for status in ["AUTHORISED", "EXPIRED"] {
        let abandoned = ("AWAITING_AUTHORISATION", -1);
        check(&[(status, -365), abandoned, ("REJECTED", 0)], Some(1));
    }
    check(&[("EXPIRED", -1), ("AUTHORISED", -365)], Some(2));
    check(&[("REJECTED", 0), ("AWAITING_AUTHORISATION", -1)], Some(2));
    let confirmation = "AWAITING_AUTHORISATION_CONFIRMATION";
    check(&[("REJECTED", 0), (confirmation, -1)], Some(2));
    check(&[(confirmation, 0), ("EXPIRED", -1)], Some(2));
    check(&[("NOVELTY", 0), ("REJECTED", -1)], Some(1));
}

#[test]
fn an_empty_list_leaves_what_is_known() {
    let known = facts("AUTHORISED", Some(days(9)), Some(ConsentChange::Expired));
    let mut facts = known.clone();
    facts.observe_listed(&[], now());
    assert_eq!(facts, known);
}

/// The change that is left of `change`, sent so many minutes ago, once Belvo lists consent 1 as
/// authorised until that day. Before, LINK knew `known` of it: id and last day.
fn left_of(
    change: ConsentChange,
    sent: Option<i64>,
    known: (u8, Option<i64>),
    expires: Option<i64>,
) -> Change {
    let mut facts = ConsentFacts {
        id: Some(consent_id(known.0)),
        expires_at: known.1.map(days),
        changed_at: sent.map(|it| minutes(-it)),
        change: Some(change),
        ..ConsentFacts::default()
    };
    facts.observe_listed(&[listed(1, "AUTHORISED", -365, expires)], now());
    assert_eq!(facts.expires_at, expires.map(days));
    facts.change
}

#[test]
fn a_webhook_counts_for_an_hour_against_belvos_record() {
    let check = |change, sent, stays: bool| {
        let left = left_of(change, sent, (1, None), None);
        assert_eq!(left, Some(change).filter(|_| stays), "{change:?} {sent:?}");
    };
    for end in [ConsentChange::Expired, ConsentChange::AboutToExpire] {
        check(end, Some(1), true);
        check(end, Some(59), true);
        check(end, Some(60), false);
        check(end, None, false);
    }
    check(ConsentChange::UnrecoverableResources, Some(60), true);
    check(ConsentChange::UnavailableResources, Some(60), true);
    check(ConsentChange::ExpirationChanged, Some(60), true);
}

#[test]
fn a_renewed_consent_ends_what_was_said_of_the_old_one() {
    let renewed = [
        ((2, Some(9)), Some(9)),
        ((1, Some(2)), Some(9)),
        ((1, Some(9)), None),
    ];
    for (known, expires) in renewed {
        let check = |change, stays: bool| {
            let left = left_of(change, Some(1), known, expires);
            assert_eq!(left, Some(change).filter(|_| stays), "{change:?} {known:?}");
        };
        check(ConsentChange::Expired, false);
        check(ConsentChange::AboutToExpire, false);
        check(ConsentChange::UnrecoverableResources, false);
        check(ConsentChange::UnavailableResources, true);
        check(ConsentChange::ExpirationChanged, true);
    }
}

#[test]
fn a_consent_that_is_past_its_end_stays_expired() {
    let left = left_of(ConsentChange::Expired, Some(600), (1, Some(-1)), Some(-1));
    assert_eq!(left, Some(ConsentChange::Expired));
}

#[test]
fn reading_the_consents_settles_them_and_says_whether_the_consent_has_ended() {
    let check = |status, ended| {
        let mut link = bound();
        link.pending.consents = true;
        let list = [listed(1, status, -365, None)];
        assert_eq!(
            link.observe_consents(&list, &policy(), now()),
            ended,
            "{status}"
        );
        assert!(!link.pending.consents);
        assert_eq!(link.consent.unwrap().id, Some(consent_id(1)));
    };
    check("AUTHORISED", false);
    check("EXPIRED", true);
}

#[test]
fn opening_the_portal_schedules_the_next_read_of_the_consent() {
    let check = |opened, manages: bool, expected: i64| {
        let mut link = bound();
        link.schedule.set(Reason::Consent, days(20));
        link.observe_portal(minutes(opened), manages, now());
        let next = link.schedule.get(Reason::Consent);
        assert_eq!(next, Some(minutes(expected)), "{opened}");
        let consent = link.consent.unwrap();
        assert_eq!(consent.portal_opened_at, Some(minutes(opened)));
        // Only an opened renewal is evidence of whose a renewed link is.
        let renewal = Some(minutes(opened)).filter(|_| !manages);
        assert_eq!(consent.renewal_opened_at, renewal);
    };
    for manages in [false, true] {
        check(0, manages, 3);
        check(-5, manages, 5);
        check(-90, manages, 24 * 60);
    }
}

#[test]
fn a_consent_in_force_leads_to_a_look_at_what_the_user_had_to_mend() {
    let check = |status: &str, known: Option<&str>, is_asked: bool, is_read: bool| {
        let mut link = bound();
        link.user_action = known.map(code);
        *link.resource(ResourceKind::Accounts) = declined("consent_without_accounts");
        *link.resource(ResourceKind::Owners) = declined("unsupported_operation");
        link.observe_consents(&[listed(1, status, -9, None)], &policy(), now());
        assert_eq!(link.pending.link, is_asked, "{status} {known:?}");
        let pending = link.needs_sync(ResourceKind::Accounts);
        assert_eq!(pending, is_read, "{status} {known:?}");
        assert!(!link.needs_sync(ResourceKind::Owners));
        // Read once more, it is no news.
        link.pending = Pending::default();
        link.observe_consents(&[listed(1, status, -9, None)], &policy(), now());
        assert_eq!(link.pending.link, is_asked);
        assert!(!link.needs_sync(ResourceKind::Accounts));
    };
    check("AUTHORISED", Some("consent_without_accounts"), true, true);
    check("AUTHORISED", None, false, false);
    check("EXPIRED", Some("consent_without_accounts"), false, false);
}

#[test]
fn a_stored_consent_reads_without_any_of_its_members() {
    let facts: ConsentFacts = serde_json::from_str("{}").unwrap();
    assert_eq!(facts, ConsentFacts::default());
    let end: ConsentEnd = serde_json::from_str("{}").unwrap();
    assert_eq!(end, ConsentEnd::default());
}
