use super::*;
use crate::link::fixtures::*;
use crate::link::{
    AccountDays, EraseMark, HeldAccount, LastSync, LinkStatus, SyncMode, UserStatus,
};

use ResourceKind::{Accounts, Bills, Owners, Transactions};

/// The first and the last day of an account in March.
type March = (i8, i8);

fn day(day: i8) -> Date {
    Date::new(2026, 3, day).unwrap()
}

/// A link of one person at one bank with these accounts, which are the same in every link.
fn of_person(number: u8, created_days: i64, accounts: &[(&str, March)]) -> Link {
    let mut link = loaded();
    link.link_id = link_id(number);
    link.institution_user_id = Some("person".to_owned());
    link.created_at = Some(days(created_days));
    for (account, (first, last)) in accounts {
        let days = AccountDays {
            first: day(*first),
            last: day(*last),
        };
        let others = (1..=3).filter(|other| *other != number);
        let same_as = others.map(|other| (link_id(other), format!("{account}-{other}")));
        let held = HeldAccount {
            days: Some(days),
            same_as: same_as.collect(),
        };
        link.accounts.insert(format!("{account}-{number}"), held);
    }
    link
}

fn broken(mut link: Link) -> Link {
    link.user_action = Some(code("invalid_link"));
    link
}

/// Which of the links have transactions of a day of an account and show them.
fn shown_by(links: &[Link], account: &str, day: Option<Date>) -> Vec<LinkId> {
    let user = UserStatus::of(links, false, now());
    let shows = |link: &&Link| {
        let number = links.iter().position(|it| it.link_id == link.link_id);
        let account = format!("{account}-{}", number.unwrap() + 1);
        let stored = link.accounts[&account].days;
        let has = day.is_none_or(|day| stored.is_some_and(|it| it.contains(day)));
        let elsewhere = user.shown_elsewhere(link.link_id);
        has && !elsewhere.is_some_and(|it| it.has(&account, day))
    };
    links.iter().filter(shows).map(|it| it.link_id).collect()
}

#[track_caller]
fn check_days(links: &[Link], expected: &[(Option<i8>, &[u8])]) {
    for (number, shown) in expected {
        let expected: Vec<LinkId> = shown.iter().copied().map(link_id).collect();
        assert_eq!(
            shown_by(links, "a", number.map(day)),
            expected,
            "{number:?}"
        );
    }
}

#[test]
fn the_newest_healthy_link_shows_the_days_it_covers_and_the_older_one_the_days_before() {
    let old = || of_person(1, -300, &[("a", (1, 20))]);
    let new = || of_person(2, -3, &[("a", (10, 15))]);
    let of_new: &[(Option<i8>, &[u8])] = &[
        (Some(9), &[1]),
        (Some(10), &[2]),
        (Some(15), &[2]),
        (Some(16), &[1]),
        (None, &[2]),
    ];
    check_days(&[old(), new()], of_new);
    check_days(&[broken(old()), new()], of_new);
    // What is stored of later days is shown, though the bank was reached since and nothing came of them:
    // days end at another time there, and a resource may have been put off.
    let mut reached = new();
    reached.complete_as_of = Some(at("2026-03-18T23:00:00Z"));
    check_days(&[old(), reached], of_new);
    // A link that is broken covers the days it has.
    let after_new: &[(Option<i8>, &[u8])] = &[
        (Some(9), &[1]),
        (Some(12), &[2]),
        (Some(16), &[1]),
        (None, &[1, 2]),
    ];
    check_days(&[broken(old()), broken(new())], after_new);
    // The older one is the healthy one.
    let of_old: &[(Option<i8>, &[u8])] = &[(Some(1), &[1]), (Some(15), &[1]), (None, &[1])];
    check_days(&[old(), broken(new())], of_old);
    let three = [old(), new(), of_person(3, -1, &[("a", (18, 19))])];
    let of_three: &[(Option<i8>, &[u8])] = &[
        (Some(5), &[1]),
        (Some(12), &[2]),
        (Some(18), &[3]),
        (Some(20), &[1]),
    ];
    check_days(&three, of_three);
}

#[test]
fn an_account_without_transactions_covers_nothing() {
    let old = of_person(1, -300, &[("a", (1, 20))]);
    let mut new = of_person(2, -3, &[("a", (1, 20))]);
    new.accounts.get_mut("a-2").unwrap().days = None;
    check_days(&[old, new], &[(Some(5), &[1]), (None, &[1, 2])]);
}

#[test]
fn a_link_is_asked_for_no_day_that_others_show_all_of() {
    let check = |old: &[(&str, March)], new: &[(&str, March)], expected: Option<i8>| {
        let links = [of_person(1, -300, old), of_person(2, -3, new)];
        let user = UserStatus::of(&links, false, now());
        let last = user.shown_elsewhere(link_id(1)).unwrap().last_day();
        assert_eq!(last, expected.map(day), "{old:?} {new:?}");
        assert_eq!(user.shown_elsewhere(link_id(2)), None);
    };
    let (a, b) = (("a", (1, 20)), ("b", (1, 20)));
    check(&[a], &[("a", (10, 20))], Some(9));
    check(&[a], &[("a", (10, 19))], None);
    check(&[a, b], &[("a", (10, 21)), ("b", (12, 20))], Some(11));
    check(&[a, b], &[a], None);
    check(&[a], &[], None);
}

