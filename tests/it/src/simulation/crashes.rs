//! The process may stop at any call: no row is lost, and no reader finds a row twice or misses one.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use serde_json::{Value, json};

use super::bank::Movement;
use super::compare::{assert_all_is_well, assert_readable};
use super::crash_points::{Moment, Stop};
use super::parallel::run_all;
use super::say;
use super::world::{Setup, Worked, World};

/// Rows of a link: five pages of a hundred.
const TRANSACTIONS: u64 = 450;

/// Worlds that share the stops of a phase; each tests every fourth call, before or after its
/// effect.
const LANES: u64 = 8;

/// Enough time to finish interrupted work, but too little for the weekly recheck, which would hide
/// an omission.
const REST: SignedDuration = SignedDuration::from_hours(3);

/// The sync during which the process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The first sync of a link.
    First,
    /// An incremental sync of the last days.
    Recent,
    /// A full sync after changes all over the year.
    Again,
}

#[test]
fn a_first_sync_survives_a_stop_at_every_call() {
    assert_every_stop_is_survived(Phase::First);
}

#[test]
fn an_incremental_sync_survives_a_stop_at_every_call() {
    assert_every_stop_is_survived(Phase::Recent);
}

#[test]
fn a_later_full_sync_survives_a_stop_at_every_call() {
    assert_every_stop_is_survived(Phase::Again);
}

fn assert_every_stop_is_survived(phase: Phase) {
    let points = AtomicU64::new(0);
    let failed = run_all(0..LANES, async |lane| {
        stop_at_each(phase, lane, &points).await
    });
    let points = points.into_inner();
    say(&format!(
        "{phase:?}: the process was stopped at {points} points"
    ));
    for (_, why) in &failed {
        println!("{why}\n");
    }
    assert!(
        failed.is_empty(),
        "stops in {} of {LANES} worlds were not survived",
        failed.len()
    );
    assert!(points > 50, "only {points} points");
}

/// Tests the stops of a lane, until one lies after the last call.
async fn stop_at_each(phase: Phase, lane: u64, points: &AtomicU64) {
    let mut world = World::new(Setup {
        seed: 5,
        page_size: 100,
        chunk_size: 20_000,
    })
    .await;
    let mut link_id = world.connect(TRANSACTIONS).await;
    if phase != Phase::First {
        world.deliver_all().await;
        world.work_off().await;
    }
    let moment = [Moment::Before, Moment::After][(lane % 2) as usize];
    for call in (1 + lane / 2..).step_by(LANES as usize / 2) {
        world.note(&format!(
            "the process stops at call {call}, {moment:?} its effect"
        ));
        if !stop_once(&mut world, &link_id, phase, Stop { call, moment }).await {
            return;
        }
        points.fetch_add(1, Ordering::Relaxed);
        if phase == Phase::First {
            world.links.clear();
            link_id = world.connect(TRANSACTIONS).await;
        }
    }
}

/// Stops the process once, at a call counted from now. Returns whether that call was reached.
async fn stop_once(world: &mut World, link_id: &str, phase: Phase, stop: Stop) -> bool {
    let mut before = Vec::new();
    if phase != Phase::First {
        before = world.bank.transactions(link_id).await;
        world.time.pass(SignedDuration::from_hours(3));
        world
            .bank
            .change(link_id, &changes(world, before.clone(), phase))
            .await;
        if phase == Phase::Again {
            world.bank.refresh(link_id).await;
        }
    }
    let after = world.bank.transactions(link_id).await;
    world.deliver_all().await;
    let call = world.calls.made() + stop.call;
    world.calls.stop_at(Some(Stop { call, ..stop }));
    let worked = world.work_off().await;
    world.calls.stop_at(None);
    assert_readable(
        &before,
        &after,
        &world.records(link_id).await,
        &world.story(),
    );
    world.rest(REST).await;
    assert_all_is_well(world).await;
    worked == Worked::Stopped
}

/// New rows, settled ones, rows that move to a near or far date, and rows that vanish; as many are
/// added as vanish.
fn changes(world: &World, mut rows: Vec<Movement>, phase: Phase) -> Value {
    let today = world.time.now().to_zoned_datetime(TimeZone::UTC).date();
    rows.sort();
    // The latest first.
    rows.reverse();
    let ago = |days: i64| (today - Span::new().days(days)).to_string();
    let moved = |row: usize, days: i64| json!({"id": rows[row].id, "value_date": ago(days)});
    let settled = |row: usize| json!({"id": rows[row].id, "status": "PROCESSED"});
    let added = |days: i64| json!({"value_date": ago(days)});
    let gone = |row: usize| &rows[row].id;
    let mut add = vec![added(0), added(1), added(4), added(8)];
    let mut update = vec![
        moved(0, 1),
        moved(1, 0),
        moved(2, 9),
        moved(3, 40),
        moved(400, 2),
    ];
    let mut delete = vec![gone(6), gone(7), gone(8), gone(10)];
    update.extend([settled(4), settled(9)]);
    if phase == Phase::Again {
        // No webhook announces changes of so long ago; a full sync finds them.
        add.extend([added(200), added(300)]);
        update.extend([moved(200, 220), settled(310)]);
        delete.extend([gone(250), gone(251)]);
    }
    json!({"add": add, "update": update, "delete": delete})
}
