mod record;

use super::*;
use crate::link::fixtures::*;
use crate::link::{ConsentFacts, Deferred, Pending};

use ResourceKind::{Accounts, Bills, InvestmentTransactions, Investments, Owners, Transactions};
use SyncMode::{Full, Incremental};

/// Shows a link a webhook that was sent at noon.
fn observe(link: &mut Link, event: &Event) -> WebhookEffect {
    link.observe_webhook(sent(event, now()), &policy(), now())
}

fn pending<const N: usize>(resources: [(ResourceKind, SyncMode); N]) -> Pending {
    Pending {
        resources: resources.into(),
        ..Pending::default()
    }
}

fn consent(change: ConsentChange) -> Event {
    event(EventKind::Consent {
        change,
        consent_id: None,
        due_at: None,
    })
}

#[test]
fn each_kind_of_webhook_has_its_effect() {
    use WebhookEffect::{ConsentRead, Ignored, LinkChecked, Synced, UserMustAct};
    let check = |kind: EventKind, effect, expected: Pending| {
        let mut link = bound();
        let observed = observe(&mut link, &event(kind.clone()));
        assert_eq!((observed, link.pending), (effect, expected), "{kind:?}");
    };
    for resource in ResourceKind::all() {
        let complete = EventKind::HistoricalUpdate { resource };
        check(complete, Synced, pending([(resource, Full)]));
        let changed = EventKind::ResourceChanged { resource };
        check(changed, Synced, pending([(resource, Incremental)]));
        let revised = EventKind::ResourceRevised { resource };
        check(revised, Synced, pending([(resource, Full)]));
    }
    let consents = Pending {
        consents: true,
        ..Pending::default()
    };
    let consent_read = |change| check(consent(change).kind, ConsentRead, consents.clone());
    consent_read(ConsentChange::Expired);
    consent_read(ConsentChange::Other);
    let link = Pending {
        link: true,
        ..Pending::default()
    };
    check(EventKind::LinkDeleted, LinkChecked, link.clone());
    check(EventKind::LinkChanged, LinkChecked, link.clone());
    check(EventKind::LinkNeedsUser, UserMustAct, link);
    check(EventKind::Unknown, Ignored, Pending::default());
}

#[test]
fn each_effect_has_the_word_of_the_webhook_log() {
    let check = |effect: WebhookEffect, expected| {
        let word: &str = effect.into();
        assert_eq!(word, expected);
    };
    check(WebhookEffect::Synced, "synced");
    check(WebhookEffect::AlreadySynced, "already_synced");
    check(WebhookEffect::PutOff, "put_off");
    check(WebhookEffect::ConsentRead, "consent_read");
    check(WebhookEffect::UserMustAct, "user_must_act");
    check(WebhookEffect::LinkChecked, "link_checked");
    check(WebhookEffect::Ignored, "ignored");
}

#[test]
fn a_webhook_is_covered_by_a_sync_that_started_more_than_two_seconds_after_it() {
    let check = |last: Option<(SyncMode, i64)>, event: Event, effect| {
        let mut link = bound();
        if let Some((mode, millisecond)) = last {
            let started_at = now() + SignedDuration::from_millis(millisecond);
            *link.resource(Transactions) = synced(mode, started_at);
        }
        assert_eq!(observe(&mut link, &event), effect, "{last:?}");
        let covered = effect == WebhookEffect::AlreadySynced;
        assert_eq!(link.pending == Pending::default(), covered, "{last:?}");
    };
    use WebhookEffect::{AlreadySynced, Synced};
    check(None, new_rows(Transactions), Synced);
    check(Some((Full, -1)), new_rows(Transactions), Synced);
    check(Some((Full, 2000)), new_rows(Transactions), Synced);
    check(Some((Full, 2001)), new_rows(Transactions), AlreadySynced);
    let incremental = Some((Incremental, 2001));
    check(incremental, no_new_rows(Transactions), AlreadySynced);
    check(incremental, new_rows(Transactions), Synced);
    check(incremental, historical_update(Transactions), Synced);
}

#[test]
fn a_webhook_makes_no_entry_of_a_resource_that_is_not_requested() {
    for kind in ResourceKind::all() {
        let mut link = bound();
        link.fetch_resources = [kind].into();
        observe(&mut link, &new_rows(kind));
        let entries: Vec<_> = link.resources.into_keys().collect();
        assert_eq!(entries, [kind]);
    }
}

