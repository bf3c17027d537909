use super::*;
use crate::link::fixtures::*;
use crate::link::{ConsentFacts, Refresh};
use crate::resource::ResourceKind;
use jiff::SignedDuration;

use ResourceKind::Owners;

fn consent(status: &str, expires_days: Option<i64>, change: Option<ConsentChange>) -> ConsentFacts {
    ConsentFacts {
        status: Some(status.to_owned()),
        expires_at: expires_days.map(days),
        change,
        ..ConsentFacts::default()
    }
}

/// The report of a loaded link after this change: status, code, action, until when.
fn report_of(change: impl FnOnce(&mut Link)) -> (Status, &'static str, Action, Option<Timestamp>) {
    let mut link = loaded();
    change(&mut link);
    let links = [link];
    let status = UserStatus::of(&links, false, now());
    let report = status.link(&links[0]);
    let next = report.next_action;
    (report.status, next.code, next.action, next.until)
}

#[test]
fn each_link_status_has_one_report() {
    let check = |status, proof_required, expected: (Status, &str)| {
        let mut link = loaded();
        link.status = status;
        let links = [link];
        let user = UserStatus::of(&links, proof_required, now());
        let report = user.link(&links[0]);
        assert_eq!((report.status, report.next_action.code), expected);
    };
    let awaiting_owner = (Status::AwaitingOwner, "awaiting_owner");
    let awaiting_proof = (Status::AwaitingProof, "awaiting_proof");
    for proof_required in [false, true] {
        check(LinkStatus::Announced, proof_required, awaiting_owner);
        check(LinkStatus::AwaitingOwner, proof_required, awaiting_owner);
        check(LinkStatus::Unclaimed, proof_required, awaiting_owner);
        let quarantined = (Status::Quarantined, "owner_mismatch");
        check(LinkStatus::Quarantined, proof_required, quarantined);
    }
    check(LinkStatus::Bound, false, (Status::Ready, "ok"));
    check(LinkStatus::Bound, true, awaiting_proof);
    check(LinkStatus::Gone, false, (Status::Gone, "link_gone"));
    check(LinkStatus::Gone, true, awaiting_proof);
}

#[test]
fn what_only_the_user_can_mend_is_reported_first() {
    let check = |change: fn(&mut Link), expected: &str, until: Option<i64>| {
        // Everything else is wrong as well.
        let report = report_of(|link| {
            link.resource(Owners).last_sync = None;
            link.limited_until = Some(days(8));
            let error = code("no_answer");
            link.back_off(error, SignedDuration::ZERO, &policy(), now());
            change(link);
        });
        assert_eq!((report.0, report.1), (Status::NeedsUser, expected));
        assert_eq!(report.3, until.map(days), "{expected}");
    };
    check(
        |it| it.consent = Some(consent("REJECTED", Some(5), None)),
        "consent_rejected",
        Some(5),
    );
    check(
        |it| it.consent = Some(consent("AUTHORISED", Some(-5), None)),
        "consent_expired",
        Some(-5),
    );
    check(
        |it| it.consent = Some(consent("AWAITING_AUTHORISATION", None, None)),
        "consent_pending",
        None,
    );
    check(
        |it| it.user_action = Some(code("token_required")),
        "token_required",
        None,
    );
    // `login_error` calls for other details on the way to a link, and for another link later.
    check(
        |it| it.user_action = Some(code("login_error")),
        "invalid_link",
        None,
    );
    check(
        |it| {
            it.user_action = Some(code("token_required"));
            it.consent = Some(consent("REJECTED", None, None));
        },
        "consent_rejected",
        None,
    );
}

