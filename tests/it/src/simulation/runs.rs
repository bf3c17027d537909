//! Any run of events ends with all data stored.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Span};
use serde_json::{Map, Value, json};

use super::compare::{assert_all_is_well, assert_readable};
use super::crash_points::{Moment, Stop, Weather};
use super::parallel::{run_all, run_one};
use super::random::Random;
use super::say;
use super::world::{Setup, Worked, World};

/// The number of seeds of a usual test run.
const SEEDS: u64 = 200;

/// The variable with another number of seeds.
const SEEDS_VARIABLE: &str = "SIMULATION_SEEDS";

/// The variable with the seed of a single run.
const SEED_VARIABLE: &str = "SIMULATION_SEED";

/// Two calls of a hundred break, and DynamoDB refuses five.
const USUAL: Weather = Weather {
    breaks: 50,
    refusals: 20,
};

/// Long enough for the weekly recheck, whose start is spread over a day.
const REST: SignedDuration = SignedDuration::from_hours(9 * 24);

#[test]
fn any_run_of_events_ends_with_all_data_stored() {
    let seeds = number_in(SEEDS_VARIABLE).unwrap_or(SEEDS);
    let (calls, broken) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = run_all(0..seeds, async |seed| {
        let world = run(seed).await;
        calls.fetch_add(world.calls.made(), Ordering::Relaxed);
        broken.fetch_add(world.calls.failed(), Ordering::Relaxed);
    });
    let (calls, broken) = (calls.into_inner(), broken.into_inner());
    say(&format!(
        "{seeds} seeds, {calls} calls of the fetcher, of which {broken} failed"
    ));
    for (seed, why) in &failed {
        println!("seed {seed}: {why}\n");
    }
    let again = failed.first().map(|(seed, _)| {
        format!("{SEED_VARIABLE}={seed} cargo test -p it one_seed -- --nocapture")
    });
    let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    assert!(
        seeds.is_empty(),
        "failed with seeds {seeds:?}; again: {}",
        again.unwrap_or_default()
    );
}

#[test]
fn one_seed_ends_with_all_data_stored() {
    let seed = number_in(SEED_VARIABLE);
    if seed.is_some() {
        // Prints the panic's message, which a function must never log.
        let hook = std::panic::take_hook();
        runtime::start_logs();
        std::panic::set_hook(hook);
    }
    run_one(async {
        let world = run(seed.unwrap_or_default()).await;
        println!("{}", world.story());
    });
}

