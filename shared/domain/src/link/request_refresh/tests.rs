use super::*;
use crate::link::fixtures::*;

use ResourceKind::{Accounts, Bills, Owners, Transactions};

/// A refresh asked for at noon.
fn asked() -> Refresh {
    Refresh {
        id: refresh_id(1),
        asked_at: now(),
        resources: Vec::new(),
        accepted: false,
        declined: None,
        request_id: None,
        earlier: None,
    }
}

fn accepted() -> Refresh {
    Refresh {
        accepted: true,
        ..asked()
    }
}

fn refused() -> Refresh {
    Refresh {
        declined: Some(code("login_error")),
        ..asked()
    }
}

fn with(refresh: Option<Refresh>) -> Link {
    let mut link = loaded();
    link.refresh = refresh;
    link
}

#[test]
fn a_link_is_refreshed_once_in_ten_minutes_unless_belvo_declined() {
    let check = |refresh: Option<Refresh>, second, expected: Option<i64>| {
        let link = with(refresh);
        let available_at = link.refresh_available_at(seconds(second));
        assert_eq!(available_at, expected.map(seconds), "{second}");
    };
    check(None, 0, None);
    check(Some(refused()), 1, None);
    for refresh in [asked(), accepted()] {
        check(Some(refresh.clone()), 1, Some(600));
        check(Some(refresh.clone()), 599, Some(600));
        check(Some(refresh), 600, None);
    }
}

#[test]
fn a_request_of_the_app_leads_to_one_request_to_belvo() {
    let check = |known: Option<Refresh>, id, minute, expected| {
        let mut link = with(known.clone());
        link.schedule.set(Reason::Refresh, minutes(2));
        let start = link.start_refresh(refresh_id(id), vec![Bills], minutes(minute));
        assert_eq!(start, expected, "{known:?} {id} {minute}");
        if start == RefreshStart::Ask {
            let started = Refresh {
                id: refresh_id(id),
                asked_at: minutes(minute),
                resources: vec![Bills],
                ..asked()
            };
            assert_eq!(link.refresh, Some(started));
            assert_eq!(link.schedule.get(Reason::Refresh), None);
        } else {
            assert_eq!(link.refresh, known);
            assert_eq!(link.schedule.get(Reason::Refresh), Some(minutes(2)));
        }
    };
    use RefreshStart::{Answered, Ask, AskAgain, CoolingDown};
    check(None, 1, 0, Ask);
    check(Some(asked()), 1, 1, AskAgain);
    check(Some(accepted()), 1, 1, Answered);
    check(Some(refused()), 1, 1, Answered);
    check(Some(asked()), 2, 9, CoolingDown);
    check(Some(accepted()), 2, 9, CoolingDown);
    check(Some(refused()), 2, 9, Ask);
    check(Some(accepted()), 2, 10, Ask);
}

#[test]
fn belvo_is_asked_again_for_eight_minutes_and_then_a_webhook_decides() {
    let check = |asked_before, second, announced: Option<i64>, step, expected: Refresh| {
        let mut link = with(Some(asked()));
        link.limited_until = Some(days(1));
        link.resource(Owners).announced_at = Some(minutes(-9));
        link.resource(Accounts).announced_at = announced.map(seconds);
        let context = format!("{asked_before} {second} {announced:?}");
        let next = link.asks_for_refresh(asked_before, seconds(second));
        assert_eq!(next, step, "{context}");
        let limit = Some(days(1)).filter(|_| !expected.accepted);
        assert_eq!(link.limited_until, limit, "{context}");
        assert_eq!(link.refresh, Some(expected), "{context}");
    };
    let lost = || Refresh {
        declined: Some(code("no_answer")),
        ..asked()
    };
    check(false, 0, None, true, asked());
    check(false, 9000, Some(1), true, asked());
    check(true, 479, Some(1), true, asked());
    check(true, 480, None, false, lost());
    check(true, 480, Some(0), false, lost());
    check(true, 480, Some(1), false, accepted());
}

