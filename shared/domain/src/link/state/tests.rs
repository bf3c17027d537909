use super::*;
use crate::link::fixtures::*;
use crate::link::{
    AccountDays, ChangeEvent, ChangeKind, Reason, ResourceState, SyncMode, TotalsVerdict,
};
use jiff::SignedDuration;

use ResourceKind::{Accounts, Bills, Owners, Transactions};

#[test]
fn a_link_of_which_only_the_id_is_stored_is_a_new_link() {
    let stored = format!(r#"{{"link_id":"{}"}}"#, link_id(1));
    let read: Link = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, Link::new(link_id(1)));
}

#[test]
fn a_member_of_another_release_is_passed_over() {
    let stored = format!(r#"{{"link_id":"{}","novelty":7}}"#, link_id(1));
    let read: Link = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, Link::new(link_id(1)));
}

#[test]
fn a_stored_link_is_read_back_as_it_was() {
    let link = full();
    let stored = serde_json::to_value(&link).unwrap();
    // The test is worth its name only as long as `full` leaves no member out.
    let empty = serde_json::to_value(Link::new(link_id(9))).unwrap();
    for (name, value) in stored.as_object().unwrap() {
        assert_ne!(Some(value), empty.get(name), "{name} is not set");
    }
    assert_eq!(serde_json::from_value::<Link>(stored).unwrap(), link);
}

/// A link that has every member.
fn full() -> Link {
    let mut link = loaded();
    link.fencing_token = 8;
    link.saved_token = 7;
    link.updated_at = Some(now());
    link.unresolved = Some(Backoff::next(None, days(-10)));
    link.checked_at = Some(days(-10));
    link.session_id = Some(session(1));
    link.holder = Some(Holder::Individual);
    link.owner_document = Some(DocumentHash("person-1".to_owned()));
    link.owner_verdict = Some(OwnerVerdict::Matched);
    link.named_by.push(NamedBy {
        external_id: user(1),
        session_id: session(1),
    });
    link.observe_proof(session(1), proof(1, 1));
    link.deleted_at = Some(days(-3));
    link.replaces = Some(link_id(2));
    link.erase = Some(EraseMark {
        receipt_id: ReceiptId::from_random([1; 16]),
        requested_at: now(),
    });
    link.accounts.insert(
        "account".to_owned(),
        HeldAccount {
            days: Some(AccountDays::of(jiff::civil::date(2026, 11, 22))),
            same_as: [(link_id(2), "another".to_owned())].into(),
        },
    );
    link.institution = Some("ofmockbank_br_retail".to_owned());
    link.institution_user_id = Some("person".to_owned());
    link.access_mode = Some("recurrent".to_owned());
    link.last_accessed_at = Some(now());
    link.complete_as_of = Some(days(-1));
    link.pending.link = true;
    link.pending.consents = true;
    link.pending.request_sync(Accounts, SyncMode::Full);
    link.back_off(code("no_answer"), SignedDuration::ZERO, &policy(), now());
    link.user_action = Some(code("invalid_link"));
    link.observe_portal(now(), false, now());
    link.start_refresh(refresh_id(1), vec![Accounts], now());
    let mut totals = historical_update(Transactions);
    totals.totals.rows = Some(3);
    link.observe_webhook(sent(&totals, now()), &policy(), now());
    assert!(!link.start_run(Transactions, 2000, None, now()));
    link.keep_for_log(LoggedWebhook {
        received_at: now(),
        message_id: "message-1".to_owned(),
        event: totals,
    });
    link.limited_since = Some(days(-2));
    link.limited_until = Some(days(8));
    link.ready_at = Some(days(-1));
    link.untold_rows = UntoldRows::Changed;
    let kind = ChangeKind::TransactionsChanged;
    link.change = Some(ChangeEvent::new((link.link_id, 8), user(1), kind, now()));
    link
}

#[test]
fn the_stored_words_stay_as_they_are() {
    fn check<T: Serialize>(value: T, stored: &str) {
        assert_eq!(serde_json::to_value(value).unwrap(), stored);
    }
    check(LinkStatus::Announced, "announced");
    check(LinkStatus::AwaitingOwner, "awaiting_owner");
    check(LinkStatus::Bound, "bound");
    check(LinkStatus::Quarantined, "quarantined");
    check(LinkStatus::Unclaimed, "unclaimed");
    check(LinkStatus::Gone, "gone");
    check(OwnerVerdict::Matched, "matched");
    check(OwnerVerdict::Related, "related");
    check(OwnerVerdict::Unclear, "unclear");
    check(OwnerVerdict::Mismatched, "mismatched");
    check(OwnerVerdict::NotChecked, "not_checked");
    check(SyncMode::Incremental, "incremental");
    check(SyncMode::Full, "full");
    check(ResourceState::Waiting, "waiting");
    check(ResourceState::Syncing, "syncing");
    check(ResourceState::Ready, "ready");
    check(ResourceState::Partial, "partial");
    check(ResourceState::Unavailable, "unavailable");
    check(TotalsVerdict::Agrees, "agrees");
    check(TotalsVerdict::Differs, "differs");
    check(UntoldRows::Unchanged, "unchanged");
    check(UntoldRows::Suspected, "suspected");
    check(UntoldRows::Changed, "changed");
    check(Reason::Retry, "retry");
    check(Reason::Continue, "continue");
    check(Reason::Settling, "settling");
    check(Reason::CheckLink, "check_link");
    check(Reason::Unannounced, "unannounced");
    check(Reason::LimitLifted, "limit_lifted");
    check(Reason::EmptyList, "empty_list");
    check(Reason::Consent, "consent");
    check(Reason::FullSync, "full_sync");
    check(Reason::Reread, "reread");
    check(Reason::Refresh, "refresh");
    check(Reason::Deleted, "deleted");
    check(Reason::Purge, "purge");
}

