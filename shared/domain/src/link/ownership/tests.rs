use super::*;
use crate::link::SyncMode;
use crate::link::fixtures::*;

use LinkStatus::{Announced, AwaitingOwner, Bound, Gone, Quarantined, Unclaimed};

const ALL: [LinkStatus; 6] = [
    Announced,
    AwaitingOwner,
    Bound,
    Quarantined,
    Unclaimed,
    Gone,
];

/// A link that was never bound.
fn unbound(status: LinkStatus) -> Link {
    let mut link = Link::new(link_id(1));
    link.status = status;
    link
}

fn one_attempt() -> Vec<AttemptRecord> {
    vec![attempt(1, minutes(-5))]
}

#[test]
fn a_claim_settles_a_link_that_was_never_bound() {
    struct Given {
        attempts: Vec<AttemptRecord>,
        owner_check: OwnerCheck,
        adopt: bool,
        owners_announced: bool,
    }
    let check = |given: Given, compares, status: Option<LinkStatus>, verdict| {
        for before in [Announced, AwaitingOwner, Unclaimed, Quarantined, Gone] {
            let mut link = unbound(before);
            if given.owners_announced {
                link.pending
                    .request_sync(ResourceKind::Owners, SyncMode::Full);
            }
            let policy = Policy {
                owner_check: given.owner_check,
                adopt_existing_links: given.adopt,
                ..policy()
            };
            let untouched = link.clone();
            assert!(!link.regain(&policy));
            assert_eq!(link, untouched);
            let compared = link.claim(&user(1), &given.attempts, &policy, now());
            assert_eq!(compared, compares);
            assert_eq!(link.status, status.unwrap_or(before));
            assert_eq!(link.owner_verdict, verdict);
            assert_eq!(link.bound_at.is_some(), link.is_bound());
            let has_user = matches!(link.status, Bound | AwaitingOwner) && status.is_some();
            assert_eq!(link.external_id, Some(user(1)).filter(|_| has_user));
        }
    };
    use OwnerCheck::{Off, Required, Warn};
    let not_checked = Some(OwnerVerdict::NotChecked);
    let given = |attempts, owner_check, adopt, owners_announced| Given {
        attempts,
        owner_check,
        adopt,
        owners_announced,
    };
    let no_attempt = given(Vec::new(), Off, false, true);
    check(no_attempt, false, Some(Unclaimed), None);
    let adopted = given(Vec::new(), Required, true, false);
    check(adopted, false, Some(Bound), not_checked);
    let off = given(one_attempt(), Off, false, false);
    check(off, false, Some(Bound), not_checked);
    for owner_check in [Required, Warn] {
        let announced = given(one_attempt(), owner_check, false, true);
        check(announced, true, None, None);
        let not_announced = given(one_attempt(), owner_check, true, false);
        check(not_announced, false, Some(AwaitingOwner), None);
    }
}

#[test]
fn the_likeliest_attempt_is_credited_with_a_link_that_is_not_checked() {
    let policy = Policy {
        owner_check: OwnerCheck::Off,
        ..policy()
    };
    let mut company = attempt(2, minutes(-4));
    company.attempt.company = Some(crate::tax_id::DocumentHash("company".to_owned()));
    let mut link = unbound(Announced);
    let attempts = [company, attempt(1, minutes(-5))];
    link.claim(&user(1), &attempts, &policy, now());
    assert_eq!(link.session_id, Some(session(2)));
    assert_eq!(link.holder, Some(crate::identity::Holder::Company));
    let document = link.owner_document.unwrap();
    assert_eq!(document.as_str(), "company");
    assert_eq!(link.bound_at, Some(now()));
}

#[test]
fn a_link_that_belvo_had_lost_is_its_users_again_and_synced_in_full() {
    let mut link = loaded();
    link.lose();
    assert!(link.regain(&policy()));
    assert_eq!(link.status, Bound);
    assert_eq!(link.external_id, Some(user(1)));
    assert_eq!(link.bound_at, Some(days(-10)));
    let requested: Vec<_> = link.pending.resources.into_iter().collect();
    let all = policy().fetch_resources;
    let full: Vec<_> = all.iter().map(|kind| (kind, SyncMode::Full)).collect();
    assert_eq!(requested, full);
}

