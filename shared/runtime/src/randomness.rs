//! Random numbers, given from outside so that a test can decide them.

use std::fmt;
use std::sync::Arc;

/// Where random bytes come from.
#[derive(Clone)]
pub struct Randomness(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync;

/// The system's random number generator failed.
#[derive(Debug, thiserror::Error)]
#[error("the system's random number generator failed")]
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

    /// Sixteen random bytes: more than a client can guess, or chance can repeat.
    pub fn sixteen(&self) -> Result<[u8; 16], NoRandomness> {
        let mut bytes = [0; 16];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(…)")
    }
}