#[test]
fn what_the_user_must_wait_for_is_reported_in_this_order() {
    let expiring = |it: &mut Link| it.consent = Some(consent("AUTHORISED", Some(5), None));
    let limited = |it: &mut Link| it.limited_until = Some(days(8));
    let failed = |it: &mut Link| {
        let error = code("institution_down");
        it.back_off(error, SignedDuration::from_hours(1), &policy(), now());
    };
    let loading = |it: &mut Link| it.resource(Owners).last_sync = None;
    use Action::{RenewConsent, Wait, WaitUntil};
    use Status::{Loading, Ready};
    let limit = "operational_limits_reached";

    let everything = report_of(|it| {
        expiring(it);
        limited(it);
        failed(it);
        loading(it);
    });
    let expected = (Loading, "consent_expiring", RenewConsent, Some(days(5)));
    assert_eq!(everything, expected);
    let expected = (Ready, "consent_expiring", RenewConsent, Some(days(5)));
    assert_eq!(report_of(expiring), expected);
    let without_consent = report_of(|it| {
        limited(it);
        failed(it);
        loading(it);
    });
    assert_eq!(without_consent, (Loading, limit, WaitUntil, Some(days(8))));
    assert_eq!(report_of(limited), (Ready, limit, WaitUntil, Some(days(8))));
    // Belvo is asked again, so the user has not to choose another bank.
    let expected = (Loading, "institution_down", WaitUntil, Some(hours(1)));
    let without_limit = report_of(|it| {
        failed(it);
        loading(it);
    });
    assert_eq!(without_limit, expected);
    let between_tries = report_of(|it| {
        failed(it);
        it.schedule.clear(Reason::Retry);
    });
    assert_eq!(between_tries, (Ready, "institution_down", Wait, None));
    assert_eq!(report_of(loading), (Loading, "loading", Wait, None));
}

#[test]
fn a_limit_that_is_over_is_not_reported() {
    let report = report_of(|it| it.limited_until = Some(now()));
    assert_eq!(report.1, "ok");
    let report = report_of(|it| it.limited_until = Some(seconds(1)));
    assert_eq!(report.1, "operational_limits_reached");
}

#[test]
fn a_ready_link_reports_what_is_missing_and_then_a_refresh() {
    let check = |change: fn(&mut Link), expected: &str| {
        let report = report_of(|it| {
            it.refresh = Some(Refresh {
                id: refresh_id(1),
                asked_at: now(),
                resources: Vec::new(),
                accepted: true,
                declined: None,
                request_id: None,
                earlier: None,
            });
            change(it);
        });
        assert_eq!((report.0, report.1), (Status::Ready, expected));
    };
    let changed = |change| Some(consent("AUTHORISED", None, Some(change)));
    let unrecoverable = changed(ConsentChange::UnrecoverableResources);
    assert_eq!(
        report_of(|it| it.consent = unrecoverable).1,
        "consent_unrecoverable_resources"
    );
    let unavailable = changed(ConsentChange::UnavailableResources);
    assert_eq!(
        report_of(|it| it.consent = unavailable).1,
        "consent_unavailable_resources"
    );
    for other in [
        ConsentChange::AboutToExpire,
        ConsentChange::ExpirationChanged,
    ] {
        let other = changed(other);
        assert_eq!(report_of(|it| it.consent = other).1, "ok");
    }
    check(
        |it| *it.resource(Owners) = declined("unsupported_operation"),
        "unsupported_operation",
    );
    check(|_| {}, "refreshing");
    check(|it| it.refresh = None, "ok");
}

#[test]
fn an_attempt_ends_as_its_callback_says_or_silently_after_fifteen_minutes() {
    use SessionStatus::{Error, Exit, Open, Silent, Success, Warning};
    let check =
        |outcome: Option<&str>, text: Option<&str>, age: i64, status, advice: Option<&str>| {
            let mut record = attempt(1, seconds(-age));
            record.outcome = outcome.map(code);
            record.code = text.map(code);
            let report = UserStatus::of(&[], false, now()).session(&record, &[]);
            let next = report.next_action.map(|it| it.code);
            assert_eq!((report.status, next), (status, advice), "{outcome:?} {age}");
            assert_eq!(report.link_ids, []);
        };
    check(None, None, 0, Open, None);
    check(Some("started"), None, 899, Open, None);
    check(Some("started"), None, 900, Silent, Some("no_callback"));
    check(None, None, 900, Silent, Some("no_callback"));
    check(Some("success"), None, 900, Success, None);
    check(Some("exit"), None, 0, Exit, Some("exit"));
    check(
        Some("exit"),
        Some("login_error"),
        0,
        Exit,
        Some("login_error"),
    );
    for (outcome, status) in [("error", Error), ("warning", Warning)] {
        check(Some(outcome), None, 900, status, Some("unknown"));
        let text = Some("institution_down");
        check(Some(outcome), text, 900, status, text);
    }
}