#[test]
fn a_link_is_served_once_bound_until_it_is_erased_and_with_a_proof_where_one_is_required() {
    let check = |change: fn(&mut Link), without_proof: bool, with_proof: bool| {
        let mut link = bound();
        change(&mut link);
        let served = (link.is_served(false), link.is_served(true));
        assert_eq!(served, (without_proof, with_proof), "{link:?}");
    };
    check(|_| {}, true, false);
    check(|it| it.observe_proof(session(1), proof(1, 1)), true, true);
    check(|it| it.observe_proof(session(1), proof(2, 1)), true, false);
    check(|it| it.status = LinkStatus::Gone, true, false);
    check(|it| it.status = LinkStatus::Quarantined, false, false);
    check(|it| it.status = LinkStatus::Unclaimed, false, false);
    check(|it| it.status = LinkStatus::AwaitingOwner, false, false);
    check(|it| it.status = LinkStatus::Announced, false, false);
    check(|it| it.bound_at = None, false, false);
    check(|it| it.erase = full().erase, false, false);
}

#[test]
fn a_proof_of_another_user_proves_nothing() {
    let check = |user_of_link, proofs: &[u8], expected| {
        let mut link = bound();
        link.external_id = user_of_link;
        for (number, name) in (1..).zip(proofs) {
            link.observe_proof(session(number), proof(*name, number));
        }
        assert_eq!(link.is_proven(), expected, "{proofs:?}");
    };
    check(Some(user(1)), &[], false);
    check(Some(user(1)), &[2], false);
    check(Some(user(1)), &[2, 1], true);
    check(None, &[1], false);
}

#[test]
fn a_proof_of_a_visit_for_another_person_proves_nothing() {
    let check = |owner: Option<u8>, visits: &[u8], expected| {
        let mut link = bound();
        link.owner_document = owner.map(|it| proof(1, it).document);
        for visit in visits {
            link.observe_proof(session(*visit), proof(1, *visit));
        }
        assert_eq!(link.is_proven(), expected, "{owner:?} {visits:?}");
    };
    check(Some(1), &[1], true);
    check(Some(1), &[2], false);
    check(Some(1), &[2, 1], true);
    // An existing link that was adopted without an attempt.
    check(None, &[2], true);
}

#[test]
fn belvos_record_says_what_is_requested_and_until_then_the_policy() {
    let mut link = bound();
    assert_eq!(link.requested(&policy()), [Owners, Accounts, Transactions]);
    link.fetch_resources = [Bills].into();
    assert_eq!(link.requested(&policy()), [Bills]);
}

#[test]
fn a_link_has_loaded_once_all_that_belvo_retrieves_is_settled() {
    let check = |change: fn(&mut Link), expected| {
        let mut link = loaded();
        change(&mut link);
        assert_eq!(link.has_loaded(), expected, "{link:?}");
    };
    check(|_| {}, true);
    check(|it| it.fetch_resources.clear(), false);
    check(|it| it.fetch_resources = [Owners, Bills].into(), false);
    check(|it| it.resource(Accounts).last_sync = None, false);
    check(
        |it| *it.resource(Owners) = declined("unavailable_data"),
        true,
    );
    check(
        |it| *it.resource(Accounts) = declined("unavailable_data"),
        false,
    );
    let without_accounts = |it: &mut Link| {
        it.resources.remove(&Accounts);
        it.fetch_resources.remove(&Accounts);
    };
    check(without_accounts, true);
    check(|it| it.resources.clear(), false);
}

#[test]
fn a_resource_needs_a_sync_while_one_is_pending_or_under_way() {
    let mut link = loaded();
    assert!(!link.needs_sync(Accounts));
    assert!(!link.needs_sync(Bills), "nothing is known of it");
    link.pending.request_sync(Accounts, SyncMode::Full);
    assert!(link.needs_sync(Accounts));
    assert!(!link.needs_sync(Owners));
    link.start_run(Accounts, 1000, None, now());
    assert!(link.pending.resources.is_empty());
    assert!(link.needs_sync(Accounts));
}