#[test]
fn a_webhook_is_covered_by_a_sync_of_the_same_batch() {
    let check = |kind, mode, effect| {
        let mut link = bound();
        let synced = [(kind, mode)].into();
        let event = event(EventKind::ResourceRevised {
            resource: Transactions,
        });
        let webhook = Webhook {
            synced: &synced,
            ..sent(&event, now())
        };
        let observed = link.observe_webhook(webhook, &policy(), now());
        assert_eq!(observed, effect, "{kind} {mode:?}");
    };
    check(Transactions, Incremental, WebhookEffect::Synced);
    check(Transactions, Full, WebhookEffect::AlreadySynced);
    check(Accounts, Full, WebhookEffect::Synced);
}

#[test]
fn an_announcement_of_a_whole_resource_is_kept_for_the_next_full_sync() {
    let check = |kind: EventKind, rows: Option<u64>, fresh: bool, full| {
        let mut link = bound();
        if fresh {
            *link.resource(Owners) = synced(Full, minutes(1));
        }
        let mut event = event(kind);
        event.totals.rows = rows;
        observe(&mut link, &event);
        let resource = link.resource(Owners);
        assert_eq!(resource.announced_at, Some(now()));
        assert_eq!(resource.announced, event.totals);
        assert_eq!(resource.announced_full, full, "{event:?} {fresh}");
    };
    let complete = || EventKind::HistoricalUpdate { resource: Owners };
    check(complete(), Some(2), false, true);
    check(complete(), Some(2), true, false);
    check(complete(), None, false, false);
    let changed = EventKind::ResourceChanged { resource: Owners };
    check(changed, Some(2), false, false);
}

#[test]
fn movements_are_followed_by_a_sync_of_what_they_change() {
    let check = |kind, parent, parent_synced: Option<i64>, expected| {
        let mut link = bound();
        if let Some(second) = parent_synced {
            *link.resource(parent) = synced(Full, seconds(second));
        }
        observe(&mut link, &new_rows(kind));
        let mode = link.pending.resources.get(&parent).copied();
        assert_eq!(mode, expected, "{kind} {parent_synced:?}");
    };
    for (kind, parent) in [
        (Transactions, Accounts),
        (Bills, Accounts),
        (InvestmentTransactions, Investments),
    ] {
        check(kind, parent, None, None);
        check(kind, parent, Some(-60), Some(Full));
        check(kind, parent, Some(60), None);
    }
}

#[test]
fn a_new_bill_is_followed_by_a_full_sync_of_the_transactions_that_name_it() {
    let check = |event: Event, synced_in_full: bool, expected| {
        let mut link = bound();
        if synced_in_full {
            link.resource(Transactions).last_full_sync = Some(days(-1));
        }
        observe(&mut link, &event);
        let mode = link.pending.resources.get(&Transactions).copied();
        assert_eq!(mode, expected, "{event:?} {synced_in_full}");
    };
    check(new_rows(Bills), true, Some(Full));
    check(new_rows(Bills), false, None);
    check(historical_update(Bills), true, None);
    check(new_rows(Accounts), true, None);
}

#[test]
fn the_weekly_full_sync_rides_on_a_webhook() {
    let check = |last_full_sync: Timestamp, event: Event, expected: &[ResourceKind]| {
        let mut link = loaded();
        link.resource(Owners).last_full_sync = Some(last_full_sync);
        observe(&mut link, &event);
        let full = link.pending.resources.iter().filter(|it| *it.1 == Full);
        let full: Vec<_> = full.map(|it| *it.0).collect();
        assert_eq!(full, expected, "{last_full_sync}");
    };
    let week = days(-7);
    let younger = week + SignedDuration::from_millis(1);
    check(week, new_rows(Accounts), &[Owners]);
    check(younger, new_rows(Accounts), &[]);
    // A resource that was never synced in full waits for its announcement.
    let mut link = bound();
    observe(&mut link, &new_rows(Owners));
    assert_eq!(link.pending, pending([(Owners, Incremental)]));
}

