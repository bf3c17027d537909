//! Operators.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Habit, habit, some_link};
use crate::random::Random;
use crate::world::World;

pub const HABITS: &[Habit] = &[
    habit!(1, rotates_the_session_keys),
    habit!(1, rotates_belvos_keys),
    habit!(1, reads_a_link_again),
    habit!(1, replays_webhooks),
    habit!(1, deploys),
];

/// After this time every process knows of a step.
const STEP: SignedDuration = SignedDuration::from_mins(11);

/// As OPERATIONS.md says, but for the end: links of this history may wait for weeks, so the former
/// key stays.
async fn rotates_the_session_keys(world: &mut World, random: &mut Random) {
    let put = |world: &World, value: Value| {
        let mut secrets = world.secrets.lock().unwrap();
        secrets.insert("SessionSecret".to_owned(), value.to_string());
    };
    let value = world.secrets.lock().unwrap()["SessionSecret"].clone();
    let value: Value = serde_json::from_str(&value).unwrap();
    if value.get("previous").is_some() {
        return;
    }
    let next = format!("the-next-keys-of-this-world-{}", random.number());
    put(
        world,
        json!({"current": value["current"], "previous": next}),
    );
    world.time.pass(STEP);
    put(
        world,
        json!({"current": next, "previous": value["current"]}),
    );
    world.note("the session keys are rotated");
}

/// Belvo takes the new pair before the secret holds it, and the old one until it is revoked.
async fn rotates_belvos_keys(world: &mut World, random: &mut Random) {
    let pair = json!({"id": format!("id-{}", random.number()), "password": "another-password"});
    world.bank.tell("keys", &json!({"add": pair})).await;
    let former = world
        .secrets
        .lock()
        .unwrap()
        .insert("BelvoSecret".to_owned(), pair.to_string());
    let former: Value = serde_json::from_str(&former.unwrap()).unwrap();
    world.time.pass(STEP * 2);
    let revoked = json!({"revoke": former["id"]});
    world.bank.tell("keys", &revoked).await;
    world.note("Belvo's keys are rotated");
}

async fn reads_a_link_again(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        let event = json!({"sweep": "reread", "link_id": link_id});
        world.operate(&event).await;
    }
}

async fn replays_webhooks(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        let event = json!({"sweep": "replay", "link_id": link_id});
        world.operate(&event).await;
    }
}

/// Every process starts anew.
async fn deploys(world: &mut World, _: &mut Random) {
    world.restart();
    world.note("every function starts anew");
}
