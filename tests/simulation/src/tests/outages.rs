//! Outages of Belvo of any kind and length, and of AWS for a day: afterwards all work completes by
//! itself.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::say;
use crate::invocation::{How, Worked};
use crate::parallel::run_all;
use crate::people::Person;
use crate::random::Random;
use crate::settled;
use crate::sides::aws::AwsOutage;
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

/// The longest wait of a job that failed. After an outage, the first one is tried within this time.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// A link whose webhooks are queued, two for each resource, and wait for a fetcher.
async fn with_queued_jobs() -> World {
    let mut world = World::new(Setup {
        page_size: 50,
        ..Setup::plain(11)
    })
    .await;
    world.people.push(Person::invented(0));
    connect(&mut world, 0, 80).await;
    world.deliver_all().await;
    world.work_off().await;
    for link_id in world.standing() {
        for _ in 0..2 {
            let changes = json!({"add": 3, "update": 2, "delete": 1});
            world.bank.change(&link_id, &changes).await;
        }
    }
    world.deliver_all().await;
    world
}

/// How long it takes until a job can be received.
fn next_visible(world: &World) -> Option<SignedDuration> {
    let next = world.queue.lock().unwrap().next_visible();
    next.map(|it| it.duration_since(world.time.now()))
}

#[test]
fn a_day_without_tables_or_without_the_key_makes_no_dead_letter() {
    let outages = [AwsOutage::Tables, AwsOutage::Everything];
    let failed = run_all(&outages, async |it| outlasts(*it).await, |_, _| {});
    let failed: Vec<_> = failed.iter().map(|it| (&it.case, &it.why)).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn outlasts(outage: AwsOutage) {
    let mut world = with_queued_jobs().await;
    let mut random = Random::new(1);
    world.fail_aws(outage);
    let end = world.time.now() + DAY;
    let mut tries = 0;
    while world.time.now() < end {
        tries += 1;
        let worked = world.work(How::USUAL, &mut random).await;
        assert_eq!(worked, Worked::Done, "try {tries}");
        let wait = next_visible(&world).unwrap();
        assert!(wait <= LONGEST_WAIT, "{wait:#} after try {tries}");
        world
            .time
            .pass(wait.min(end.duration_since(world.time.now())));
    }
    say(&format!("{outage:?} for a day: {tries} tries of a job"));

    world.fail_aws(AwsOutage::Nothing);
    let wait = next_visible(&world).unwrap();
    assert!(wait <= LONGEST_WAIT, "{wait:#} after the outage");
    world.rest(WEEK + DAY).await;
    settled::check(&mut world).await;
}

#[test]
fn returned_jobs_of_a_link_come_back_together_and_ever_more_slowly() {
    let play = async |(): &()| {
        let mut world = with_queued_jobs().await;
        world.fail_aws(AwsOutage::Tables);
        for seconds in [5, 10, 20, 40, 80, 160, 320, 640, 900, 900] {
            let batch = world.receive_at_once();
            assert!(batch.event.records.len() > 1);
            let deadline = world.deadline(How::USUAL.patience);
            let fetcher = &world.functions.fetchers[0];
            let response = fetcher.handle(batch.event.clone(), deadline).await;
            world.queue.lock().unwrap().done(&batch, &response);
            // Some of it has passed on the way of the answer.
            let wait = next_visible(&world).unwrap().as_millis();
            let right = seconds * 1000 - 1000..=seconds * 1000;
            assert!(right.contains(&wait), "{wait} ms instead of {seconds} s");
            world.time.pass(SignedDuration::from_secs(seconds as i64));
        }
    };
    let failed = run_all(&[()], play, |(), _| {});
    assert!(failed.is_empty(), "{}", failed[0].why);
}

#[test]
fn a_message_that_cannot_be_read_is_tried_once_an_hour_and_no_job_waits_for_it() {
    let play = async |(): &()| {
        let mut world = with_queued_jobs().await;
        let link_id = world.standing().remove(0);
        let unknown = json!({"job": "of_a_later_release.v9"}).to_string();
        let now = world.time.now();
        let name = "unknown".to_owned();
        world
            .queue
            .lock()
            .unwrap()
            .take(link_id, unknown, name, now);
        world.work_off().await;
        for _ in 0..3 {
            assert_eq!(world.queue.lock().unwrap().waiting(), 1);
            let wait = next_visible(&world).unwrap();
            assert!((59..=60).contains(&wait.as_mins()), "{wait:#}");
            world.time.pass(wait);
            world.work_off().await;
        }
    };
    let failed = run_all(&[()], play, |(), _| {});
    assert!(failed.is_empty(), "{}", failed[0].why);
}

#[test]
fn the_jobs_of_a_lost_process_come_back_within_six_minutes() {
    let play = async |(): &()| {
        let mut world = with_queued_jobs().await;
        let mut random = Random::new(1);
        let how = How {
            lost_at: Some(10),
            ..How::USUAL
        };
        assert_eq!(world.work(how, &mut random).await, Worked::Lost);
        let wait = next_visible(&world).unwrap();
        assert!(wait <= SignedDuration::from_mins(6), "{wait:#}");
        world.time.pass(wait);
        world.work_off().await;
        world.rest(WEEK + DAY).await;
        settled::check(&mut world).await;
    };
    let failed = run_all(&[()], play, |(), _| {});
    assert!(failed.is_empty(), "{}", failed[0].why);
}