#[test]
fn data_that_flows_is_a_reason_to_ask_whether_the_user_has_mended_it() {
    let check = |event: Event, user_action: bool, link_pending| {
        let mut link = loaded();
        link.user_action = user_action.then(|| code("invalid_link"));
        observe(&mut link, &event);
        assert_eq!(link.pending.link, link_pending, "{event:?} {user_action}");
    };
    for event in [new_rows(Accounts), consent(ConsentChange::Expired)] {
        check(event.clone(), true, true);
        check(event, false, false);
    }
    check(event(EventKind::Unknown), true, false);
}

#[test]
fn data_that_flows_contradicts_a_consent_that_is_not_in_force() {
    let check = |status: Option<&str>, consents| {
        let mut link = bound();
        link.consent = status.map(|it| ConsentFacts {
            status: Some(it.to_owned()),
            ..ConsentFacts::default()
        });
        observe(&mut link, &new_rows(Accounts));
        assert_eq!(link.pending.consents, consents, "{status:?}");
    };
    check(None, false);
    check(Some("AUTHORISED"), false);
    check(Some("EXPIRED"), true);
}

#[test]
fn data_that_flows_ends_an_unavailability_and_no_other_change() {
    let check = |change, left| {
        let mut link = bound();
        observe(&mut link, &consent(change));
        observe(&mut link, &new_rows(Accounts));
        assert_eq!(link.consent.unwrap().change, left);
    };
    check(ConsentChange::UnavailableResources, None);
    let lost = ConsentChange::UnrecoverableResources;
    check(lost, Some(lost));
    check(ConsentChange::Expired, Some(ConsentChange::Expired));
}

#[test]
fn a_consent_webhook_replaces_what_it_says_and_leaves_the_rest() {
    let check = |named: Option<u8>, due: Option<i64>, id, expires| {
        let mut link = bound();
        link.consent = Some(ConsentFacts {
            id: Some(consent_id(1)),
            status: Some("AUTHORISED".to_owned()),
            expires_at: Some(days(1)),
            ..ConsentFacts::default()
        });
        let change = ConsentChange::ExpirationChanged;
        let kind = EventKind::Consent {
            change,
            consent_id: named.map(consent_id),
            due_at: due.map(days),
        };
        observe(&mut link, &event(kind));
        let expected = ConsentFacts {
            id: Some(consent_id(id)),
            status: Some("AUTHORISED".to_owned()),
            expires_at: Some(days(expires)),
            change: Some(change),
            changed_at: Some(now()),
            heard: Some(HeardChange {
                change,
                id: named.map(consent_id),
            }),
            ..ConsentFacts::default()
        };
        assert_eq!(link.consent, Some(expected));
    };
    check(None, None, 1, 1);
    check(Some(2), None, 2, 1);
    check(None, Some(9), 1, 9);
}

#[test]
fn a_link_that_needs_its_user_keeps_the_code_that_says_most() {
    let check = |errors: &[&str], webhook_code: Option<&str>, expected: Option<&str>| {
        let mut event = event(EventKind::LinkNeedsUser);
        event.errors = errors.iter().map(|it| code(it)).collect();
        event.webhook_code = webhook_code.map(code);
        let mut link = bound();
        observe(&mut link, &event);
        assert_eq!(link.user_action, expected.map(code));
    };
    check(&[], None, None);
    check(&[], Some("token_required"), Some("token_required"));
    check(
        &["login_error", "b"],
        Some("token_required"),
        Some("login_error"),
    );
}

#[test]
fn webhooks_that_say_the_same_again_are_read_for_at_once_four_times_and_then_later() {
    let mut link = loaded();
    let mut event = new_rows(Transactions);
    event.totals.rows = Some(3);
    let come = |link: &mut Link| {
        let effect = observe(link, &event);
        let pending = std::mem::take(&mut link.pending.resources);
        (effect, pending.contains_key(&Transactions))
    };
    // The first one is news, whatever came before.
    for _ in 0..5 {
        assert_eq!(come(&mut link), (WebhookEffect::Synced, true));
    }
    for _ in 0..1000 {
        assert_eq!(come(&mut link), (WebhookEffect::PutOff, false));
    }
    let deferred = Deferred {
        mode: Incremental,
        until: minutes(1),
    };
    assert_eq!(link.resource(Transactions).deferred, Some(deferred));
    let accounts = Deferred {
        mode: Full,
        until: minutes(1),
    };
    assert_eq!(link.resource(Accounts).deferred, Some(accounts));
    assert_eq!(link.schedule.get(Reason::Deferred), Some(minutes(1)));
    // Other news take it along.
    event.totals.rows = Some(4);
    assert_eq!(observe(&mut link, &event), WebhookEffect::Synced);
    link.resume_deferred(minutes(1));
    assert_eq!(link.schedule.get(Reason::Deferred), None);
}

