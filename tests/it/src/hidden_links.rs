//! Links that Belvo hides while they are erased, and shows again.

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::erasing::{erase, links_at_belvo, receipt};
use crate::world::World;

async fn hide(world: &World, link_id: &str, gone: bool) {
    let path = format!("links/{link_id}/gone");
    world.sandbox(&path, &json!({"gone": gone})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn belvo_is_asked_twice_whether_an_erased_link_is_gone() {
    let bank = Bank::connected().await;
    let (world, user, link) = (&bank.world, &bank.user, &bank.connected);
    hide(world, &link.link_id, true).await;
    let asked = erase(world, user, &format!("/links/{}", link.link_id)).await;
    world.settle().await;
    hide(world, &link.link_id, false).await;
    world.let_time_pass(&link.link_id).await;
    assert_eq!(links_at_belvo(world).await, Vec::<Value>::new());
    let unconfirmed = receipt(world, user, &asked).await;
    assert_eq!(unconfirmed["confirmed_at"], Value::Null, "{unconfirmed}");

    world.let_erasure_end(&link.link_id).await;
    assert_eq!(receipt(world, user, &asked).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_link_that_belvo_lists_again_is_deleted_again() {
    let bank = Bank::connected().await;
    let (world, user, link) = (&bank.world, &bank.user, &bank.connected);
    // The comparison looks at what Belvo has read a while ago.
    let earlier = (Timestamp::now() - SignedDuration::from_hours(3)).to_string();
    world.sandbox("clock", &json!({"set": earlier})).await;
    bank.control("changes", &json!({"add": 1})).await;
    world.settle().await;
    hide(world, &link.link_id, true).await;
    let asked = erase(world, user, &format!("/links/{}", link.link_id)).await;
    world.settle().await;
    world.let_time_pass(&link.link_id).await;
    world.let_time_pass(&link.link_id).await;
    assert_eq!(receipt(world, user, &asked).await["status"], "complete");
    hide(world, &link.link_id, false).await;
    assert_eq!(links_at_belvo(world).await.len(), 1);

    let walk = json!({"sweep": "links", "page": 1});
    let report = world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!(report["enqueued"], 1, "{report}");
    world.settle().await;
    assert_eq!(links_at_belvo(world).await, Vec::<Value>::new());
    let records = world.records(&link.link_id).await;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["TOMBSTONE"]);
    let answer = world
        .delete(user, &format!("/links/{}", link.link_id))
        .await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}