fn number_in(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

/// One run: some links, some events, and then rest.
async fn run(seed: u64) -> World {
    let mut random = Random::new(seed);
    // The AWS clients spread their repetitions by it.
    fastrand::seed(seed);
    let mut world = World::new(Setup {
        seed,
        page_size: random.between(10, 50) as u32,
        chunk_size: *random.pick(&[50, 20_000]),
    })
    .await;
    if random.one_in(2) {
        world.note(&format!("the network and DynamoDB are as usual: {USUAL:?}"));
        world.calls.set_weather(Some(USUAL));
    }
    let mut mail = Vec::new();
    for _ in 0..random.between(1, 3) {
        connect(&mut world, &mut random).await;
    }
    for _ in 0..random.between(10, 25) {
        mail.extend(world.bank.new_webhooks().await);
        world.time.pass(SignedDuration::from_secs(1));
        step(&mut world, &mut mail, &mut random).await;
    }
    world.note("the end: Belvo and AWS are well, and no further events happen");
    world.bank.fail(&json!({})).await;
    world.calls.set_weather(None);
    for link_id in world.links.keys() {
        world.bank.hide(link_id, false).await;
    }
    world.time.pass(SignedDuration::from_hours(2));
    world.walk().await;
    world.rest(REST).await;
    assert_all_is_well(&world).await;
    world
}

async fn step(world: &mut World, mail: &mut Vec<Map<String, Value>>, random: &mut Random) {
    match random.below(22) {
        20 => {
            let weather = Weather {
                breaks: *random.pick(&[10, 30, 100]),
                refusals: *random.pick(&[5, 20, 60]),
            };
            world.note(&format!("the network and DynamoDB are unwell: {weather:?}"));
            world.calls.set_weather(Some(weather));
        }
        21 => {
            world.note("the network and DynamoDB are well");
            world.calls.set_weather(None);
        }
        0..=4 => happen_at_the_bank(world, random).await,
        5..=8 => deliver_some(world, mail, random),
        9 => fail(world, random).await,
        10 => {
            world.note("Belvo is well");
            world.bank.fail(&json!({})).await;
        }
        11..=12 => {
            let minutes = *random.pick(&[1, 7, 45, 100, 400, 1500, 4000]);
            world.time.pass(SignedDuration::from_mins(minutes));
            world.note(&format!("{minutes} minutes have passed"));
        }
        13..=16 => work(world, random).await,
        17 if world.links.len() < 3 => connect(world, random).await,
        17..=18 => {
            world.note("the sweeper queues due links");
            world.sweep().await;
        }
        _ => {
            world.note("the sweeper walks the list of links");
            world.walk().await;
        }
    }
}

async fn connect(world: &mut World, random: &mut Random) {
    let transactions = random.between(20, 120);
    match random.one_in(3) {
        true => world.connect_ahead_of_the_attempt(transactions).await,
        false => world.connect(transactions).await,
    };
}

/// Rows are added, changed, moved and removed.
async fn happen_at_the_bank(world: &mut World, random: &mut Random) {
    let links: Vec<String> = world.links.keys().cloned().collect();
    let link_id = random.pick(&links).clone();
    let changes = match random.below(8) {
        0 => json!({"add": random.between(1, 8)}),
        1 => json!({"update": random.between(1, 8)}),
        2 => json!({"delete": random.between(1, 4)}),
        3 => json!({
            "add": random.between(1, 5),
            "update": random.between(1, 5),
            "delete": random.between(0, 2),
        }),
        4 | 5 => {
            let (id, date) = (
                some_id(world, &link_id, random).await,
                some_date(world, random),
            );
            json!({"update": [{"id": id, "value_date": date}]})
        }
        6 => json!({"add": [{"value_date": some_date(world, random)}]}),
        _ => json!({"delete": [some_id(world, &link_id, random).await]}),
    };
    match random.below(16) {
        0 | 1 => {
            world.note(&format!("Belvo refreshes all data of {link_id}"));
            world.bank.refresh(&link_id).await;
        }
        2 => {
            let gone = random.one_in(2);
            world.note(&format!("{link_id} is gone from Belvo: {gone}"));
            world.bank.hide(&link_id, gone).await;
        }
        3..=6 => {
            let changes = changes_of_objects(random);
            world.note(&format!("at the bank of {link_id}: {changes}"));
            world.bank.change_objects(&link_id, &changes).await;
        }
        _ => {
            world.note(&format!("at the bank of {link_id}: {changes}"));
            world.bank.change(&link_id, &changes).await;
        }
    }
}

fn changes_of_objects(random: &mut Random) -> Value {
    let resources = [
        "owners",
        "accounts",
        "bills",
        "investments",
        "investment_transactions",
    ];
    let resource = *random.pick(&resources);
    let delete = random.between(0, 1);
    json!({
        "resource": resource,
        "add": random.between(0, 2),
        "update": random.between(0, 2),
        // A link without an owner waits for one.
        "delete": if resource == "owners" { 0 } else { delete },
    })
}

async fn some_id(world: &World, link_id: &str, random: &mut Random) -> String {
    let rows = world.bank.transactions(link_id).await;
    random.pick(&rows).id.clone()
}

/// Mostly a recent date, sometimes an old or future one, now and then none.
fn some_date(world: &World, random: &mut Random) -> Value {
    let back = match random.below(10) {
        0 => return Value::Null,
        1 => -5,
        2..=4 => random.between(30, 300) as i64,
        _ => random.between(0, 12) as i64,
    };
    let today = world
        .time
        .now()
        .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .date();
    json!((today - Span::new().days(back)).to_string())
}

/// Webhooks arrive: in order or not, once or repeatedly, some late and some never.
fn deliver_some(world: &mut World, mail: &mut Vec<Map<String, Value>>, random: &mut Random) {
    if random.one_in(3) {
        random.shuffle(mail);
    }
    let count = random.between(0, mail.len() as u64) as usize;
    for body in mail.drain(..count) {
        let times = *random.pick(&[0, 1, 1, 1, 1, 1, 2, 3]);
        let (kind, code) = (&body["webhook_type"], &body["webhook_code"]);
        world.note(&format!(
            "webhook {kind} {code} of {} arrives {times} times",
            body["link_id"]
        ));
        for _ in 0..times {
            world.deliver(&body);
        }
    }
}

/// Belvo fails, always or now and then, for all resources or one.
async fn fail(world: &mut World, random: &mut Random) {
    let kinds = [
        "status_429",
        "http_5xx",
        "html_403",
        "timeout_408",
        "cut_body",
        "null_results",
        "shift_rows",
        "repeat_rows",
        "short_page",
        "empty_page",
        "empty_list",
        "count_flips",
        "next_circle",
        "next_elsewhere",
    ];
    let kind = *random.pick(&kinds);
    let when = match random.below(3) {
        0 => json!(true),
        1 => json!({"every": random.between(2, 6)}),
        _ => json!(random.between(1, 6)),
    };
    let mut faults = json!({kind: when});
    match random.below(8) {
        0 => faults = json!({"count_lies": 1}),
        1 | 2 => {
            let (page, add, delete) = (random.between(1, 3), random.between(0, 3), random.below(3));
            let drift =
                json!({"path": "/transactions/", "page": page, "add": add, "delete": delete});
            faults = json!({"drift": [drift]});
        }
        _ => {}
    }
    if random.one_in(3) {
        let paths = [
            "/transactions/",
            "/links/",
            "/bills/",
            "/investments/",
            "/accounts/",
        ];
        faults["path"] = json!(random.pick(&paths));
    }
    world.note(&format!("Belvo is unwell: {faults}"));
    world.bank.fail(&faults).await;
}

/// The fetcher processes some batches; sometimes it has little time, sometimes it is stopped.
async fn work(world: &mut World, random: &mut Random) {
    for _ in 0..random.between(1, 6) {
        let patience = match random.below(5) {
            // The fetcher starts no page in its last minute.
            0 => SignedDuration::from_millis(random.between(59_000, 62_000) as i64),
            _ => SignedDuration::from_secs(270),
        };
        if random.one_in(6) {
            let worked = world.work_twice(patience).await;
            world.note(&format!("two fetchers had the same batch: {worked:?}"));
            continue;
        }
        if random.one_in(4) {
            let call = world.calls.made() + random.between(1, 40);
            let moment = *random.pick(&[Moment::Before, Moment::After]);
            world.calls.stop_at(Some(Stop { call, moment }));
        }
        let worked = world.work(patience).await;
        world.calls.stop_at(None);
        let calls = world.calls.made();
        world.note(&format!(
            "the fetcher had {patience:#} for a batch: {worked:?}, {calls} calls so far"
        ));
        if worked == Worked::Stopped {
            assert_nothing_is_doubled(world).await;
        }
        if worked == Worked::Stopped && random.one_in(2) {
            // Its jobs can be received again after this time.
            world.time.pass(SignedDuration::from_mins(31));
        }
    }
}

/// No reader may ever find a row twice, even if the process stops while the row moves.
async fn assert_nothing_is_doubled(world: &World) {
    for link_id in world.links.keys() {
        let records = world.records(link_id).await;
        assert_readable(&[], &[], &records, &world.story());
    }
}
