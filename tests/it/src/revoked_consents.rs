//! Consents that their user revokes outside of the app, where no webhook tells of it.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::bank::Bank;
use crate::foreign_rows::say;
use crate::links::body;
use crate::portal::open;
use crate::world::{CPF, OTHER_CPF, World};

/// A link of which no webhook tells anything after its first data.
async fn single(parameters: &[(&str, &str)]) -> Bank {
    let world = World::with(parameters).await;
    let user = world.individual().await;
    let single = json!({"access_mode": "single"});
    let minted = world.mint_with(&user, &single).await;
    let connected = world.connect_with(&user, &minted, single).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    Bank {
        world,
        user,
        connected,
    }
}

/// The user ends the consent on the page of the portal.
async fn revoke(bank: &Bank, portal: &Url) {
    let (_, access_token) = portal.query_pairs().next().unwrap();
    let consent_id = bank.connected.consent_id.as_str();
    let form = [
        ("access_token", &*access_token),
        ("consent_id", consent_id),
        ("action", "revoke"),
    ];
    let mut page = portal.clone();
    page.set_query(None);
    let pressed = bank.world.http.post(page).form(&form).send().await.unwrap();
    assert_eq!(pressed.status(), 200);
}

/// The user ends the consent in the bank's app.
async fn revoke_at_the_bank(bank: &Bank) {
    let manage = open(&bank.world, &bank.user, &json!({"mode": "manage"})).await;
    revoke(bank, &manage).await;
    // As if the portal had never been opened from here.
    bank.world.stack.settle().await.unwrap();
    let never = AttributeValue::Null(true);
    bank.set_on_link(&["consent", "portal_opened_at"], never)
        .await;
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(25);
    let at = AttributeValue::S(tomorrow.to_string());
    bank.set_on_link(&["schedule", "consent"], at).await;
}

async fn code(bank: &Bank) -> Value {
    let path = format!("/links/{}", bank.link_id());
    let link = body(bank.world.get(&bank.user, &path).await).await;
    link["next_action"]["code"].clone()
}

async fn pass(bank: &Bank, minutes: i64) {
    let until = Timestamp::now() + SignedDuration::from_mins(minutes);
    bank.world.let_time_pass_until(bank.link_id(), until).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_revoked_in_the_portal_is_noticed_soon_after_manage() {
    let bank = single(&[]).await;
    assert_eq!(code(&bank).await, "ok");
    let portal = open(&bank.world, &bank.user, &json!({"mode": "manage"})).await;
    revoke(&bank, &portal).await;
    bank.world.stack.settle().await.unwrap();
    pass(&bank, 4).await;
    assert_eq!(code(&bank).await, "consent_rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_of_the_user_is_looked_at_after_manage_and_no_other() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let second = world.connected(user).await.link_id;
    let other = world.individual().await;
    let theirs = world.connected(&other).await.link_id;
    let opened = async |link: &str| {
        let consent = world.link(link).await["consent"].clone();
        *consent.get("portal_opened_at") != truth::Canonical::Null
    };
    assert!(!opened(bank.link_id()).await);
    open(world, user, &json!({"mode": "manage"})).await;
    world.stack.settle().await.unwrap();
    assert!(opened(bank.link_id()).await && opened(&second).await);
    assert!(!opened(&theirs).await);
    // Only an opened renewal is evidence of whose a renewed link is.
    let consent = world.link(&second).await["consent"].clone();
    assert_eq!(*consent.get("renewal_opened_at"), truth::Canonical::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_revoked_at_the_bank_is_noticed_within_a_day() {
    // Without a duration that is preselected, a consent has no end.
    for duration in ["366", ""] {
        let bank = single(&[("ConsentDurationDays", duration)]).await;
        let link = bank.link().await;
        let next = link["schedule"].get("consent").text().to_owned();
        let next: Timestamp = next.parse().unwrap();
        let within = next.duration_since(Timestamp::now()).as_hours();
        assert!((12..=24).contains(&within), "{duration:?}: {next}");
        revoke_at_the_bank(&bank).await;
        pass(&bank, 26 * 60).await;
        assert_eq!(code(&bank).await, "consent_rejected", "{duration:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_owners_the_consent_of_a_webhook_is_looked_at_by_the_slow_clock() {
    let parameters = [
        ("OwnerCheck", "off"),
        ("FetchResources", "ACCOUNTS,TRANSACTIONS"),
    ];
    let bank = single(&parameters).await;
    let word = json!({
        "webhook_type": "CONSENT",
        "webhook_code": "openfinance_consent_expiration_changed",
        "link_id": bank.link_id(),
        "data": {"consent_id": bank.connected.consent_id},
    });
    bank.world.post_webhook(&word).await;
    bank.world.settle().await;
    let link = bank.link().await;
    let id = link["consent"].get("id").text().to_owned();
    assert_eq!(id, bank.connected.consent_id);
    assert_eq!(link["consent"].get("status").text(), "AUTHORISED");
    revoke_at_the_bank(&bank).await;
    pass(&bank, 26 * 60).await;
    assert_eq!(code(&bank).await, "consent_rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_has_mended_is_noticed_without_a_webhook() {
    let bank = single(&[]).await;
    bank.control("status", &json!({"status": "invalid"})).await;
    bank.world.settle().await;
    assert_eq!(code(&bank).await, "invalid_link");
    let renew = json!({"mode": "renew", "link_id": bank.link_id()});
    open(&bank.world, &bank.user, &renew).await;
    let silently = json!({"new_link": false, "webhooks": false});
    bank.control("renew", &silently).await;
    bank.world.stack.settle().await.unwrap();
    pass(&bank, 4).await;
    assert_eq!(code(&bank).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_single_link_in_quarantine_is_compared_again_without_a_webhook() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let wishes = json!({"access_mode": "single", "owner": OTHER_CPF});
    let connected = world.connect_with(&user, &minted, wishes).await;
    world.settle().await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    assert_eq!(bank.link().await["status"].text(), "quarantined");
    let owner = bank.truth().await["owners"][0]["id"].clone();
    let document = json!({"document_type": "CPF", "document_number": CPF});
    let row = json!({"id": owner, "document_id": document});
    say(&bank.world, bank.link_id(), "owners", row).await;
    pass(&bank, 10).await;
    assert_eq!(bank.link().await["status"].text(), "bound");
}
