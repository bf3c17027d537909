//! Two processes work on one link at once, in every order. In the end nothing is lost, doubled or
//! left.
//!
//! AWS invokes two processes with one batch now and then, and a straggler may go on while a later
//! job runs. The processes act in turns. Two kinds of orders are tried: the turn changes twice, at
//! every call; and the first effects come in every order there is. What differs right after that is
//! counted: it heals with the next sync.

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
use crate::sides::network::Turns;
use crate::sides::queue::Batch;
use crate::system::Setup;
use crate::world::World;
use crate::{invariants, settled};

/// Lanes that share the orders of a pair: each takes every so many-th.
const LANES: u64 = 8;

/// So many effects come in every order; then the first process makes the rest, then the second.
const DEPTH: u32 = 6;

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

/// An order of the calls of two processes.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// The first process makes `first` calls, the second makes `second`, the first the rest.
    Calls { first: u64, second: u64 },
    /// Whenever both could go on with an effect, the next bit says which one does: zero is the first.
    Effects { bits: u64 },
}

impl Order {
    /// Whether the first process is next, if both could go on. `calls` are those of each, `choices`
    /// how often both could.
    fn prefers_first(self, calls: [u64; 2], choices: u32) -> bool {
        match self {
            Self::Calls { first, second } => calls[0] < first || calls[1] >= second,
            Self::Effects { bits } => bits.unbounded_shr(choices) & 1 == 0,
        }
    }

    fn turns(self) -> Turns {
        match self {
            Self::Calls { .. } => Turns::Calls,
            Self::Effects { .. } => Turns::Effects,
        }
    }
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
        for order in orders_of(lane) {
            let Some(differed) = play(PAIRS[pair], order).await else {
                match order {
                    // The first process makes fewer calls.
                    Order::Calls { .. } => break,
                    Order::Effects { .. } => continue,
                }
            };
            let mut shown = shown.lock().unwrap();
            let shown: &mut Shown = shown.entry((pair, order.turns())).or_default();
            shown.orders += 1;
            shown.healed += u64::from(differed);
        }
    };
    let failed = run_all(&cases, try_orders, |_, _| {});
    for ((pair, turns), shown) in shown.into_inner().unwrap() {
        let (first, next) = PAIRS[pair];
        say(&format!("{first} and {next:?}, by {turns:?}: {shown:?}"));
    }
    for failure in failed.iter().take(3) {
        println!("{}\n", failure.why);
    }
    let pairs: Vec<_> = failed.iter().map(|it| PAIRS[it.case.0]).collect();
    assert!(pairs.is_empty(), "not survived: {pairs:?}");
}

/// The orders of a lane, those by effects first.
fn orders_of(lane: u64) -> impl Iterator<Item = Order> {
    let effects = (lane..1 << DEPTH).step_by(LANES as usize);
    let effects = effects.map(|bits| Order::Effects { bits });
    let calls = (lane..).step_by(LANES as usize);
    let calls = calls.flat_map(|first| {
        let seconds = [1, 8, u64::MAX].into_iter();
        seconds.map(move |second| Order::Calls { first, second })
    });
    effects.chain(calls)
}

/// Plays one order. Says whether something differed right after it; nothing if it is that of another
/// one, because the processes make too few calls.
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
    if !run_in_turns(&world, [&batch, &again], order).await {
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

/// Two processes act in turns. Says whether they made all the calls that the order is about.
async fn run_in_turns(world: &World, batches: [&Batch; 2], order: Order) -> bool {
    world.network.take_turns(2, order.turns());
    let [one, two] = &world.functions.fetchers;
    let deadline = world.deadline(How::USUAL.patience);
    let mut one = pin!(one.handle(batches[0].event.clone(), deadline));
    let mut two = pin!(two.handle(batches[1].event.clone(), deadline));
    let (mut done, mut calls, mut choices) = ([None, None], [0, 0], 0);
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
            let waiting = world.network.waiting();
            let turn = match &done {
                [Some(_), Some(_)] => return Poll::Ready(()),
                [Some(_), None] => 1,
                [None, Some(_)] => 0,
                [None, None] => {
                    // Which effect is next is open once both have come to theirs.
                    if order.turns() == Turns::Effects && waiting.len() < 2 {
                        return Poll::Pending;
                    }
                    let is_first = order.prefers_first(calls, choices);
                    was_interrupted |= !is_first;
                    usize::from(!is_first)
                }
            };
            if !waiting.contains(&turn) {
                // It waits for time to pass.
                return Poll::Pending;
            }
            choices += u32::from(waiting.len() == 2);
            world.network.give_turn(turn);
            calls[turn] += 1;
        }
    })
    .await;
    world.network.let_go();
    for (batch, response) in batches.into_iter().zip(done.into_iter().flatten()) {
        world.queue.lock().unwrap().done(batch, &response);
    }
    match order {
        Order::Calls { .. } => was_interrupted,
        Order::Effects { bits } => bits.unbounded_shr(choices) == 0,
    }
}
