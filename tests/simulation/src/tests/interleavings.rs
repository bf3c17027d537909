//! Two processes work on one link at once, in every order of their calls with few changes between
//! them. In the end nothing is lost, doubled or left.
//!
//! AWS invokes two processes with one batch now and then, and a straggler may go on while a later
//! job runs. The processes act in turns: one makes so many calls, then the other so many, then the
//! first the rest. What differs right after that is counted: it heals with the next sync.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use jiff::SignedDuration;

use super::jobs::CASES;
use super::say;
use crate::invocation::How;
use crate::parallel::run_all;
use crate::sides::queue::Batch;
use crate::system::Setup;
use crate::world::World;
use crate::{invariants, settled};

/// Lanes that share the orders of a pair: each passes the turn on after every so many-th call.
const LANES: u64 = 8;

/// Rows of the link: few, because every call is a place to pass the turn on.
const TRANSACTIONS: u64 = 12;

/// What two processes have lost or left is there after this time at the latest.
const HEALED: SignedDuration = SignedDuration::from_hours(5);

/// What the first process is at, and what comes next in the queue. The second process gets both:
/// the first is thought lost.
const PAIRS: &[(&str, Option<&str>)] = &[
    ("webhook_received", None),
    ("webhook_received", Some("link_erase")),
    ("webhook_received", Some("consent_renewal")),
    ("link_reread", Some("webhook_received")),
    ("attempt_ended", None),
    ("link_erase", None),
    ("user_erase", None),
];

/// The first process makes `first` calls, the second makes `second`, the first the rest.
#[derive(Clone, Copy, Debug)]
struct Order {
    first: u64,
    second: u64,
}

/// What an order has shown.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    orders: u64,
    /// Those after which something differed, until the next sync.
    healed: u64,
}

#[test]
fn two_processes_may_act_in_any_order() {
    let cases: Vec<(usize, u64)> = (0..PAIRS.len())
        .flat_map(|pair| (0..LANES).map(move |lane| (pair, lane)))
        .collect();
    let shown = Mutex::new(BTreeMap::new());
    let try_orders = async |&(pair, lane): &(usize, u64)| {
        for first in (lane..).step_by(LANES as usize) {
            for second in [1, 8, u64::MAX] {
                let order = Order { first, second };
                let Some(differed) = play(PAIRS[pair], order).await else {
                    return;
                };
                let mut shown = shown.lock().unwrap();
                let shown: &mut Shown = shown.entry(pair).or_default();
                shown.orders += 1;
                shown.healed += u64::from(differed);
            }
        }
    };
    let failed = run_all(&cases, try_orders, |_, _| {});
    for (pair, shown) in shown.into_inner().unwrap() {
        let (first, next) = PAIRS[pair];
        say(&format!("{first} and {next:?}: {shown:?}"));
    }
    for failure in failed.iter().take(3) {
        println!("{}\n", failure.why);
    }
    let pairs: Vec<_> = failed.iter().map(|it| PAIRS[it.case.0]).collect();
    assert!(pairs.is_empty(), "not survived: {pairs:?}");
}

/// Plays one order. Says whether something differed right after it; nothing if the first process is
/// done before its turn is over.
async fn play((first, next): (&str, Option<&str>), order: Order) -> Option<bool> {
    let case = |name| CASES.iter().find(|it| it.job == name).unwrap();
    let mut world = World::new(Setup::plain(1)).await;
    case(first).prepare(&mut world, TRANSACTIONS).await;
    let batch = world.receive_at_once();
    if let Some(next) = next {
        (case(next).queue)(&mut world).await;
    }
    let again = world.receive_at_once();
    world.note(&format!("{first} and {next:?}, in this order: {order:?}"));
    let is_over = !run_in_turns(&world, [&batch, &again], order).await;
    if is_over {
        return None;
    }
    invariants::check(&mut world).await;
    let differed = settled::differs(&world).await;
    world.deliver_all().await;
    world.rest(HEALED).await;
    invariants::check(&mut world).await;
    settled::check(&mut world).await;
    Some(differed)
}

/// Two processes act in turns. Says whether the first had not finished when its first turn ended.
async fn run_in_turns(world: &World, batches: [&Batch; 2], order: Order) -> bool {
    world.network.take_turns(2);
    let [one, two] = &world.functions.fetchers;
    let deadline = world.deadline(How::USUAL.patience);
    let mut one = pin!(one.handle(batches[0].event.clone(), deadline));
    let mut two = pin!(two.handle(batches[1].event.clone(), deadline));
    let (mut done, mut calls) = ([None, None], [0, 0]);
    let mut was_interrupted = false;
    poll_fn(|context| {
        loop {
            if done[0].is_none()
                && let Poll::Ready(response) = one.as_mut().poll(context)
            {
                done[0] = Some(response);
            }
            if done[1].is_none()
                && let Poll::Ready(response) = two.as_mut().poll(context)
            {
                done[1] = Some(response);
            }
            let firsts_turn = calls[0] < order.first || calls[1] >= order.second;
            was_interrupted |= !firsts_turn && done[0].is_none();
            let turn = match (&done, firsts_turn) {
                ([Some(_), Some(_)], _) => return Poll::Ready(()),
                ([Some(_), None], _) | ([None, None], false) => 1,
                _ => 0,
            };
            if !world.network.waiting().contains(&turn) {
                // It waits for time to pass.
                return Poll::Pending;
            }
            world.network.give_turn(turn);
            calls[turn] += 1;
        }
    })
    .await;
    world.network.let_go();
    for (batch, response) in batches.into_iter().zip(done.into_iter().flatten()) {
        world.queue.lock().unwrap().done(batch, &response);
    }
    was_interrupted
}
