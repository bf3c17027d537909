//! Outages of Belvo of any kind and length: afterwards all work completes by itself.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::compare::assert_all_is_well;
use super::parallel::run_one;
use super::say;
use super::world::{Setup, World};

const LINKS: u64 = 3;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The kinds of failure.
fn failures() -> [Value; 5] {
    [
        json!({"status_429": true}),
        json!({"http_5xx": true}),
        json!({"html_403": true}),
        json!({"timeout_408": true}),
        json!({"cut_body": true}),
    ]
}

#[test]
fn an_hour_without_belvo_drains_by_itself() {
    assert_it_drains(HOUR, 60);
}

#[test]
fn a_day_without_belvo_drains_by_itself() {
    assert_it_drains(DAY, 120);
}

#[test]
fn a_week_without_belvo_drains_by_itself() {
    assert_it_drains(WEEK, 300);
}

/// `most` bounds the calls to Belvo for each link during the outage.
fn assert_it_drains(length: SignedDuration, most: u64) {
    for faults in failures() {
        run_one(outage(&faults, length, most * LINKS));
    }
}

async fn outage(faults: &Value, length: SignedDuration, most: u64) {
    let mut world = World::new(Setup {
        seed: 11,
        page_size: 50,
        chunk_size: 20_000,
    })
    .await;
    for _ in 0..LINKS - 1 {
        world.connect(80).await;
    }
    world.deliver_all().await;
    world.work_off().await;

    world.bank.fail(faults).await;
    world.note(&format!("Belvo is unwell: {faults}"));
    let before = world.calls.to_belvo();
    // One user connects during the outage; the data of the others changes at its start and later.
    world.connect(80).await;
    for part in 1..=4 {
        let links: Vec<String> = world.links.keys().cloned().collect();
        for link_id in &links {
            world
                .bank
                .change(link_id, &json!({"add": 3, "update": 2, "delete": 1}))
                .await;
        }
        world.deliver_all().await;
        world.rest(length / 4).await;
        world.walk().await;
        world.note(&format!("part {part} of the outage is over"));
    }
    let made = world.calls.to_belvo() - before;
    say(&format!(
        "{length:#} of {faults}: {made} calls to Belvo for {LINKS} links"
    ));
    assert!(made <= most, "{made} calls to Belvo during the outage");

    world.bank.fail(&json!({})).await;
    world.note("Belvo is well");
    // Only the weekly recheck finds rows that vanish from old dates.
    world.rest(WEEK + DAY).await;
    assert_all_is_well(&world).await;
}