#[test]
fn the_owner_decides_whether_a_link_is_bound() {
    let record = attempt(1, minutes(-5));
    let check = |evidence: OwnerEvidence<'_>, owner_check, status, verdict, credited: bool| {
        let policy = Policy {
            owner_check,
            ..policy()
        };
        let mut link = unbound(AwaitingOwner);
        link.observe_owner(user(1), evidence, &policy, now());
        assert_eq!((link.status, link.owner_verdict), (status, verdict));
        assert_eq!(link.external_id, Some(user(1)));
        assert_eq!(link.bound_at, (status == Bound).then(now));
        let session_id = Some(session(1)).filter(|_| credited);
        assert_eq!(link.session_id, session_id, "{evidence:?} {owner_check:?}");
    };
    use OwnerCheck::{Off, Required, Warn};
    let matched = Some(OwnerVerdict::Matched);
    let mismatched = Some(OwnerVerdict::Mismatched);
    for owner_check in [Required, Warn, Off] {
        let matches = OwnerEvidence::Matches(&record.attempt);
        check(matches, owner_check, Bound, matched, true);
        let related = OwnerEvidence::Related(&record.attempt);
        let verdict = Some(OwnerVerdict::Related);
        check(related, owner_check, Bound, verdict, true);
        check(
            OwnerEvidence::Missing,
            owner_check,
            AwaitingOwner,
            None,
            false,
        );
    }
    let (differs, unclear) = (OwnerEvidence::Differs, OwnerEvidence::Unclear);
    check(differs, Required, Quarantined, mismatched, false);
    check(differs, Off, Quarantined, mismatched, false);
    check(differs, Warn, Bound, mismatched, false);
    let verdict = Some(OwnerVerdict::Unclear);
    check(unclear, Required, AwaitingOwner, verdict, false);
    check(unclear, Off, AwaitingOwner, verdict, false);
    check(unclear, Warn, Bound, verdict, false);
}

#[test]
fn a_quarantined_link_waits_until_owners_is_announced_again() {
    let mut link = unbound(AwaitingOwner);
    link.pending
        .request_sync(ResourceKind::Owners, SyncMode::Full);
    link.pending
        .request_sync(ResourceKind::Accounts, SyncMode::Full);
    link.start_run(ResourceKind::Accounts, 1000, None, now());
    link.observe_owner(user(1), OwnerEvidence::Differs, &policy(), now());
    assert!(!link.needs_sync(ResourceKind::Owners));
    assert!(!link.needs_sync(ResourceKind::Accounts));
    assert!(!link.needs_check());
    let owners = historical_update(ResourceKind::Owners);
    link.observe_webhook(sent(&owners, now()), &policy(), now());
    assert!(link.needs_check());
    let record = attempt(1, minutes(-5));
    let evidence = OwnerEvidence::Matches(&record.attempt);
    link.observe_owner(user(1), evidence, &policy(), now());
    assert_eq!(link.status, Bound);
}

#[test]
fn a_link_continues_a_predecessor_with_all_that_was_settled_of_it() {
    let mut predecessor = bound();
    predecessor.owner_verdict = Some(OwnerVerdict::Matched);
    predecessor.credit(&attempt(3, days(-10)).attempt);
    predecessor.observe_proof(session(3), proof(1, 3));
    let mut link = Link::new(link_id(2));
    link.continue_link(predecessor.clone(), now());
    assert_eq!((link.status, link.bound_at), (Bound, Some(now())));
    assert_eq!(link.replaces, Some(link_id(1)));
    assert_eq!(link.external_id, predecessor.external_id);
    assert_eq!(link.owner_verdict, predecessor.owner_verdict);
    assert_eq!(link.session_id, Some(session(3)));
    assert_eq!(link.holder, predecessor.holder);
    assert_eq!(link.owner_document, predecessor.owner_document);
    assert!(link.is_proven());
    assert!(
        link.resources.is_empty(),
        "its own data is still to be read"
    );
}

#[test]
fn a_link_that_continues_another_keeps_the_proof_that_came_first() {
    let mut link = unbound(Unclaimed);
    link.observe_proof(session(4), proof(1, 4));
    link.continue_link(bound(), now());
    assert!(link.is_proven());
}

#[test]
fn a_predecessor_without_a_user_leaves_the_link_unclaimed() {
    let mut predecessor = bound();
    predecessor.external_id = None;
    let mut link = unbound(Announced);
    link.continue_link(predecessor, now());
    assert_eq!((link.status, link.replaces), (Unclaimed, None));
}

