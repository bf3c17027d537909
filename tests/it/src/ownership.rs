//! The conditions for storing a link's data: its user and its owner must be known.

use serde_json::json;

use crate::bank::Bank;
use crate::foreign_rows::say;
use crate::world::{CPF, OTHER_CPF, Records, World};
use truth::Canonical;

/// The link has only its LINK record.
fn assert_only_link(records: &Records, status: &str) {
    let names: Vec<&String> = records.keys().collect();
    assert_eq!(names, ["LINK"]);
    assert_eq!(records["LINK"]["status"].text(), status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_account_holder_is_quarantined() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world
        .connect_with(&user, &minted, json!({"owner": OTHER_CPF}))
        .await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;

    let records = world.records(&connected.link_id).await;
    assert_only_link(&records, "quarantined");
    assert_eq!(records["LINK"]["owner_verdict"].text(), "mismatched");
    assert_eq!(records["LINK"]["external_id"].text(), user.external_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_consented_for_a_company_needs_the_companys_account() {
    let world = World::start().await;
    let user = world.company().await;
    let minted = world.mint(&user).await;
    let owner = json!({"owner": OTHER_CPF});
    let connected = world.connect_with(&user, &minted, owner).await;
    world.settle().await;
    assert_only_link(&world.records(&connected.link_id).await, "quarantined");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_warning_only_the_mismatch_is_recorded_and_the_data_stored() {
    let world = World::with(&[("OwnerCheck", "warn")]).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world
        .connect_with(&user, &minted, json!({"owner": OTHER_CPF}))
        .await;
    world.settle().await;

    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "bound");
    assert_eq!(link["owner_verdict"].text(), "mismatched");
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_a_user_without_attempts_is_unclaimed() {
    let world = World::start().await;
    let body = json!({"external_id": "somebody-elses-user", "transactions": 30, "seed": 1});
    let link = world.sandbox("links", &body).await;
    world.settle().await;

    let records = world.records(link["link_id"].as_str().unwrap()).await;
    assert_only_link(&records, "unclaimed");
    assert!(!records["LINK"].contains_key("external_id"));
    assert!(!records["LINK"].contains_key("user_record"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_a_user_is_unclaimed() {
    let world = World::start().await;
    let link = world
        .sandbox("links", &json!({"transactions": 30, "seed": 1}))
        .await;
    world.settle().await;
    assert_only_link(
        &world.records(link["link_id"].as_str().unwrap()).await,
        "unclaimed",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_links_are_adopted_with_adopt_existing_links() {
    let world = World::with(&[("AdoptExistingLinks", "true")]).await;
    let body = json!({"external_id": "an-earlier-user", "transactions": 30, "seed": 1});
    let link = world.sandbox("links", &body).await;
    world.settle().await;

    let link_id = link["link_id"].as_str().unwrap();
    let counts = world.assert_complete(link_id, "an-earlier-user").await;
    assert_eq!(counts["TRANSACTIONS"], 30);
    assert_eq!(
        world.link(link_id).await["owner_verdict"].text(),
        "not_checked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_before_the_callback_end_the_same() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    world.settle().await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    assert_bound(&world, &connected.link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_after_the_callback_end_the_same() {
    let world = World::start().await;
    world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.stack.settle().await.unwrap();
    // The callback alone binds the link to its user, and reads no data.
    assert_only_link(&world.records(&connected.link_id).await, "awaiting_owner");

    world.sandbox("webhooks/release", &json!({})).await;
    world.settle().await;
    assert_bound(&world, &connected.link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_without_any_callback_end_the_same() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    world.settle().await;
    assert_bound(&world, &connected.link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_in_any_order_and_more_than_once_end_the_same() {
    let world = World::start().await;
    let faults = json!({"webhooks": {"reorder": true, "repeat": 2}});
    world.sandbox("faults", &faults).await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    assert_bound(&world, &connected.link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cannot_name_a_second_link() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    let other = uuid::Uuid::new_v4().to_string();
    let replayed = connected.redirect_url.replace(&connected.link_id, &other);
    assert_ne!(replayed, connected.redirect_url);
    assert_eq!(world.follow(&replayed).await.status(), 200);
    world.settle().await;
    assert!(world.records(&other).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_identity_in_the_body_the_app_proves_who_came_back() {
    let parameters = [
        ("IdentitySource", "body"),
        ("ReturnUrls", "https://app.example.com/done"),
    ];
    let world = World::with(&parameters).await;
    let user = world.sign_in(json!({})).await;
    let identification = json!({"cpf": CPF, "name": "Ralph Bragg"});
    let body = json!({
        "identification": identification,
        "return_url": "https://app.example.com/done",
    });
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let answer = world.follow(&connected.redirect_url).await;
    assert_eq!(answer.status(), 302);
    let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let query: std::collections::HashMap<_, _> = target.query_pairs().into_owned().collect();
    world.settle().await;
    let proofs = &world.link(&connected.link_id).await["proofs"];
    assert_eq!(*proofs.get(&minted.session_id), Canonical::Null);

    let proof = |proof: &str| json!({"link_id": connected.link_id, "proof": proof});
    let other = world.sign_in(json!({})).await;
    let stolen = world
        .post(&other, "/callback", &proof(&query["proof"]))
        .await;
    assert_eq!(stolen.status(), 403);
    let guessed = world.post(&user, "/callback", &proof("guess")).await;
    assert_eq!(guessed.status(), 400);
    let mut elsewhere = proof(&query["proof"]);
    elsewhere["link_id"] = json!(uuid::Uuid::new_v4().to_string());
    assert_eq!(
        world.post(&user, "/callback", &elsewhere).await.status(),
        400
    );
    let posted = world
        .post(&user, "/callback", &proof(&query["proof"]))
        .await;
    assert_eq!(posted.status(), 202);
    world.settle().await;
    let proofs = &world.link(&connected.link_id).await["proofs"];
    let proof = proofs.get(&minted.session_id);
    assert_eq!(proof.get("external_id").text(), user.external_id);
}

async fn assert_bound(world: &World, link_id: &str, external_id: &str) {
    let link = world.link(link_id).await;
    assert_eq!(link["status"].text(), "bound");
    assert!(!link.contains_key("last_error"));
    world.assert_complete(link_id, external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_another_link_does_not_pass_the_owner_check() {
    let world = World::start().await;
    let (ana, rui) = (world.individual().await, world.individual().await);
    world.connected(&ana).await;
    let fault = json!({"ignore_filter": true, "path": "/api/owners/"});
    world.sandbox("faults", &fault).await;
    // Both tokens are for the same CPF, and Belvo's list holds it, as Ana's.
    let minted = world.mint(&rui).await;
    let connected = world
        .connect_with(&rui, &minted, json!({"owner": OTHER_CPF}))
        .await;
    world.settle().await;
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "quarantined");
    assert_eq!(link["owner_verdict"].text(), "mismatched");
    assert_only_link(&world.records(&connected.link_id).await, "quarantined");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_names_another_link_says_nothing_of_this_one() {
    for owner in [CPF, OTHER_CPF] {
        let world = World::start().await;
        let (ana, rui) = (world.individual().await, world.individual().await);
        let other = world.connected(&ana).await.link_id;
        world
            .sandbox("faults", &json!({"webhooks": {"hold": true}}))
            .await;
        let minted = world.mint(&rui).await;
        let connected = world
            .connect_with(&rui, &minted, json!({"owner": owner}))
            .await;
        let bank = Bank {
            world,
            user: rui,
            connected,
        };
        let id = bank.truth().await["owners"][0]["id"].clone();
        say(
            &bank.world,
            bank.link_id(),
            "owners",
            json!({"id": id, "link": other}),
        )
        .await;
        bank.hear_of("OWNERS").await;
        let link = bank.link().await;
        assert_eq!(link["status"].text(), "awaiting_owner", "{owner}");
        assert!(!link.contains_key("owner_verdict"), "{owner}");

        say(
            &bank.world,
            bank.link_id(),
            "owners",
            json!({"id": id, "link": bank.link_id()}),
        )
        .await;
        bank.hear_of("OWNERS").await;
        let expected = if owner == CPF { "bound" } else { "quarantined" };
        assert_eq!(bank.link().await["status"].text(), expected);
    }
}
