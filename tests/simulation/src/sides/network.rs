//! The network between the functions and everything they call. In bad weather any call can fail:
//! before it takes effect, or after.
//!
//! Each invocation has a [`Line`]. A call on it waits, takes its turn, takes effect or not, and
//! waits for the answer. So a process that is stopped while it waits is stopped before or after an
//! effect, and a test that gives the turns decides in which order two processes act.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::random::Random;

/// The way of a request, and of an answer, in milliseconds.
const WAY: (u64, u64) = (5, 40);

/// The way to Belvo and back, if its pages take long.
const FAR_WAY: (u64, u64) = (1_500, 2_500);

/// A slow call, in milliseconds: longer than any function waits for AWS, or than a batch takes.
const SLOW_WAY: (u64, u64) = (1_500, 12_000);

/// The receiver of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Belvo,
    Aws,
}

/// When processes that act in turns pass the turn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turns {
    /// Before each call.
    Calls,
    /// Before each call that changes something. What a process reads, it reads as early as it can.
    Effects,
}

/// A call, as the network sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub side: Side,
    pub is_effect: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Answered,
    /// The connection breaks before the request arrives.
    NeverArrives,
    /// The call takes effect, and the answer is lost.
    AnswerLost,
    /// The request arrives twice, and the second answer comes back.
    Repeated,
    /// The other side is busy, and says so.
    Refused,
    /// Something in front of the other side answers instead of it.
    Intercepted,
}

/// How often calls fail: one in so many, of each kind. Zero is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weather {
    pub breaks: u64,
    pub repeats: u64,
    pub refusals: u64,
    pub interceptions: u64,
    pub slow: u64,
    /// Not calls but processes of the other functions than the fetcher, which are lost meanwhile.
    pub losses: u64,
}

/// What becomes of each call of all functions.
#[derive(Clone, Debug)]
pub struct Network {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    belvo_is_far: bool,
    random: Random,
    weather: Weather,
    counts: Counts,
    turns: Option<(Turns, Vec<Lane>)>,
}

impl State {
    fn lane(&mut self, process: usize) -> Option<&mut Lane> {
        let (_, lanes) = self.turns.as_mut()?;
        lanes.get_mut(process)
    }
}

/// One of two processes that act in turns.
#[derive(Debug)]
struct Lane {
    permits: Arc<Semaphore>,
    waiting: usize,
}

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub calls: u64,
    pub failed: u64,
    pub to_belvo: u64,
    /// Calls that put or delete records; updates of LINK do not count.
    pub writes: u64,
}

