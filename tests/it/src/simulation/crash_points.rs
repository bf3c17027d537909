//! A function's calls to Belvo and DynamoDB, numbered in one sequence. The process can be stopped
//! at any of them.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use tokio::sync::Notify;

use super::time::Time;

/// The duration of each call in simulated time.
const DURATION: SignedDuration = SignedDuration::from_millis(40);

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

/// The calls of one process and of its successors.
#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
    time: Time,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stopped: Notify,
}

#[derive(Default)]
struct State {
    made: u64,
    to_belvo: u64,
    writes: u64,
    stop: Option<Stop>,
}

impl Calls {
    pub fn new(time: Time) -> Self {
        Self {
            shared: Arc::default(),
            time,
        }
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
        self.time.pass(DURATION);
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
