//! What always holds of a link, whatever is observed and in whatever order (see [`super`]).

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::fixtures::*;
use super::{
    Backoff, Jitter, Link, LinkFacts, OwnerCheck, OwnerEvidence, Policy, Reason, RunEnd, SyncMode,
    WebhookEffect,
};
use crate::event::EventKind;
use crate::resource::ResourceKind;

/// Something that happens to a link.
#[derive(Clone, Debug)]
enum Step {
    Webhook(EventKind),
    Listed,
    Record(&'static str),
    Proof(u8),
    /// The user Belvo names, and whether that user has an attempt.
    Settle(Option<(u8, bool)>),
    Foreign,
    /// The user, and whether the owner is the right one, if Belvo names one.
    Owner(u8, Option<bool>),
    Continue(Option<u8>),
    LeaveUnclaimed,
    Lose,
    Resume(Reason),
    Plan,
    BackOff,
    ContinueLater(bool),
    DeferCheck,
    Run(ResourceKind),
    Conclude(ResourceKind, RunEnd),
    Decline(ResourceKind),
    Tell,
}

fn kinds() -> impl Strategy<Value = ResourceKind> {
    proptest::sample::select(ResourceKind::all().collect::<Vec<_>>())
}

fn modes() -> impl Strategy<Value = SyncMode> {
    proptest::sample::select(vec![SyncMode::Incremental, SyncMode::Full])
}

/// A webhook that asks for a sync of this mode.
fn webhook(resource: ResourceKind, mode: SyncMode) -> EventKind {
    match mode {
        SyncMode::Incremental => EventKind::ResourceChanged { resource },
        SyncMode::Full => EventKind::HistoricalUpdate { resource },
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reasons = vec![
        Reason::CheckLink,
        Reason::Unannounced,
        Reason::LimitLifted,
        Reason::EmptyList,
        Reason::Settling,
        Reason::Consent,
        Reason::FullSync,
        Reason::Reread,
        Reason::Deleted,
    ];
    let ends = vec![
        RunEnd::Complete,
        RunEnd::Repeat,
        RunEnd::NeedsFull,
        RunEnd::Unfound,
    ];
    let statuses = vec!["valid", "invalid", "token_required", "novelty"];
    let step = prop_oneof![
        (kinds(), modes()).prop_map(|(kind, mode)| Step::Webhook(webhook(kind, mode))),
        Just(Step::Webhook(EventKind::LinkDeleted)),
        Just(Step::Webhook(EventKind::LinkNeedsUser)),
        Just(Step::Listed),
        proptest::sample::select(statuses).prop_map(Step::Record),
        (1..3u8).prop_map(Step::Proof),
        proptest::option::of((1..3u8, any::<bool>())).prop_map(Step::Settle),
        Just(Step::Foreign),
        (1..3u8, any::<Option<bool>>()).prop_map(|(user, right)| Step::Owner(user, right)),
        proptest::option::of(1..3u8).prop_map(Step::Continue),
        Just(Step::LeaveUnclaimed),
        Just(Step::Lose),
        proptest::sample::select(reasons).prop_map(Step::Resume),
        Just(Step::Plan),
        Just(Step::BackOff),
        any::<bool>().prop_map(Step::ContinueLater),
        Just(Step::DeferCheck),
        kinds().prop_map(Step::Run),
        (kinds(), proptest::sample::select(ends)).prop_map(|(kind, end)| Step::Conclude(kind, end)),
        kinds().prop_map(Step::Decline),
        Just(Step::Tell),
    ];
    proptest::collection::vec(step, 1..40)
}

fn policies() -> impl Strategy<Value = Policy> {
    let checks = vec![OwnerCheck::Required, OwnerCheck::Warn, OwnerCheck::Off];
    (proptest::sample::select(checks), any::<bool>()).prop_map(|(owner_check, adopt)| Policy {
        owner_check,
        adopt_existing_links: adopt,
        ..policy()
    })
}

/// Does a step, and gives what it leads others to be told.
fn take(link: &mut Link, step: Step, policy: &Policy, now: Timestamp) -> bool {
    match step {
        Step::Webhook(kind) => {
            link.observe_webhook(sent(&event(kind), now), policy, now);
        }
        Step::Listed => link.observe_listed(Some(now), policy),
        Step::Record(status) => link.observe_record(LinkFacts {
            status: Some(status.to_owned()),
            fetch_resources: policy.fetch_resources.iter().collect(),
            created_at: Some(days(-1)),
            last_accessed_at: Some(now),
            ..LinkFacts::default()
        }),
        Step::Proof(number) => link.observe_proof(session(number), proof(number, number)),
        Step::Settle(named) => {
            let regained = link.regain(policy);
            if let Some((number, has_attempt)) = named.filter(|_| !regained) {
                let attempts = has_attempt.then(|| attempt(number, now));
                link.claim(&user(number), attempts.as_slice(), policy, now);
            }
        }
        Step::Foreign => {
            if !link.regain(policy) {
                link.leave_unclaimed();
            }
        }
        Step::Owner(number, right) => {
            let record = attempt(number, now);
            let evidence = match right {
                Some(true) => OwnerEvidence::Matches(&record.attempt),
                Some(false) => OwnerEvidence::Differs,
                None => OwnerEvidence::Missing,
            };
            link.observe_owner(user(number), evidence, policy, now);
        }
        Step::Continue(number) => {
            let mut predecessor = bound();
            predecessor.external_id = number.map(user);
            link.continue_link(predecessor, now);
        }
        Step::LeaveUnclaimed => link.leave_unclaimed(),
        Step::Lose => link.lose(),
        Step::Resume(reason) => link.resume(reason, policy),
        Step::Plan => link.plan(policy, now),
        Step::BackOff => {
            link.back_off(code("no_answer"), SignedDuration::ZERO, policy, now);
        }
        Step::ContinueLater(stuck) => link.continue_later(stuck, now),
        Step::DeferCheck => {
            link.defer_check(now);
        }
        Step::Run(kind) => {
            link.start_run(kind, 5000, None, now);
        }
        Step::Conclude(kind, end) => {
            link.conclude_run(kind, end, now);
        }
        Step::Decline(kind) => link.decline_run(kind, code("unavailable_data")),
        Step::Tell => return link.next_change(now).is_some(),
    }
    false
}

proptest! {
    // A case takes many steps, and each mutant of a rule runs them all.
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_link_that_was_bound_never_changes_its_user(steps in steps(), policy in policies()) {
        let mut link = Link::new(link_id(1));
        let mut settled = None;
        for (minute, step) in (0..).zip(steps) {
            take(&mut link, step, &policy, minutes(minute));
            if let Some(known) = &settled {
                prop_assert_eq!(&(link.external_id.clone(), link.bound_at), known);
            }
            if link.bound_at.is_some() {
                prop_assert!(link.external_id.is_some());
                settled = Some((link.external_id.clone(), link.bound_at));
            }
        }
    }

    #[test]
    fn a_link_is_read_told_of_and_served_only_once_it_was_bound(
        steps in steps(),
        policy in policies(),
    ) {
        let mut link = Link::new(link_id(1));
        for (minute, step) in (0..).zip(steps) {
            let bound_before = link.is_bound();
            let told = take(&mut link, step, &policy, minutes(minute));
            prop_assert!(!told || bound_before);
            if link.bound_at.is_none() {
                prop_assert!(!link.is_bound());
                prop_assert!(!link.is_served(false));
            }
        }
    }

    #[test]
    fn a_planned_link_that_is_not_bound_waits_for_nothing_but_checks_and_announcements(
        steps in steps(),
        policy in policies(),
    ) {
        let mut link = Link::new(link_id(1));
        for (minute, step) in (0..).zip(steps) {
            take(&mut link, step, &policy, minutes(minute));
            let mut planned = link.clone();
            planned.plan(&policy, minutes(minute));
            if !planned.is_bound() {
                planned.schedule.clear(Reason::CheckLink);
                planned.schedule.clear(Reason::Unannounced);
                planned.schedule.clear(Reason::Deleted);
                prop_assert_eq!(planned.schedule.next(), None);
            }
        }
    }

    #[test]
    fn a_stored_link_is_read_back_as_it_was(steps in steps(), policy in policies()) {
        let mut link = Link::new(link_id(1));
        for (minute, step) in (0..).zip(steps) {
            take(&mut link, step, &policy, minutes(minute));
        }
        let stored = serde_json::to_string(&link).unwrap();
        prop_assert_eq!(serde_json::from_str::<Link>(&stored).unwrap(), link);
    }

    #[test]
    fn a_webhook_is_covered_by_a_later_sync_or_pending(
        steps in steps(),
        kind in kinds(),
        mode in modes(),
    ) {
        let mut link = Link::new(link_id(1));
        for (minute, step) in (0..).zip(steps) {
            take(&mut link, step, &policy(), minutes(minute));
        }
        let sent_at = minutes(20);
        let webhook = event(webhook(kind, mode));
        let effect = link.observe_webhook(sent(&webhook, sent_at), &policy(), sent_at);
        if effect == WebhookEffect::AlreadySynced {
            let resource = link.resource(kind);
            let last = resource.last_sync.filter(|it| it.mode >= mode);
            let started_at = last.map(|it| it.started_at).or(resource.last_full_sync);
            prop_assert!(started_at > Some(sent_at));
        } else {
            let deferred = link.resource(kind).deferred.map(|it| it.mode);
            let pending = link.pending.resources.get(&kind).copied();
            prop_assert!(pending.max(deferred) >= Some(mode));
        }
    }

    #[test]
    fn a_delay_lies_between_twenty_two_seconds_and_seven_and_a_half_hours(
        attempts in any::<u32>(),
        salt in any::<u64>(),
    ) {
        let delay = Backoff { since: now(), attempts }.delay(Jitter::new(link_id(1), salt));
        prop_assert!(delay >= SignedDuration::from_secs(22));
        prop_assert!(delay < SignedDuration::from_mins(450));
    }
}
