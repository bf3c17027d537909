//! Time that passes only when the simulation says so.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use runtime::Clock;

/// Where every simulation begins.
const START: &str = "2026-03-02T09:00:00Z";

/// The present of one simulated world.
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

    /// Goes to this moment, unless it is in the past.
    pub fn reach(&self, moment: Timestamp) {
        let mut now = self.0.lock().unwrap();
        *now = moment.max(*now);
    }

    /// What the functions take for the machine's clock.
    pub fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::from_fn(move || time.now())
    }
}
