//! Outages of Belvo of any kind and length: afterwards all work completes by itself.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::say;
use crate::parallel::run_all;
use crate::people::Person;
use crate::settled;
use crate::story::connect;
use crate::system::Setup;
use crate::world::World;

const LINKS: usize = 3;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An outage, and the most calls to Belvo for each link meanwhile.
#[derive(Clone, Debug)]
struct Outage {
    faults: Value,
    length: SignedDuration,
    most: u64,
}

#[test]
fn an_hour_a_day_and_a_week_without_belvo_drain_by_themselves() {
    let failures = [
        json!({"status_429": true}),
        json!({"http_5xx": true}),
        json!({"html_403": true}),
        json!({"timeout_408": true}),
        json!({"cut_body": true}),
    ];
    let outages: Vec<Outage> = failures
        .iter()
        .flat_map(|faults| {
            let lengths = [(HOUR, 60), (DAY, 120), (WEEK, 300)];
            lengths.map(|(length, most)| Outage {
                faults: faults.clone(),
                length,
                most,
            })
        })
        .collect();
    let failed = run_all(&outages, async |it| drains(it).await, |_, _| {});
    let failed: Vec<_> = failed.iter().map(|it| (&it.case, &it.why)).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn drains(outage: &Outage) {
    let mut world = World::new(Setup {
        page_size: 50,
        ..Setup::plain(11)
    })
    .await;
    for person in 0..LINKS {
        world.people.push(Person::invented(person));
    }
    for person in 0..LINKS - 1 {
        connect(&mut world, person, 80).await;
    }
    world.deliver_all().await;
    world.work_off().await;

    world.bank.fail(&outage.faults).await;
    world.note(&format!("{outage:?}"));
    let before = world.network.counts().to_belvo;
    for part in 1..=4 {
        for link_id in world.standing() {
            let changes = json!({"add": 3, "update": 2, "delete": 1});
            world.bank.change(&link_id, &changes).await;
        }
        world.deliver_all().await;
        world.rest(outage.length / 4).await;
        world.walk().await;
        world.note(&format!("part {part} of the outage is over"));
    }
    let made = world.network.counts().to_belvo - before;
    say(&format!(
        "{outage:?}: {made} calls to Belvo for {LINKS} links"
    ));
    assert!(made <= outage.most * LINKS as u64, "{made} calls to Belvo");

    world.bank.fail(&json!({})).await;
    world.note("Belvo is well");
    connect(&mut world, LINKS - 1, 80).await;
    world.deliver_all().await;
    // Only the weekly full sync finds rows that vanish from old dates.
    world.rest(WEEK + DAY).await;
    settled::check(&mut world).await;
}
