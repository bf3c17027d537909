//! Time and chance, given from outside so that a test can decide both.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// The time, from the machine or from a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
    }

    /// A function that gives the time.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// Random bytes, from the machine or from a test.
#[derive(Clone)]
pub struct Randomness(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync;

/// The system random number generator failed.
#[derive(Debug, thiserror::Error)]
#[error("the system random number generator failed")]
pub struct NoRandomness;

impl Randomness {
    /// The system random number generator.
    pub fn system() -> Self {
        Self::from_fn(|bytes| getrandom::fill(bytes).map_err(|_| NoRandomness))
    }

    /// A function that fills bytes.
    pub fn from_fn(
        fill: impl Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(fill))
    }

    /// 16 random bytes: too many to guess, and to draw twice.
    pub fn sixteen(&self) -> Result<[u8; 16], NoRandomness> {
        let mut bytes = [0; 16];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(…)")
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(…)")
    }
}