#[test]
fn a_refresh_that_is_settled_is_not_asked_for() {
    for refresh in [None, Some(accepted()), Some(refused())] {
        let mut link = with(refresh.clone());
        let step = link.asks_for_refresh(false, minutes(1));
        assert!(!step);
        let answer = RefreshAnswer::Declined(None);
        link.observe_refresh(answer, false, minutes(1));
        assert_eq!(link, with(refresh));
    }
}

#[test]
fn an_answer_of_belvo_settles_a_refresh_or_schedules_the_next_try() {
    use RefreshAnswer::{Accepted, Declined, LimitReached, RefreshedRecently, Unavailable};
    struct Then {
        refresh: Refresh,
        limited_until: Option<Timestamp>,
        again_at: Option<Timestamp>,
    }
    let check = |answer: RefreshAnswer, asked_before, second, then: Then| {
        let mut link = with(Some(asked()));
        link.limited_until = Some(days(1));
        link.observe_refresh(answer.clone(), asked_before, seconds(second));
        let context = format!("{answer:?} {asked_before} {second}");
        assert_eq!(link.refresh, Some(then.refresh), "{context}");
        assert_eq!(link.limited_until, then.limited_until, "{context}");
        let again_at = link.schedule.get(Reason::Refresh);
        assert_eq!(again_at, then.again_at, "{context}");
    };
    let begun = || Then {
        refresh: accepted(),
        limited_until: None,
        again_at: None,
    };
    let declined = |text: &str| Then {
        refresh: Refresh {
            declined: Some(code(text)),
            ..asked()
        },
        limited_until: Some(days(1)),
        again_at: None,
    };
    let limited = |text: &str| Then {
        limited_until: Some(at("2026-12-01T03:00:00Z")),
        ..declined(text)
    };
    let again = |second| Then {
        refresh: asked(),
        limited_until: Some(days(1)),
        again_at: Some(seconds(second)),
    };
    let some = |text| Some(code(text));
    for asked_before in [false, true] {
        check(Accepted(None), asked_before, 1, begun());
        let unavailable = |text| Unavailable(some(text));
        check(unavailable("busy"), asked_before, 0, again(120));
        check(unavailable("busy"), asked_before, 359, again(479));
        check(unavailable("busy"), asked_before, 360, declined("busy"));
        let silent = Unavailable(None);
        check(silent, asked_before, 360, declined("no_answer"));
        let code = some("login_error");
        check(Declined(code), asked_before, 1, declined("login_error"));
        let silent = Declined(None);
        check(silent, asked_before, 1, declined("no_answer"));
        let code = some("limit_reached");
        check(
            LimitReached(code),
            asked_before,
            1,
            limited("limit_reached"),
        );
        let silent = LimitReached(None);
        check(silent, asked_before, 1, limited("no_answer"));
    }
    check(RefreshedRecently, true, 1, begun());
    check(RefreshedRecently, false, 1, declined("link_refreshed"));
}

#[test]
fn an_accepted_refresh_spends_what_was_asked_for() {
    let check = |refresh: Option<Refresh>, expected: Option<&[ResourceKind]>| {
        let link = with(refresh.clone());
        let policy = policy();
        let spent = link.refreshed(&policy);
        let expected = expected.map(|kinds| (refresh.as_ref().unwrap(), kinds.to_vec()));
        assert_eq!(spent, expected);
    };
    check(None, None);
    check(Some(asked()), None);
    check(Some(refused()), None);
    check(Some(accepted()), Some(&[Owners, Accounts, Transactions]));
    let bills = Refresh {
        resources: vec![Bills],
        ..accepted()
    };
    check(Some(bills), Some(&[Bills]));
}

