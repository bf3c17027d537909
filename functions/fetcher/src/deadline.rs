//! When the invocation ends, whatever it is doing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::Clock;

use crate::error::{JobError, Result};

/// What a page and its rows may take, repetitions included: no new one is begun after that.
const LAST_PAGE: SignedDuration = SignedDuration::from_secs(60);

/// What it takes to save LINK.
const LAST_SAVE: SignedDuration = SignedDuration::from_secs(10);

/// When the invocation ends.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    clock: Clock,
    at: Timestamp,
}

impl Deadline {
    pub(crate) fn new(clock: &Clock, at: Timestamp) -> Self {
        Self {
            clock: clock.clone(),
            at,
        }
    }

    /// Fails when it is too late to begin another page.
    pub(crate) fn check(&self) -> Result<()> {
        match self.left() > LAST_PAGE {
            true => Ok(()),
            false => Err(JobError::OutOfTime),
        }
    }

    /// How long work may go on at most.
    pub(crate) fn working_time(&self) -> Duration {
        let left = self.left().saturating_sub(LAST_SAVE);
        Duration::try_from(left).unwrap_or_default()
    }

    fn left(&self) -> SignedDuration {
        self.at.duration_since(self.clock.now())
    }
}
