//! The time of a world: it passes when the world says so, and while something waits.
//!
//! The runtime's own clock is paused, so a wait of the code under test (a call, a backoff, a
//! timeout) takes no real time, and the clock jumps to the end of the wait that ends first.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use runtime::Clock;
use tokio::time::Instant;

/// The start of every simulation.
const START: &str = "2026-03-02T09:00:00Z";

/// The clock of one simulated world.
#[derive(Clone, Debug)]
pub struct Time {
    /// What the world has added to the time its code has waited.
    passed: Arc<Mutex<SignedDuration>>,
    origin: Instant,
}

impl Default for Time {
    fn default() -> Self {
        Self::new()
    }
}

impl Time {
    pub fn new() -> Self {
        Self {
            passed: Arc::default(),
            origin: Instant::now(),
        }
    }

    pub fn now(&self) -> Timestamp {
        let start: Timestamp = START.parse().unwrap();
        let waited = SignedDuration::try_from(self.origin.elapsed()).unwrap();
        start + *self.passed.lock().unwrap() + waited
    }

    pub fn pass(&self, duration: SignedDuration) {
        *self.passed.lock().unwrap() += duration;
    }

    /// Moves the clock to this time, unless it is in the past.
    pub fn reach(&self, moment: Timestamp) {
        let left = moment.duration_since(self.now());
        self.pass(left.max(SignedDuration::ZERO));
    }

    /// The clock that the functions use.
    pub fn clock(&self) -> Clock {
        self.clock_off_by(SignedDuration::ZERO)
    }

    /// The clock of a machine that is early or late.
    pub fn clock_off_by(&self, skew: SignedDuration) -> Clock {
        let time = self.clone();
        Clock::from_fn(move || time.now() + skew)
    }
}