#[test]
fn a_refresh_brings_data_for_ninety_minutes_or_until_all_of_it_came() {
    let refresh_of = |resources: &[ResourceKind]| Refresh {
        resources: resources.to_vec(),
        ..accepted()
    };
    let check = |refresh: Option<Refresh>, announced: &[(ResourceKind, i64)], minute, expected| {
        let mut link = with(refresh.clone());
        for (kind, second) in announced {
            link.resource(*kind).announced_at = Some(seconds(*second));
        }
        let context = format!("{refresh:?} {announced:?} {minute}");
        assert_eq!(link.is_refreshing(minutes(minute)), expected, "{context}");
    };
    check(None, &[], 1, false);
    check(Some(refused()), &[], 1, false);
    check(Some(asked()), &[], 1, true);
    check(Some(accepted()), &[], 89, true);
    check(Some(accepted()), &[], 90, false);
    let some = [(Owners, 1), (Accounts, 1)];
    check(Some(accepted()), &some, 1, true);
    let all = [(Owners, 1), (Accounts, 1), (Transactions, 1)];
    check(Some(accepted()), &all, 1, false);
    check(Some(refresh_of(&[Owners, Accounts])), &some, 1, false);
    check(Some(refresh_of(&[Owners])), &[(Owners, 0)], 1, true);
    // BILLS is announced and was never synced.
    check(Some(refresh_of(&[Bills])), &[(Bills, 1)], 1, true);
    check(Some(refresh_of(&[Bills])), &[], 1, true);
}

#[test]
fn a_webhook_of_another_request_does_not_count_for_a_refresh() {
    let request = |number: u8| RequestId::parse(&format!("{number:02x}").repeat(16)).unwrap();
    let check = |ours: Option<u8>, earlier: Option<u8>, theirs: Option<u8>, minute, counts| {
        let mut link = with(Some(Refresh {
            resources: vec![Owners],
            request_id: ours.map(request),
            earlier: earlier.map(request),
            ..accepted()
        }));
        link.resource(Owners).announced_at = Some(minutes(-9));
        let mut event = historical_update(Owners);
        event.request_id = theirs.map(request);
        let context = format!("{ours:?} {earlier:?} {theirs:?} {minute}");
        link.observe_webhook(sent(&event, minutes(minute)), &policy(), minutes(minute));
        let announced_at = link.resource(Owners).announced_at;
        let expected = if counts { minute } else { -9 };
        assert_eq!(announced_at, Some(minutes(expected)), "{context}");
        assert_eq!(
            link.is_refreshing(minutes(2)),
            !counts && minute < 90,
            "{context}"
        );
    };
    check(Some(2), Some(1), Some(2), 1, true);
    check(Some(2), Some(1), None, 1, true);
    check(Some(2), Some(1), Some(1), 1, false);
    check(Some(2), None, Some(3), 89, false);
    check(Some(2), Some(1), Some(3), 90, true);
    // It is not known whether Belvo has begun.
    check(None, Some(1), Some(1), 1, false);
    check(None, Some(1), Some(3), 1, true);
    check(None, None, Some(3), 1, true);
}

#[test]
fn a_refresh_knows_the_request_of_the_one_before() {
    let request = |number: u8| RequestId::parse(&format!("{number:02x}").repeat(16)).unwrap();
    let mut link = with(None);
    let mut ask = |number, answered: bool| {
        let at = minutes(20 * i64::from(number));
        link.start_refresh(refresh_id(number), Vec::new(), at);
        if answered {
            let answer = RefreshAnswer::Accepted(Some(request(number)));
            link.observe_refresh(answer, false, at);
        }
        let refresh = link.refresh.clone().unwrap();
        (refresh.request_id, refresh.earlier)
    };
    assert_eq!(ask(1, true), (Some(request(1)), None));
    assert_eq!(ask(2, false), (None, Some(request(1))));
    assert_eq!(ask(3, true), (Some(request(3)), Some(request(1))));
}

#[test]
fn a_stored_refresh_reads_without_what_is_not_known_of_it() {
    let stored = stored_text(&asked());
    let id = refresh_id(1);
    let expected = format!(r#"{{"id":"{id}","asked_at":"2026-11-23T12:00:00Z","accepted":false}}"#);
    assert_eq!(stored, expected);
    assert_eq!(serde_json::from_str::<Refresh>(&stored).unwrap(), asked());
}
