//! Each secret is rotated with the steps of OPERATIONS.md under load.

use belvo::Keys;
use belvo_sandbox::REQUEST_LOG;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::documented::Steps;
use super::load::Load;
use super::processes::Site;
use crate::world::World;

/// This load takes a whole core, so there is only one at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// Runs a round right after a step, then while only one process knows of it, and then when both do.
async fn settle_in(load: &Load<'_>, step: &str) {
    load.round(&format!("{step}, right after it")).await;
    load.start_a_process().await;
    load.round(&format!("{step}, in a process that starts then"))
        .await;
    load.wait(SignedDuration::from_secs(29)).await;
    load.round(&format!("{step}, half a minute later")).await;
    load.wait_ten_minutes(step).await;
}

/// All links connected meanwhile are complete, and Belvo never saw a wrong key.
async fn assert_nothing_was_missed(world: &World, load: &Load<'_>) {
    let links = load.finish().await;
    for (link_id, user) in &links {
        let link = world.link(link_id).await;
        assert_eq!(link["status"].text(), "bound", "{link_id}");
        world.assert_complete(link_id, user).await;
    }
    assert!(links.len() > 10, "only {} links", links.len());
    let webhooks = world.ask_sandbox("webhooks").await;
    let webhooks: Vec<Value> = serde_json::from_str(&webhooks).unwrap();
    let at_once = |it: &Value| it["status"] == "delivered" && it["attempts"] == 1;
    let odd: Vec<_> = webhooks.iter().filter(|it| !at_once(it)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let requests = world.ask_sandbox("requests").await;
    let requests: Vec<Value> = serde_json::from_str(&requests).unwrap();
    assert!(requests.len() < REQUEST_LOG, "the first ones are forgotten");
    let refused = requests.iter().find(|it| it["status"] == 401);
    assert_eq!(refused, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_key_is_rotated_under_load() {
    let _turn = TURN.lock().await;
    let world = World::start().await;
    let site = Site::new(&world).await;
    let load = Load::new(&site).await;
    load.belvo_sends(&world.stack.endpoints().webhook_authorization);
    let old = world.secret("Session").await["current"].clone();
    let steps = Steps::of("SessionSecret");
    let steps = steps.with(&[
        ("<old>", old.as_str().unwrap()),
        ("<new>", "a-new-key-a-new-key-a-new-key-a-new-key"),
    ]);
    let [accept, sign, forget] = &steps[..] else {
        panic!("{steps:?}")
    };
    load.while_running(async {
        load.round("before").await;
        load.wait_ten_minutes("before").await;
        world.set_secret("Session", accept).await;
        settle_in(&load, "the new key is accepted").await;
        world.set_secret("Session", sign).await;
        settle_in(&load, "the new key signs").await;
        load.wait(SignedDuration::from_hours(48)).await;
        load.round("two days later").await;
        world.set_secret("Session", forget).await;
        settle_in(&load, "the old key is forgotten").await;
        assert_nothing_was_missed(&world, &load).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhooks_authorization_is_rotated_under_load() {
    let _turn = TURN.lock().await;
    let world = World::start().await;
    let site = Site::new(&world).await;
    let load = Load::new(&site).await;
    let old = world.stack.endpoints().webhook_authorization.clone();
    let new = "Bearer a-new-value-agreed-with-belvo";
    load.belvo_sends(&old);
    let steps = Steps::of("WebhookSecret").with(&[("Basic <old>", &old), ("Basic <new>", new)]);
    let [accept, forget] = &steps[..] else {
        panic!("{steps:?}")
    };
    load.while_running(async {
        load.round("before").await;
        load.wait_ten_minutes("before").await;
        world.set_secret("Webhook", accept).await;
        settle_in(&load, "both values are accepted").await;
        load.belvo_sends(new);
        settle_in(&load, "belvo sends the new value").await;
        load.wait(SignedDuration::from_hours(1)).await;
        load.round("an hour later").await;
        world.set_secret("Webhook", forget).await;
        settle_in(&load, "the old value is forgotten").await;
        assert_nothing_was_missed(&world, &load).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn belvos_keys_are_rotated_under_load() {
    let _turn = TURN.lock().await;
    let world = World::start().await;
    let site = Site::new(&world).await;
    let load = Load::new(&site).await;
    load.belvo_sends(&world.stack.endpoints().webhook_authorization);
    let old = world.stack.endpoints().belvo_secret_id.clone();
    let steps = Steps::of("BelvoSecret").with(&[("<id>", "new"), ("<password>", "new-password")]);
    let [new] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert!(Keys::from_json(&new.to_string()).is_ok());
    load.while_running(async {
        load.round("before").await;
        load.wait_ten_minutes("before").await;
        world.sandbox("keys", &json!({"add": new})).await;
        world.set_secret("Belvo", new).await;
        settle_in(&load, "both pairs are valid").await;
        load.wait_ten_minutes("both pairs are valid, once more")
            .await;
        world.sandbox("keys", &json!({"revoke": old})).await;
        settle_in(&load, "the old pair is revoked").await;
        assert_nothing_was_missed(&world, &load).await;
    })
    .await;
}
