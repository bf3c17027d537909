//! A clock that only the simulation moves.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use runtime::Clock;

/// The start of every simulation.
const START: &str = "2026-03-02T09:00:00Z";

/// The clock of one simulated world.
#[derive(Clone)]
pub struct Time(Arc<Mutex<Timestamp>>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(START.parse().unwrap())))
    }

    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    pub fn pass(&self, duration: SignedDuration) {
        *self.0.lock().unwrap() += duration;
    }

    /// Moves the clock to this time, unless it is in the past.
    pub fn reach(&self, moment: Timestamp) {
        let mut now = self.0.lock().unwrap();
        *now = moment.max(*now);
    }

    /// The clock that the functions use.
    pub fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::from_fn(move || time.now())
    }
}
