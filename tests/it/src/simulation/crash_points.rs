//! A function's calls to Belvo and DynamoDB, numbered in one sequence. The process can be stopped
//! at any of them, and in bad weather any of them can fail: before it takes effect, or after.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::random::Random;

/// The duration of each call, in milliseconds.
const DURATION: (u64, u64) = (20, 60);

/// The receiver of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Belvo,
    DynamoDb,
}

/// The point at which the process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The number of the call, from 1.
    pub call: u64,
    pub moment: Moment,
}

/// Whether the call still takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call never leaves the process.
    Before,
    /// The call takes effect, but the process never sees the response.
    After,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Answered,
    /// The connection breaks before the request arrives.
    NeverArrives,
    /// The call takes effect, and the answer is lost.
    AnswerLost,
    /// The other side is busy, and says so.
    Refused,
}

/// How often calls fail: one in so many, of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub breaks: u64,
    pub refusals: u64,
}

/// The calls of one process and of its successors.
#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    stopped: Notify,
}

struct State {
    random: Random,
    weather: Option<Weather>,
    failed: u64,
    made: u64,
    to_belvo: u64,
    writes: u64,
    stop: Option<Stop>,
}

impl Calls {
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: Random::new(seed),
            weather: None,
            failed: 0,
            made: 0,
            to_belvo: 0,
            writes: 0,
            stop: None,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                stopped: Notify::new(),
            }),
        }
    }

    /// From now on calls fail so often, or not at all.
    pub fn set_weather(&self, weather: Option<Weather>) {
        self.shared.state.lock().unwrap().weather = weather;
    }

    /// The calls that have failed.
    pub fn failed(&self) -> u64 {
        self.shared.state.lock().unwrap().failed
    }

    /// Decides what becomes of the next call.
    pub fn fate(&self) -> Fate {
        let mut state = self.shared.state.lock().unwrap();
        let Some(weather) = state.weather else {
            return Fate::Answered;
        };
        let fate = match (
            state.random.one_in(weather.breaks),
            state.random.one_in(weather.refusals),
        ) {
            (true, _) if state.random.one_in(2) => Fate::NeverArrives,
            (true, _) => Fate::AnswerLost,
            (false, true) => Fate::Refused,
            (false, false) => Fate::Answered,
        };
        state.failed += u64::from(fate != Fate::Answered);
        fate
    }

    pub fn made(&self) -> u64 {
        self.shared.state.lock().unwrap().made
    }

    /// The calls to Belvo.
    pub fn to_belvo(&self) -> u64 {
        self.shared.state.lock().unwrap().to_belvo
    }

    /// The calls that put or delete records; updates of LINK do not count.
    pub fn writes(&self) -> u64 {
        self.shared.state.lock().unwrap().writes
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
            self.shared.state.lock().unwrap().writes += 1;
        }
    }

    /// Stops the process at this point, once.
    pub fn stop_at(&self, stop: Option<Stop>) {
        self.shared.state.lock().unwrap().stop = stop;
    }

    /// Waits until the process must stop; the caller then drops it.
    pub async fn stopped(&self) {
        self.shared.stopped.notified().await;
    }

    /// Makes a call, unless the process is stopped at it.
    pub async fn make<T>(&self, side: Side, call: impl Future<Output = T>) -> T {
        let duration = {
            let (shortest, longest) = DURATION;
            let mut state = self.shared.state.lock().unwrap();
            Duration::from_millis(state.random.between(shortest, longest))
        };
        tokio::time::sleep(duration).await;
        let stop = self.count(side);
        if stop == Some(Moment::Before) {
            self.halt().await;
        }
        let answer = call.await;
        if stop == Some(Moment::After) {
            self.halt().await;
        }
        answer
    }

    fn count(&self, side: Side) -> Option<Moment> {
        let mut state = self.shared.state.lock().unwrap();
        state.made += 1;
        if side == Side::Belvo {
            state.to_belvo += 1;
        }
        let made = state.made;
        let stop = state.stop.take_if(|stop| stop.call == made)?;
        Some(stop.moment)
    }

    /// Never returns, because the process is dropped while it waits here.
    async fn halt(&self) {
        self.shared.stopped.notify_one();
        std::future::pending::<()>().await;
    }
}
