//! The calls a function makes, to Belvo and to DynamoDB, numbered in one sequence: at any of them
//! its process can be stopped.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use tokio::sync::Notify;

use super::time::Time;

/// How long each call takes in simulated time.
const DURATION: SignedDuration = SignedDuration::from_millis(40);

/// Whom a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Belvo,
    DynamoDb,
}

/// Where the process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// At the call of this number, from 1.
    pub call: u64,
    pub moment: Moment,
}

/// Which part of a call is still made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// None: it never leaves the process.
    Before,
    /// It has its effect, and nobody is there to take the answer.
    After,
}

/// The calls of one process and those that follow it.
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

    /// How many calls were made.
    pub fn made(&self) -> u64 {
        self.shared.state.lock().unwrap().made
    }

    /// How many of them went to Belvo.
    pub fn to_belvo(&self) -> u64 {
        self.shared.state.lock().unwrap().to_belvo
    }

    /// How many of them put or deleted records; LINK is updated, which does not count.
    pub fn writes(&self) -> u64 {
        self.shared.state.lock().unwrap().writes
    }

    /// Takes down a call of this operation of DynamoDB's.
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

    /// Stops the process there, once.
    pub fn stop_at(&self, stop: Option<Stop>) {
        self.shared.state.lock().unwrap().stop = stop;
    }

    /// Waits until the process is to be stopped. Whoever waits drops it then.
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

    /// Never returns: the process is dropped while it waits here.
    async fn halt(&self) {
        self.shared.stopped.notify_one();
        std::future::pending::<()>().await;
    }
}
