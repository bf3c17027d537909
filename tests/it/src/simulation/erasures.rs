//! The process may stop at any call of an erasure, or of the sync before it. In the end no record
//! of the link is left, here or at Belvo, and the receipt says so.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Claims, ExternalId, Job, LinkId, ReceiptId, UserScope};
use jiff::SignedDuration;
use store::{ErasureScope, Receipt};

use super::crash_points::{Moment, Stop};
use super::parallel::run_all;
use super::say;
use super::world::{Setup, Worked, World};

/// Rows of a link: two pages.
const TRANSACTIONS: u64 = 150;

/// Worlds that share the stops; each tests every fourth call, before or after its effect.
const LANES: u64 = 8;

/// Time until Belvo has confirmed the deletion, and the second purge is done.
const REST: SignedDuration = SignedDuration::from_hours(3);

/// The work during which the process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The first sync, after which the link is erased.
    Reading,
    /// The erasure.
    Erasing,
}

#[test]
fn an_erasure_survives_a_stop_at_every_call() {
    assert_every_stop_is_survived(Phase::Erasing, 20);
}

#[test]
fn an_erasure_removes_all_rows_of_a_stopped_sync() {
    assert_every_stop_is_survived(Phase::Reading, 50);
}

fn assert_every_stop_is_survived(phase: Phase, at_least: u64) {
    let points = AtomicU64::new(0);
    let failed = run_all(0..LANES, async |lane| {
        let mut world = World::new(Setup {
            seed: 7,
            page_size: 100,
            chunk_size: 20_000,
        })
        .await;
        let moment = [Moment::Before, Moment::After][(lane % 2) as usize];
        for call in (1 + lane / 2..).step_by(LANES as usize / 2) {
            world.note(&format!(
                "the process stops at call {call}, {moment:?} its effect"
            ));
            if !stop_once(&mut world, phase, Stop { call, moment }).await {
                return;
            }
            points.fetch_add(1, Ordering::Relaxed);
        }
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
    assert!(points > at_least, "only {points} points");
}

/// Stops the process once, at a call counted from now. Returns whether that call was reached.
async fn stop_once(world: &mut World, phase: Phase, stop: Stop) -> bool {
    world.links.clear();
    let link_id = world.connect(TRANSACTIONS).await;
    world.deliver_all().await;
    if phase == Phase::Erasing {
        world.work_off().await;
        erase(world, &link_id).await;
    }
    let call = world.calls.made() + stop.call;
    world.calls.stop_at(Some(Stop { call, ..stop }));
    let worked = world.work_off().await;
    world.calls.stop_at(None);
    if phase == Phase::Reading {
        // An unknown link cannot be erased; of an unbound link no data is stored.
        if !erase(world, &link_id).await {
            world.rest(REST).await;
            return worked == Worked::Stopped;
        }
    }
    world.rest(REST).await;
    assert_erased(world, &link_id).await;
    worked == Worked::Stopped
}

/// Erases the link as the `links` function does. Returns whether the link exists.
async fn erase(world: &mut World, link_id: &str) -> bool {
    let now = world.time.now();
    let (id, user) = (LinkId::parse(link_id).unwrap(), user(world, link_id));
    let receipt = Receipt::new(receipt_id(link_id), ErasureScope::Link, [id], now);
    let claims = Claims::from([("sub".to_owned(), user.to_string())]);
    let scope = UserScope::from_claim(&claims, "sub").unwrap();
    let marking = world
        .user_links
        .mark_with_receipt(&scope, id, &receipt, &world.user_connections);
    if !marking.await.unwrap() {
        return false;
    }
    let job = Job::LinkErase {
        link_id: id,
        external_id: user,
        receipt_id: receipt.receipt_id,
    };
    world.queue.lock().unwrap().send(&job, now);
    true
}

async fn assert_erased(world: &mut World, link_id: &str) {
    let story = world.story();
    let records = world.records(link_id).await;
    let names: Vec<_> = records.keys().map(String::as_str).collect();
    assert_eq!(names, ["TOMBSTONE"], "{story}");
    assert!(!world.bank.knows(link_id).await, "{story}");
    let user = user(world, link_id);
    let receipt = world.connections.receipt(&user, receipt_id(link_id));
    let receipt = receipt.await.unwrap().unwrap();
    let erasure = receipt.links.values().next().unwrap();
    assert!(
        erasure.completed_at.is_some() && erasure.confirmed_at.is_some(),
        "{story}"
    );
}

fn user(world: &World, link_id: &str) -> ExternalId {
    ExternalId::parse(&world.links[link_id]).unwrap()
}

/// One receipt for each link, so that a repeated request gets the same one.
fn receipt_id(link_id: &str) -> ReceiptId {
    ReceiptId::parse(link_id).unwrap()
}
