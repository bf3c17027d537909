use super::*;

#[test]
fn an_access_that_no_webhook_told_of_is_synced_where_no_sync_covers_it() {
    let check = |accessed: Option<i64>, expected: &[ResourceKind]| {
        let mut link = loaded();
        *link.resource(Owners) = synced(Full, minutes(-5));
        link.resource(Accounts).last_sync = None;
        link.observe_listed(accessed.map(minutes), &policy());
        assert_eq!(link.last_accessed_at, accessed.map(minutes));
        let modes = expected.iter().map(|kind| (*kind, Full));
        let expected = Pending {
            link: true,
            consents: true,
            resources: modes.collect(),
        };
        assert_eq!(link.pending, expected, "{accessed:?}");
    };
    check(None, &[Accounts]);
    check(Some(-95), &[Accounts, Transactions]);
    check(Some(-94), &[Owners, Accounts, Transactions]);
    check(Some(-3 * 24 * 60), &[Accounts]);
}

#[test]
fn belvos_record_is_kept() {
    let mut link = bound();
    link.observe_record(LinkFacts {
        institution: Some("ofmockbank_br_retail".to_owned()),
        institution_user_id: Some("person".to_owned()),
        status: None,
        access_mode: Some("single".to_owned()),
        fetch_resources: [Owners].into(),
        created_at: Some(days(-3)),
        last_accessed_at: Some(days(-2)),
    });
    assert_eq!(link.institution.as_deref(), Some("ofmockbank_br_retail"));
    assert_eq!(link.institution_user_id.as_deref(), Some("person"));
    assert_eq!(link.access_mode.as_deref(), Some("single"));
    assert_eq!(link.fetch_resources, [Owners].into());
    assert_eq!(link.created_at, Some(days(-3)));
    assert_eq!(link.last_accessed_at, Some(days(-2)));

    let known = link.clone();
    link.observe_record(LinkFacts::default());
    assert_eq!(link, known, "what a record leaves out stays");
}

#[test]
fn belvos_status_says_whether_the_user_must_act() {
    let check = |status: Option<&str>, known, declined_with: &[&str], expected: Option<&str>| {
        let mut link = bound();
        link.user_action = Option::map(known, code);
        for (kind, text) in ResourceKind::all().zip(declined_with) {
            *link.resource(kind) = declined(text);
        }
        link.observe_record(LinkFacts {
            status: status.map(str::to_owned),
            ..LinkFacts::default()
        });
        let context = format!("{status:?} {known:?} {declined_with:?}");
        assert_eq!(link.user_action, expected.map(code), "{context}");
    };
    let known = Some("login_error");
    check(Some("valid"), known, &[], None);
    let without_accounts = &["unavailable_data", "consent_without_accounts"];
    let expected = Some("consent_without_accounts");
    check(Some("valid"), None, without_accounts, expected);
    check(Some("valid"), None, &["unavailable_data"], None);
    check(Some("invalid"), None, &[], Some("invalid_link"));
    check(Some("invalid"), known, &[], known);
    check(Some("token_required"), None, &[], Some("token_required"));
    check(Some("token_required"), known, &[], known);
    for open in [Some("unconfirmed"), Some("novelty"), None] {
        check(open, None, &[], None);
        check(open, known, &[], known);
    }
}

#[test]
fn twenty_proofs_are_kept() {
    let mut link = Link::new(link_id(1));
    for number in 1..=25 {
        link.observe_proof(session(number), proof(number, number));
    }
    assert_eq!(link.proofs.len(), 20);
    assert_eq!(link.proofs.get(&session(20)), Some(&proof(20, 20)));
}

#[test]
fn twenty_webhooks_are_kept_for_the_log_and_each_of_them_once() {
    let webhook = |number: u8| LoggedWebhook {
        received_at: now(),
        message_id: format!("message-{number}"),
        event: event(EventKind::Unknown),
    };
    let mut link = Link::new(link_id(1));
    for number in 1..=20 {
        assert!(link.keep_for_log(webhook(number)));
        assert!(!link.keep_for_log(webhook(number)), "delivered twice");
    }
    assert!(!link.keep_for_log(webhook(21)));
    assert_eq!(link.unlogged.len(), 20);
}
