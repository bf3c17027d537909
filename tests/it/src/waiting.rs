//! Whose links are, what they wait for, and what happens when its time has come.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Action, guidance};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::bank::Bank;
use crate::world::World;
use truth::Canonical;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_gone_keeps_its_data_and_may_come_back() {
    let bank = Bank::connected().await;
    bank.control("gone", &json!({"gone": true})).await;
    let before = bank.stored("TRANSACTIONS").await;
    bank.all_news().await;
    assert_eq!(bank.link().await["status"].text(), "gone");
    assert_eq!(bank.stored("TRANSACTIONS").await, before);

    bank.control("gone", &json!({"gone": false})).await;
    bank.control(
        "changes",
        &json!({"add": 3, "delete": 3, "webhooks": false}),
    )
    .await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.link().await["status"].text(), "bound");
    bank.assert_complete().await;
}

/// No webhook says why, so the status itself has to be one of the codes users are told about.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_turns_bad_without_a_word_has_advice_for_its_user() {
    for (status, code) in [
        ("invalid", "invalid_link"),
        ("token_required", "token_required"),
    ] {
        let bank = Bank::connected().await;
        bank.faults(&json!({"webhooks": {"hold": true}})).await;
        bank.control("status", &json!({"status": status})).await;
        bank.world.let_time_pass(bank.link_id()).await;
        assert_eq!(bank.link().await["user_action"].text(), code);
        assert_eq!(guidance(code).action, Action::Reconnect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_found_without_any_webhook_of_it() {
    let world = World::with(&[("ConsentDurationDays", "366")]).await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let records = world.records(&connected.link_id).await;
    let consent = &records[&format!("CONSENT#{}", connected.consent_id)];
    assert_eq!(consent["data"].get("status").text(), "AUTHORISED");
    let link = &records["LINK"];
    let facts = &link["consent"];
    assert_eq!(facts.get("id").text(), connected.consent_id);
    assert_ne!(*facts.get("expires_at"), Canonical::Null);
    assert_ne!(*link["schedule"].get("consent"), Canonical::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_consent_heals_its_link() {
    let bank = Bank::connected().await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.world.settle().await;
    assert_eq!(bank.link().await["consent"].get("status").text(), "EXPIRED");

    let renewal = json!({"new_link": false, "new_consent": true});
    let renewed = bank.control("renew", &renewal).await;
    bank.world.settle().await;
    let records = bank.world.records(bank.link_id()).await;
    let consent = renewed["consent_id"].as_str().unwrap();
    let facts = &records["LINK"]["consent"];
    assert_eq!(facts.get("id").text(), consent);
    assert_eq!(facts.get("status").text(), "AUTHORISED");
    // Belvo no longer holds the old one.
    let consents = records.keys().filter(|key| key.starts_with("CONSENT#"));
    assert_eq!(
        consents.collect::<Vec<_>>(),
        [&format!("CONSENT#{consent}")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_comes_as_a_new_link_is_adopted() {
    let bank = Bank::connected().await;
    let renewed = bank.control("renew", &json!({"new_link": true})).await;
    bank.world.settle().await;
    let new_link = renewed["link_id"].as_str().unwrap();
    let link = bank.world.link(new_link).await;
    assert_eq!(link["status"].text(), "bound");
    assert_eq!(link["replaces"].text(), bank.link_id());
    bank.world
        .assert_complete(new_link, &bank.user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_user_is_not_adopted_when_two_users_share_the_bank_account() {
    let world = World::start().await;
    let (ana, rui) = (world.individual().await, world.individual().await);
    let first = world.connected(&ana).await;
    world.connected(&rui).await;
    let path = format!("links/{}/renew", first.link_id);
    let renewed = world.sandbox(&path, &json!({"new_link": true})).await;
    world.settle().await;
    let link = world.link(renewed["link_id"].as_str().unwrap()).await;
    assert_eq!(link["status"].text(), "unclaimed");
    assert!(!link.contains_key("external_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_recorded_late_claims_its_link_when_time_comes() {
    let world = World::start().await;
    let user = world.individual().await;
    // The webhooks are faster than the queue of attempts: no attempt is recorded yet.
    let order = json!({"external_id": user.external_id, "owner": crate::world::CPF});
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    assert_eq!(world.link(link_id).await["status"].text(), "unclaimed");

    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    world.let_time_pass(link_id).await;
    assert_eq!(world.link(link_id).await["status"].text(), "bound");
    world.assert_complete(link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_whose_webhooks_were_lost_are_read_when_their_time_comes() {
    let world = World::start().await;
    world
        .sandbox("faults", &json!({"webhooks": {"lose": true}}))
        .await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "awaiting_owner");
    assert_ne!(*link["schedule"].get("unannounced"), Canonical::Null);

    world.let_time_pass(&connected.link_id).await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_during_a_failure_are_kept_and_do_not_add_to_it() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"status_429": true})).await;
    bank.news().await;
    bank.forget_requests().await;
    for kind in ["ACCOUNTS", "BILLS", "INVESTMENTS"] {
        bank.announce(kind, "historical_update", json!({})).await;
    }
    assert_eq!(bank.requests().await, Vec::<String>::new());
    bank.faults(&json!({})).await;
    bank.control("changes", &json!({"add": 2, "webhooks": false}))
        .await;
    let objects = json!({"resource": "accounts", "update": 2, "webhooks": false});
    bank.control("objects", &objects).await;
    bank.world.let_time_pass(bank.link_id()).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_make_links_wait_and_raise_an_alarm() {
    let wrong = json!({"id": "revoked", "password": "revoked"});
    let world = World::start().await;
    world.set_secret("Belvo", &wrong).await;
    let user = world.individual().await;
    let order = json!({"external_id": user.external_id});
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    let link = world.link(link_id).await;
    assert_eq!(
        link["last_error"].get("code").text(),
        "authentication_failed"
    );
    assert!(link.contains_key("due_at"));
    let logs = world.stack.logs();
    assert!(
        logs.iter()
            .any(|line| line.contains("BelvoAuthenticationFailed"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_belvo_declines_does_not_bring_the_weekly_full_sync_again_at_once() {
    let bank = Bank::connected().await;
    let long_ago = AttributeValue::S("2026-01-01T00:00:00Z".to_owned());
    let path = ["resources", "INVESTMENTS", "last_full_sync"];
    bank.set_on_link(&path, long_ago).await;
    let declined = json!({"status": 403, "code": "access_to_resource_denied"});
    let mut fail = declined;
    fail["count"] = json!(1000);
    fail["path"] = json!("/api/br/investments/");
    bank.faults(&json!({"fail_next": fail})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    let link = bank.link().await;
    let full_sync: Timestamp = link["schedule"].get("full_sync").text().parse().unwrap();
    assert!(full_sync > Timestamp::now() + SignedDuration::from_hours(6 * 24));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_checked_even_if_the_first_check_fails() {
    let bank = Bank::connected().await;
    bank.control("gone", &json!({"gone": true})).await;
    let fail = json!({"count": 1, "status": 429, "path": "/api/links/"});
    bank.faults(&json!({"fail_next": fail})).await;
    bank.announce("LINK", "link_deleted", json!({})).await;
    assert_eq!(bank.link().await["status"].text(), "bound");

    let soon = Timestamp::now() + SignedDuration::from_hours(1);
    bank.world.let_time_pass_until(bank.link_id(), soon).await;
    assert_eq!(bank.link().await["status"].text(), "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_that_never_comes_does_not_hide_the_end_of_the_consent() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"gateway": [{"status": 502, "path": "/api/bills/"}]}))
        .await;
    bank.news_of_bills().await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.world.settle().await;
    bank.world.let_time_pass(bank.link_id()).await;
    let link = bank.link().await;
    assert_eq!(link["consent"].get("status").text(), "EXPIRED");
    assert!(link.contains_key("last_error"), "bills still wait");
    assert_ne!(*link["schedule"].get("full_sync"), Canonical::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_gone_after_years_is_checked_again_and_an_unknown_one_not_for_ever() {
    let bank = Bank::connected().await;
    let years_ago = AttributeValue::S("2020-01-01T00:00:00Z".to_owned());
    bank.set_on_link(&["created_at"], years_ago).await;
    bank.control("gone", &json!({"gone": true})).await;
    bank.all_news().await;
    let link = bank.link().await;
    assert_eq!(link["status"].text(), "gone");
    assert_ne!(*link["schedule"].get("check_link"), Canonical::Null);

    let two_months_ago = Timestamp::now() - SignedDuration::from_hours(60 * 24);
    let since = AttributeValue::S(two_months_ago.to_string());
    bank.set_on_link(&["unresolved", "since"], since).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert!(!bank.link().await.contains_key("due_at"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_release_has_written_stops_neither_the_link_nor_the_walk() {
    let bank = Bank::connected().await;
    let date = AttributeValue::S("2027-01-01T00:00:00Z".to_owned());
    bank.set_on_link(&["schedule", "a_novelty"], date).await;
    let walk = json!({"sweep": "links"});
    let report = bank.world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!(report["links"], 1);
    bank.world.let_time_pass(bank.link_id()).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_somebody_else_is_not_adopted_though_person_and_bank_are_the_same() {
    let world = World::start().await;
    let ana = world.individual().await;
    world.connected(&ana).await;
    // Belvo names Rui, whose attempt is still queued.
    let rui = world.individual().await;
    let order = json!({"external_id": rui.external_id, "owner": crate::world::CPF});
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    assert_eq!(world.link(link_id).await["status"].text(), "unclaimed");

    world.mint(&rui).await;
    world.stack.settle().await.unwrap();
    world.let_time_pass(link_id).await;
    world.assert_complete(link_id, &rui.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_empty_from_the_first_answer_on_is_looked_at_again() {
    let world = World::start().await;
    let fault = json!({"empty_list": true, "path": "/api/bills/"});
    world.sandbox("faults", &fault).await;
    let bank = Bank::connected_in(world).await;
    assert_eq!(bank.stored("BILLS").await.len(), 0);
    bank.faults(&json!({})).await;
    let soon = Timestamp::now() + SignedDuration::from_mins(61);
    bank.world.let_time_pass_until(bank.link_id(), soon).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_waits_does_not_hide_the_others_from_the_comparison() {
    let bank = Bank::connected().await;
    let outage = json!([{"status": 502, "path": "/api/bills/"}]);
    bank.faults(&json!({"gateway": outage, "webhooks": {"lose": true}}))
        .await;
    bank.hear_of("BILLS").await;
    assert!(bank.link().await.contains_key("last_error"));
    // The webhook of this change is lost, and Belvo reached the bank two hours ago.
    let row = json!({"value_date": bank.today().await});
    bank.control("changes", &json!({"add": [row], "webhooks": false}))
        .await;
    let at = Timestamp::now() - SignedDuration::from_hours(2);
    bank.control("access", &json!({"at": at.to_string()})).await;
    let synced = AttributeValue::S((at - SignedDuration::from_hours(24)).to_string());
    for kind in ["TRANSACTIONS", "ACCOUNTS"] {
        let path = ["resources", kind, "last_sync", "started_at"];
        bank.set_on_link(&path, synced.clone()).await;
    }
    bank.set_on_link(&["last_accessed_at"], AttributeValue::S(at.to_string()))
        .await;
    let walk = json!({"sweep": "links", "page": 1});
    let report = bank.world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!(report["enqueued"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_which_no_webhook_tells_is_seen_by_the_next_comparison() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"webhooks": {"lose": true}})).await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.control("status", &json!({"status": "invalid"})).await;
    let walk = json!({"sweep": "links", "page": 1});
    for expected in [1, 0] {
        let report = bank
            .world
            .stack
            .invoke("sweeper", walk.clone())
            .await
            .unwrap();
        assert_eq!(report["seen"], expected);
        bank.world.settle().await;
    }
    let link = bank.link().await;
    assert_eq!(link["user_action"].text(), "invalid_link");
    assert_eq!(link["consent"].get("status").text(), "EXPIRED");
}