#[test]
fn a_link_continues_the_latest_bound_link_if_all_belong_to_one_user() {
    let known = |number, bound_days| {
        let mut link = bound();
        link.link_id = link_id(number);
        link.bound_at = Some(days(bound_days));
        link
    };
    let check = |links: Vec<Link>, expected: Option<u8>| {
        let found = predecessor(links, Some(now())).map(|it| it.link_id);
        assert_eq!(found, expected.map(link_id));
    };
    check(vec![], None);
    check(vec![known(1, -9)], Some(1));
    check(vec![known(1, -9), known(2, -3), known(3, -5)], Some(2));
    let mut of_another = known(2, -3);
    of_another.external_id = Some(user(2));
    check(vec![known(1, -9), of_another.clone()], None);
    // Partners of a company: the one who has just opened the portal.
    let opened = |mut link: Link, at| {
        link.consent.get_or_insert_default().renewal_opened_at = Some(at);
        link
    };
    let (ours, theirs) = (known(1, -9), of_another.clone());
    let recently = minutes(-20);
    let renewed = opened(ours.clone(), recently);
    check(vec![renewed.clone(), theirs.clone()], Some(1));
    check(vec![renewed.clone(), known(3, -5), theirs.clone()], Some(3));
    check(
        vec![ours.clone(), opened(theirs.clone(), recently)],
        Some(2),
    );
    check(vec![renewed, opened(theirs.clone(), recently)], None);
    for at in [minutes(-91), minutes(6), days(-3)] {
        check(vec![opened(ours.clone(), at), theirs.clone()], None);
    }
    for status in [Announced, AwaitingOwner, Quarantined, Unclaimed, Gone] {
        of_another.status = status;
        check(vec![known(1, -9), of_another.clone()], Some(1));
    }
    let mut erased = known(2, -3);
    erased.erase = Some(crate::link::EraseMark {
        receipt_id: crate::id::ReceiptId::from_random([1; 16]),
        requested_at: now(),
    });
    check(vec![erased.clone()], None);
    check(vec![known(1, -9), erased], Some(1));
}

#[test]
fn a_callback_is_a_witness_while_the_owner_is_one_and_the_link_is_nobodys() {
    let named_by = |number| NamedBy {
        external_id: user(1),
        session_id: session(number),
    };
    let mut link = unbound(Announced);
    for number in [1, 1, 2, 3, 4, 5, 6] {
        link.observe_callback(&attempt(number, minutes(-5)).attempt);
    }
    assert_eq!(link.named_by, [1, 2, 3, 4, 5].map(named_by));
    let check = |link: &Link, owner_check, created, expected| {
        let policy = Policy {
            owner_check,
            ..policy()
        };
        let mut link = link.clone();
        link.created_at = Some(created);
        assert_eq!(link.witnesses_can_be_heard(&policy, now()), expected);
    };
    use OwnerCheck::{Off, Required, Warn};
    check(&link, Required, minutes(-5), false);
    check(&link, Required, days(-1), true);
    let mut announced = link.clone();
    announced
        .pending
        .request_sync(ResourceKind::Owners, SyncMode::Full);
    check(&announced, Required, minutes(-5), true);
    check(&announced, Warn, minutes(-5), false);
    check(&announced, Off, days(-1), false);
    announced.named_by.clear();
    check(&announced, Required, days(-1), false);

    let record = attempt(1, minutes(-5));
    let evidence = OwnerEvidence::Matches(&record.attempt);
    link.observe_owner(user(1), evidence, &policy(), now());
    assert_eq!(link.named_by, []);
    link.observe_callback(&record.attempt);
    assert_eq!(link.named_by, []);
}

#[test]
fn a_link_that_was_bound_keeps_its_user_when_belvo_forgets_it_or_them() {
    let check = |change: fn(&mut Link), status| {
        let mut link = unbound(AwaitingOwner);
        link.external_id = Some(user(1));
        change(&mut link);
        assert_eq!((link.status, link.external_id), (status, None));
        let mut link = bound();
        change(&mut link);
        assert_eq!((link.status, link.external_id), (status, Some(user(1))));
    };
    check(Link::lose, Gone);
    check(Link::leave_unclaimed, Unclaimed);
}