#[test]
fn equal_webhooks_of_a_link_that_is_not_bound_lead_to_a_check_at_once_four_times_and_then_later() {
    let mut link = loaded();
    link.status = crate::link::LinkStatus::Quarantined;
    let event = historical_update(Owners);
    for _ in 0..5 {
        assert_eq!(observe(&mut link, &event), WebhookEffect::Synced);
    }
    for _ in 0..1000 {
        assert_eq!(observe(&mut link, &event), WebhookEffect::PutOff);
    }
    assert_eq!(link.schedule.get(Reason::CheckLink), Some(minutes(1)));
    assert!(link.needs_check(), "when its time has come");
    // The check is done, and more of them come.
    link.schedule.clear(Reason::CheckLink);
    let again = link.observe_webhook(sent(&event, minutes(1)), &policy(), minutes(1));
    assert_eq!(again, WebhookEffect::PutOff);
    assert_eq!(link.schedule.get(Reason::CheckLink), Some(minutes(2)));
}

#[test]
fn webhooks_of_a_consent_that_say_the_same_again_are_read_for_later() {
    for change in [ConsentChange::Expired, ConsentChange::Other] {
        let mut link = loaded();
        let event = event(EventKind::Consent {
            change,
            consent_id: Some(consent_id(2)),
            due_at: None,
        });
        let come = |link: &mut Link| {
            let effect = observe(link, &event);
            let read = std::mem::take(&mut link.pending.consents);
            if read {
                // Belvo's record says that another one counts, and is in force.
                let consent = link.consent.as_mut().unwrap();
                (consent.id, consent.change) = (Some(consent_id(1)), None);
            }
            (effect, read)
        };
        for _ in 0..5 {
            assert_eq!(come(&mut link), (WebhookEffect::ConsentRead, true));
        }
        for _ in 0..1000 {
            assert_eq!(come(&mut link), (WebhookEffect::PutOff, false));
        }
        assert_eq!(link.schedule.get(Reason::Consent), Some(minutes(1)));
        link.plan(&policy(), now());
        assert_eq!(link.schedule.get(Reason::Consent), Some(minutes(1)));
        observe(&mut link, &consent(ConsentChange::AboutToExpire));
        assert!(link.pending.consents, "that is another one");
    }
}

#[test]
fn equal_webhooks_ask_for_belvos_records_as_often_as_for_the_resource() {
    for covered in [false, true] {
        let mut link = loaded();
        link.user_action = Some(code("invalid_link"));
        let expired = ConsentFacts {
            status: Some("EXPIRED".to_owned()),
            ..ConsentFacts::default()
        };
        link.consent = Some(expired);
        if covered {
            *link.resource(Transactions) = synced(Full, minutes(1));
        }
        let mut event = new_rows(Transactions);
        event.totals.rows = Some(3);
        let mut asked = (0, 0);
        for _ in 0..1000 {
            observe(&mut link, &event);
            let pending = std::mem::take(&mut link.pending);
            asked.0 += u32::from(pending.link);
            asked.1 += u32::from(pending.consents);
        }
        assert_eq!(asked, if covered { (1, 1) } else { (5, 5) });
    }
}

#[test]
fn a_webhook_from_the_log_leads_to_a_read_of_its_own_resource_alone() {
    for kind in [Transactions, Bills] {
        let mut link = loaded();
        link.resource(Owners).last_full_sync = Some(days(-8));
        let event = new_rows(kind);
        let webhook = Webhook {
            is_replayed: true,
            ..sent(&event, now())
        };
        link.observe_webhook(webhook, &policy(), now());
        assert_eq!(link.pending, pending([(kind, Incremental)]));
    }
}
