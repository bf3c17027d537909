//! Whose a link is if Belvo names no user: what the signed session and the owner say together, and who
//! has just renewed a consent.

use serde_json::{Value, json};

use crate::portal::open;
use crate::world::{CNPJ, CPF, Connected, OTHER_CPF, User, World};

/// A link that the user makes, and whose `external_id` Belvo drops.
async fn dropped(world: &World, user: &User, how: Value) -> Connected {
    let minted = world.mint(user).await;
    let mut how = how;
    if how.get("external_id").is_none() {
        how["external_id"] = Value::Null;
    }
    world.connect_with(user, &minted, how).await
}

async fn person(world: &World, cpf: &str) -> User {
    world
        .sign_in(json!({"cpf": cpf, "name": "Ralph Bragg"}))
        .await
}

async fn status(world: &World, link_id: &str) -> String {
    world.link(link_id).await["status"].text().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_user_of_belvos_the_session_and_the_owner_settle_whose_a_link_is() {
    for webhooks_first in [true, false] {
        let world = World::start().await;
        if !webhooks_first {
            world
                .sandbox("faults", &json!({"webhooks": {"hold": true}}))
                .await;
        }
        let user = world.individual().await;
        let connected = dropped(&world, &user, json!({})).await;
        if webhooks_first {
            world.settle().await;
            assert_eq!(status(&world, &connected.link_id).await, "unclaimed");
        }
        world.follow(&connected.redirect_url).await;
        world.stack.settle().await.unwrap();
        if !webhooks_first {
            assert_eq!(status(&world, &connected.link_id).await, "unclaimed");
            world.sandbox("webhooks/release", &json!({})).await;
        }
        for _ in 0..2 {
            world.settle().await;
            world.let_time_pass(&connected.link_id).await;
        }
        world.settle().await;
        let link = world.link(&connected.link_id).await;
        assert_eq!(link["status"].text(), "bound", "{webhooks_first}");
        assert_eq!(link["owner_verdict"].text(), "matched");
        world
            .assert_complete(&connected.link_id, &user.external_id)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_witnesses_of_three_settle_nothing() {
    let world = World::start().await;
    let (ana, rui) = (person(&world, CPF).await, person(&world, OTHER_CPF).await);
    // No callback came.
    let silent = dropped(&world, &ana, json!({})).await;
    world.settle().await;
    assert_eq!(status(&world, &silent.link_id).await, "unclaimed");

    // The owner is another one than the token was for, and so is one whose document is masked.
    let other = dropped(&world, &ana, json!({"owner": OTHER_CPF})).await;
    world.follow(&other.redirect_url).await;
    world.settle().await;
    assert_eq!(status(&world, &other.link_id).await, "unclaimed");

    // Another user names the link in a visit of their own.
    let own = world.mint(&rui).await;
    let theirs = world.connect_with(&rui, &own, json!({})).await;
    let stolen = theirs
        .redirect_url
        .replace(&theirs.link_id, &silent.link_id);
    world.follow(&stolen).await;
    world.settle().await;
    world.let_time_pass(&silent.link_id).await;
    assert_eq!(status(&world, &silent.link_id).await, "unclaimed");

    // Belvo names a user, and it is another one.
    let named = json!({"external_id": "somebody-else"});
    let named = dropped(&world, &ana, named).await;
    world.follow(&named.redirect_url).await;
    world.settle().await;
    let link = world.link(&named.link_id).await;
    assert_eq!(link["status"].text(), "unclaimed");
    assert!(!link.contains_key("external_id"));
}

/// Only a user that is absent can be witnessed. One in a form that cannot be read is another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_belvo_names_in_an_odd_form_is_not_witnessed() {
    for odd in ["7", "[]", "false", "NaN", "12,5"] {
        let world = World::start().await;
        let user = person(&world, CPF).await;
        let named = format!(r#""external_id":"{}""#, user.external_id);
        let odd = format!(r#""external_id":{odd}"#);
        let rewrite = json!({"path": "/api/links/", "from": named, "to": odd});
        let faults = json!({"rewrite": [rewrite], "webhooks": {"external_id_null": true}});
        world.sandbox("faults", &faults).await;
        let connected = world.connected(&user).await;
        let link = world.link(&connected.link_id).await;
        assert_eq!(link["status"].text(), "unclaimed", "{odd}");
        world.sandbox("faults", &json!({})).await;
        world.let_time_pass(&connected.link_id).await;
        assert_eq!(status(&world, &connected.link_id).await, "bound", "{odd}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_who_name_the_same_link_settle_nothing() {
    let world = World::start().await;
    let (ana, rui) = (person(&world, CPF).await, person(&world, CPF).await);
    world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    let connected = dropped(&world, &ana, json!({})).await;
    world.mint(&rui).await;
    let session = world.session("success").await;
    let path = format!("/callback/{session}/success?link={}", connected.link_id);
    let claimed = world.url(&path);
    world.follow(&claimed).await;
    world.follow(&connected.redirect_url).await;
    world.stack.settle().await.unwrap();
    world.sandbox("webhooks/release", &json!({})).await;
    world.settle().await;
    world.let_time_pass(&connected.link_id).await;
    assert_eq!(status(&world, &connected.link_id).await, "unclaimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_owner_is_compared_a_callback_alone_settles_nothing() {
    for owner_check in ["off", "warn"] {
        let world = World::with(&[("OwnerCheck", owner_check)]).await;
        let user = world.individual().await;
        let connected = dropped(&world, &user, json!({})).await;
        world.follow(&connected.redirect_url).await;
        world.settle().await;
        world.let_time_pass(&connected.link_id).await;
        assert_eq!(
            status(&world, &connected.link_id).await,
            "unclaimed",
            "{owner_check}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_link_of_a_shared_company_belongs_to_who_has_just_opened_the_portal() {
    let world = World::start().await;
    let partner = |cpf: &str| json!({"cpf": cpf, "name": "Ralph Bragg", "cnpj": CNPJ, "company_name": "Bragg Mechanics"});
    let ana = world.sign_in(partner(CPF)).await;
    let rui = world.sign_in(partner(OTHER_CPF)).await;
    let renew = async |user: Option<&User>, link_id: &str| {
        if let Some(user) = user {
            let wish = json!({"mode": "renew", "link_id": link_id});
            open(&world, user, &wish).await;
            world.settle().await;
        }
        let path = format!("links/{link_id}/renew");
        let renewed = world.sandbox(&path, &json!({"new_link": true})).await;
        world.settle().await;
        let renewed = renewed["link_id"].as_str().unwrap().to_owned();
        let link = world.link(&renewed).await;
        let owner = link.get("external_id").map(|it| it.text().to_owned());
        (renewed, link["status"].text().to_owned(), owner)
    };
    let first = world.connected(&ana).await;
    let (second, _, owner) = renew(Some(&ana), &first.link_id).await;
    assert_eq!(owner.as_deref(), Some(ana.external_id.as_str()));
    let theirs = world.connected(&rui).await;

    let (third, status, owner) = renew(Some(&ana), &second).await;
    assert_eq!(status, "bound");
    assert_eq!(owner.as_deref(), Some(ana.external_id.as_str()));
    world.assert_complete(&third, &ana.external_id).await;

    // Both have opened it, so it cannot be told whose the next one is.
    let (_, status, owner) = renew(Some(&rui), &theirs.link_id).await;
    assert_eq!((status.as_str(), owner), ("unclaimed", None));
}