#[test]
fn an_attempt_that_made_a_link_is_a_success_without_its_callback() {
    // It is older than the attempt, so that only who made it counts.
    let check = |linked: Option<u8>, credited: Option<u8>, replaces: Option<u8>, expected| {
        let mut link = loaded();
        link.session_id = credited.map(session);
        link.replaces = replaces.map(link_id);
        let mut record = attempt(1, minutes(-60));
        record.linked = linked.map(link_id);
        let links = [link];
        let report = UserStatus::of(&links, false, now()).session(&record, &[]);
        let expected: Option<u8> = expected;
        assert_eq!(report.link_ids.first().copied(), expected.map(link_id));
        let status = match expected {
            Some(_) => SessionStatus::Success,
            None => SessionStatus::Silent,
        };
        assert_eq!(report.status, status, "{linked:?} {credited:?}");
        assert_eq!(report.next_action.is_some(), expected.is_none());
    };
    check(None, None, None, None);
    check(None, Some(2), None, None);
    check(None, Some(1), None, Some(1));
    check(Some(3), None, None, Some(3));
    check(Some(3), Some(1), None, Some(3));
    // A renewed link has the attempt of its predecessor, which did not make it.
    check(None, Some(1), Some(9), None);
}

#[test]
fn an_attempt_without_a_callback_can_have_made_a_link_of_its_time_and_owner() {
    let check = |change: fn(&mut Link, &mut Vec<AttemptRecord>), expected: bool| {
        let mut link = loaded();
        link.created_at = Some(minutes(-60));
        link.owner_document = Some(attempt(1, now()).attempt.person);
        let mut attempts = vec![attempt(1, minutes(-70)), attempt(2, minutes(-65))];
        change(&mut link, &mut attempts);
        let links = [link];
        let user = UserStatus::of(&links, false, now());
        let report = user.session(&attempts[0], &attempts);
        let found = (report.status, report.link_ids.len());
        let as_expected = match expected {
            true => (SessionStatus::Success, 1),
            false => (SessionStatus::Silent, 0),
        };
        assert_eq!(found, as_expected, "{:?}", links[0]);
    };
    check(|_, _| {}, true);
    // It may be credited to another one of those minutes.
    check(|it, _| it.session_id = Some(session(2)), true);
    check(|_, them| them[1].linked = Some(link_id(1)), false);
    check(|it, _| it.created_at = Some(minutes(-76)), false);
    check(|it, _| it.created_at = Some(minutes(-75)), true);
    check(
        |it, them| {
            them[0].attempt.started_at = minutes(-151);
            it.created_at = Some(minutes(-60));
        },
        false,
    );
    check(|it, _| it.created_at = None, false);
    check(
        |it, _| it.owner_document = Some(attempt(2, now()).attempt.person),
        false,
    );
    // Of a link whose owner is not known yet, time alone tells; of one that continues another, the
    // holder, because the hash may be of an older key.
    check(|it, _| it.owner_document = None, true);
    check(
        |it, _| {
            it.replaces = Some(link_id(9));
            it.owner_document = Some(attempt(2, now()).attempt.person);
            it.holder = Some(crate::identity::Holder::Individual);
        },
        true,
    );
    check(
        |it, _| {
            it.replaces = Some(link_id(9));
            it.holder = Some(crate::identity::Holder::Company);
        },
        false,
    );
}

#[test]
fn an_attempt_that_was_left_is_no_success_because_of_a_link_of_its_time() {
    let mut link = loaded();
    link.created_at = Some(minutes(-60));
    let links = [link];
    let mut record = attempt(1, minutes(-70));
    record.outcome = Some(code("exit"));
    let report = UserStatus::of(&links, false, now()).session(&record, &[]);
    assert_eq!(report.status, SessionStatus::Exit);
}

#[test]
fn statuses_are_shown_in_snake_case() {
    fn check(value: impl Serialize, shown: &str) {
        assert_eq!(serde_json::to_value(value).unwrap(), shown);
    }
    check(Status::AwaitingOwner, "awaiting_owner");
    check(Status::AwaitingProof, "awaiting_proof");
    check(Status::Quarantined, "quarantined");
    check(Status::Loading, "loading");
    check(Status::Ready, "ready");
    check(Status::NeedsUser, "needs_user");
    check(Status::Replaced, "replaced");
    check(Status::Gone, "gone");
    check(SessionStatus::Open, "open");
    check(SessionStatus::Success, "success");
    check(SessionStatus::Exit, "exit");
    check(SessionStatus::Error, "error");
    check(SessionStatus::Warning, "warning");
    check(SessionStatus::Silent, "silent");
}