/// Of each link the one that has taken its place.
fn successors(links: &[Link]) -> Vec<Option<LinkId>> {
    let user = UserStatus::of(links, false, now());
    let ids = links.iter().map(|it| it.link_id);
    ids.map(|it| user.duplicate_of(it)).collect()
}

#[test]
fn of_links_to_the_same_accounts_the_newest_healthy_one_with_a_statement_counts() {
    let check = |change: fn(&mut Link, &mut Link), counting: Option<u8>| {
        let accounts = [("a", (1, 20)), ("b", (1, 20))];
        let (mut old, mut new) = (of_person(1, -300, &accounts), of_person(2, -3, &accounts));
        change(&mut old, &mut new);
        let others = |number| Some(link_id(counting?)).filter(|it| *it != link_id(number));
        let expected = [others(1), others(2)];
        let forward = successors(&[old.clone(), new.clone()]);
        assert_eq!(forward, expected, "{old:?} {new:?}");
        let mut backward = successors(&[new, old]);
        backward.reverse();
        assert_eq!(backward, expected);
    };
    check(|_, _| {}, Some(2));
    check(
        |_, new| new.user_action = Some(code("invalid_link")),
        Some(1),
    );
    // One that is loading says so.
    check(|_, new| new.resource(Owners).last_sync = None, None);
    let declined_statement = |_: &mut Link, new: &mut Link| {
        new.resource(Transactions).declined = Some(code("unavailable_data"));
    };
    check(declined_statement, Some(1));
    // A broken link is not followed by one that is loading and holds the same accounts.
    check(
        |old, new| {
            old.user_action = Some(code("invalid_link"));
            new.resource(Transactions).last_sync = None;
        },
        None,
    );
    // It is while those are not known, and when there are none of its own.
    check(
        |old, new| {
            old.user_action = Some(code("invalid_link"));
            new.resource(Accounts).last_sync = None;
        },
        Some(2),
    );
    check(
        |old, _| {
            old.user_action = Some(code("invalid_link"));
            old.accounts.clear();
        },
        Some(2),
    );
    check(
        |old, _| {
            old.user_action = Some(code("invalid_link"));
            old.accounts.clear();
            old.resource(Accounts).rows = 2;
        },
        None,
    );
    check(|old, _| old.accounts.clear(), None);
    check(|old, new| old.created_at = new.created_at, Some(2));
    check(|_, new| new.institution_user_id = None, None);
    check(
        |_, new| new.institution_user_id = Some("other".to_owned()),
        None,
    );
    check(
        |old, new| {
            old.institution_user_id = Some(String::new());
            new.institution_user_id = Some(String::new());
        },
        None,
    );
    check(|_, new| new.status = LinkStatus::Quarantined, None);
    check(|_, new| new.status = LinkStatus::Gone, Some(1));
    check(
        |_, new| {
            new.erase = Some(EraseMark {
                receipt_id: crate::id::ReceiptId::from_random([1; 16]),
                requested_at: now(),
            });
        },
        None,
    );
}

#[test]
fn a_link_with_an_account_of_its_own_goes_on_asking() {
    let (a, b) = (("a", (1, 20)), ("b", (1, 20)));
    let old = broken(of_person(1, -300, &[a, b]));
    let links = [old.clone(), of_person(2, -3, &[a])];
    assert_eq!(successors(&links), [None, None]);
    // Two may hold together what one has held.
    let both = [old, of_person(2, -3, &[a]), of_person(3, -1, &[b])];
    assert_eq!(successors(&both), [Some(link_id(3)), None, None]);
}

#[test]
fn a_link_that_was_renewed_as_another_one_is_replaced_whatever_the_other_holds() {
    let (a, b) = (("a", (1, 20)), ("b", (1, 20)));
    let old = of_person(1, -300, &[a, b]);
    let mut new = of_person(2, -3, &[a]);
    new.replaces = Some(link_id(1));
    assert_eq!(
        successors(&[old.clone(), new.clone()]),
        [Some(link_id(2)), None]
    );
    // One of them must ask: the older one does not take the place of its own renewal.
    new.user_action = Some(code("invalid_link"));
    assert_eq!(
        successors(&[old.clone(), new.clone()]),
        [Some(link_id(2)), None]
    );
    let mut newest = of_person(3, -1, &[a]);
    newest.replaces = Some(link_id(1));
    let replaced = [Some(link_id(3)), Some(link_id(3)), None];
    assert_eq!(successors(&[old, new, newest]), replaced);
}

#[test]
fn a_link_without_the_proof_that_is_required_takes_no_place() {
    let accounts = [("a", (1, 20))];
    let mut links = [of_person(1, -300, &accounts), of_person(2, -3, &accounts)];
    links[0].observe_proof(session(1), proof(1, 1));
    let of_first = |links: &[Link]| UserStatus::of(links, true, now()).duplicate_of(link_id(1));
    assert_eq!(of_first(&links), None);
    links[1].observe_proof(session(2), proof(1, 2));
    assert_eq!(of_first(&links), Some(link_id(2)));
}

#[test]
fn an_empty_statement_is_a_statement() {
    let mut link = loaded();
    link.resource(Transactions).rows = 0;
    assert!(has_statement(&link));
    *link.resource(Bills) = declined("unavailable_data");
    assert!(has_statement(&link));
    link.resource(Transactions).last_sync = None::<LastSync>;
    assert!(!has_statement(&link));
    *link.resource(Transactions) = synced(SyncMode::Incremental, now());
    assert!(has_statement(&link));
}