impl Network {
    /// Each of Belvo's pages may take a while.
    pub fn new(seed: u64, belvo_is_far: bool) -> Self {
        let state = State {
            belvo_is_far,
            random: Random::new(seed),
            weather: Weather::default(),
            counts: Counts::default(),
            turns: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// From now on, chance follows from this seed alone, whatever happened before.
    pub fn reseed(&self, seed: u64) {
        self.state.lock().unwrap().random = Random::new(seed);
    }

    pub fn set_weather(&self, weather: Weather) {
        self.state.lock().unwrap().weather = weather;
    }

    /// Whether every call is answered soon, or not at all.
    pub fn is_calm(&self) -> bool {
        self.state.lock().unwrap().weather.slow == 0
    }

    /// At which await the next process of another function than the fetcher is lost, if it is.
    pub fn next_loss(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap();
        let losses = state.weather.losses;
        let is_lost = losses > 0 && state.random.one_in(losses);
        is_lost.then(|| state.random.between(1, 30))
    }

    pub fn counts(&self) -> Counts {
        self.state.lock().unwrap().counts
    }

    /// Counts a call of this DynamoDB operation.
    pub fn note_operation(&self, operation: &str) {
        let writes = [
            "BatchWriteItem",
            "DeleteItem",
            "PutItem",
            "TransactWriteItems",
        ];
        if writes.contains(&operation) {
            self.state.lock().unwrap().counts.writes += 1;
        }
    }

    /// From now on this many processes act in turns, until [`Network::let_go`].
    pub fn take_turns(&self, processes: usize, turns: Turns) {
        let lane = |_| Lane {
            permits: Arc::new(Semaphore::new(0)),
            waiting: 0,
        };
        let lanes = (0..processes).map(lane).collect();
        self.state.lock().unwrap().turns = Some((turns, lanes));
    }

    /// Everybody acts when they like again.
    pub fn let_go(&self) {
        self.state.lock().unwrap().turns = None;
    }

    /// The processes that wait for their turn.
    pub fn waiting(&self) -> BTreeSet<usize> {
        let state = self.state.lock().unwrap();
        let lanes = state.turns.iter().flat_map(|(_, lanes)| lanes);
        lanes
            .enumerate()
            .filter(|(_, it)| it.waiting > 0)
            .map(|(n, _)| n)
            .collect()
    }

    /// Lets a process that waits do one thing.
    pub fn give_turn(&self, process: usize) {
        let mut state = self.state.lock().unwrap();
        if let Some(lane) = state.lane(process) {
            lane.waiting -= 1;
            lane.permits.add_permits(1);
        }
    }

    fn fate(&self, side: Side) -> Fate {
        let mut state = self.state.lock().unwrap();
        state.counts.calls += 1;
        state.counts.to_belvo += u64::from(side == Side::Belvo);
        let weather = state.weather;
        let mut strikes = |n: u64| n > 0 && state.random.one_in(n);
        let fate = if strikes(weather.breaks) {
            [Fate::NeverArrives, Fate::AnswerLost][usize::from(strikes(2))]
        } else if strikes(weather.repeats) {
            Fate::Repeated
        } else if strikes(weather.refusals) {
            Fate::Refused
        } else if side == Side::Belvo && strikes(weather.interceptions) {
            Fate::Intercepted
        } else {
            Fate::Answered
        };
        state.counts.failed += u64::from(fate != Fate::Answered);
        fate
    }

    fn way(&self, side: Side) -> Duration {
        let mut state = self.state.lock().unwrap();
        let slow = state.weather.slow;
        let is_slow = slow > 0 && state.random.one_in(slow);
        let (shortest, longest) = match side {
            _ if is_slow => SLOW_WAY,
            Side::Belvo if state.belvo_is_far => FAR_WAY,
            _ => WAY,
        };
        Duration::from_millis(state.random.between(shortest, longest))
    }

    fn turns(&self) -> Option<Turns> {
        let state = self.state.lock().unwrap();
        state.turns.as_ref().map(|(turns, _)| *turns)
    }

    /// A line of the process with this number.
    pub fn line(&self, process: usize) -> Line {
        Line {
            network: self.clone(),
            process,
        }
    }
}

/// The connections of one process.
#[derive(Clone, Debug)]
pub struct Line {
    network: Network,
    process: usize,
}

impl Line {
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Makes a call. `deliver` is given what becomes of it, does what arrives, and answers.
    pub async fn call<Answer: Future>(
        &self,
        Call { side, is_effect }: Call,
        deliver: impl FnOnce(Fate) -> Answer,
    ) -> Answer::Output {
        if let Some(turns) = self.network.turns() {
            if is_effect || turns == Turns::Calls {
                self.turn().await;
            }
            return deliver(self.network.fate(side)).await;
        }
        tokio::time::sleep(self.network.way(side)).await;
        let answer = deliver(self.network.fate(side)).await;
        tokio::time::sleep(self.network.way(side)).await;
        answer
    }

    async fn turn(&self) {
        let permits = {
            let mut state = self.network.state.lock().unwrap();
            state.lane(self.process).map(|lane| {
                lane.waiting += 1;
                Arc::clone(&lane.permits)
            })
        };
        if let Some(permits) = permits {
            permits.acquire().await.unwrap().forget();
        }
    }
}