#[test]
fn a_link_that_was_bound_is_given_to_no_other_user() {
    let record = attempt(1, minutes(-5));
    for evidence in [
        OwnerEvidence::Matches(&record.attempt),
        OwnerEvidence::Differs,
        OwnerEvidence::Missing,
    ] {
        let mut link = bound();
        link.observe_owner(user(2), evidence, &policy(), now());
        assert_eq!(link.external_id, Some(user(1)));
        assert_eq!(link.bound_at, Some(days(-10)));
    }
    // A user that Belvo named before the link was bound may still change.
    let mut link = unbound(AwaitingOwner);
    link.external_id = Some(user(1));
    link.observe_owner(user(2), OwnerEvidence::Missing, &policy(), now());
    assert_eq!(link.external_id, Some(user(2)));
}

#[test]
fn belvo_is_asked_first_about_a_link_that_is_not_settled() {
    let check = |status, link_pending, owners_pending, expected| {
        let mut link = unbound(status);
        link.pending.link = link_pending;
        if owners_pending {
            link.pending
                .request_sync(ResourceKind::Owners, SyncMode::Full);
        }
        let context = format!("{status:?} {link_pending} {owners_pending}");
        assert_eq!(link.needs_check(), expected, "{context}");
    };
    for status in ALL {
        for (link_pending, owners_pending) in [(false, false), (true, false), (false, true)] {
            let expected = match status {
                Bound => link_pending,
                Quarantined => owners_pending,
                Announced | AwaitingOwner | Unclaimed | Gone => true,
            };
            check(status, link_pending, owners_pending, expected);
        }
    }
}

#[test]
fn a_check_moments_after_the_last_one_is_deferred_to_the_end_of_the_pause() {
    let check = |status, checked: Option<i64>, scheduled: Option<i64>, expected: Option<i64>| {
        let mut link = unbound(status);
        link.checked_at = checked.map(seconds);
        link.schedule.set(Reason::CheckLink, scheduled.map(seconds));
        let context = format!("{status:?} {checked:?} {scheduled:?}");
        assert_eq!(link.defer_check(now()), expected.is_some(), "{context}");
        let next = link.schedule.get(Reason::CheckLink);
        assert_eq!(next, expected.or(scheduled).map(seconds), "{context}");
    };
    for status in [Announced, AwaitingOwner, Quarantined, Unclaimed, Gone] {
        check(status, None, None, None);
        check(status, Some(-30), None, None);
        check(status, Some(-29), None, Some(1));
        check(status, Some(0), None, Some(30));
        check(status, Some(-10), Some(300), Some(20));
        check(status, Some(-10), Some(5), Some(5));
        check(status, Some(-40), Some(300), None);
    }
    check(Bound, Some(-10), None, None);
}

#[test]
fn an_attempt_can_have_begun_a_day_before_its_link_and_five_minutes_after() {
    let check = |created: Option<i64>, since, until| {
        let mut link = unbound(Announced);
        link.created_at = created.map(minutes);
        let window = (minutes(since), minutes(until));
        assert_eq!(link.attempt_window(now()), window, "{created:?}");
    };
    let day = 24 * 60;
    check(None, -day, 5);
    check(Some(0), -day, 5);
    check(Some(-600), -600 - day, -595);
    check(Some(60), -day, 5);
}

#[test]
fn the_attempt_whose_callback_named_the_link_is_the_likeliest_then_the_latest() {
    let check = |attempts: &[(u8, i64, Option<u8>)], expected: &[u8]| {
        let records = attempts.iter().map(|(number, started, linked)| {
            let mut record = attempt(*number, minutes(*started));
            record.linked = linked.map(link_id);
            record
        });
        let mut link = unbound(Announced);
        link.created_at = Some(now());
        let likely = link.likely_attempts(records.collect(), now());
        let found: Vec<_> = likely.into_iter().map(|it| it.attempt.session_id).collect();
        let expected: Vec<_> = expected.iter().copied().map(session).collect();
        assert_eq!(found, expected, "{attempts:?}");
    };
    let day = 24 * 60;
    check(&[], &[]);
    check(&[(1, -day - 1, None), (2, -day, None)], &[2]);
    check(&[(1, 5, None), (2, 6, None)], &[1]);
    check(
        &[(1, -30, None), (2, -10, None), (3, -20, None)],
        &[2, 3, 1],
    );
    check(&[(1, -30, Some(1)), (2, -10, None)], &[1, 2]);
    check(&[(1, -30, Some(2)), (2, -10, None)], &[2, 1]);
}
