//! Belvo's secret keys, and the function that reads them.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _, TryFutureExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// The `secretId` and `secretPassword` of one Belvo environment.
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    pub id: String,
    /// `secretPassword`; Belvo shows it once.
    pub password: SecretString,
}

/// The secret does not hold Belvo keys. The text repeats nothing of it.
#[derive(Debug, thiserror::Error)]
#[error("must be JSON of the form {{\"id\": \"…\", \"password\": \"…\"}}")]
pub struct InvalidKeys;

impl Keys {
    /// Reads `{"id": "…", "password": "…"}`, the form of the Belvo secret. Blanks and newlines around
    /// a value, as a shell or an editor adds them, are no part of it.
    pub fn from_json(text: &str) -> Result<Self, InvalidKeys> {
        let typed: Self = serde_json::from_str(text).map_err(|_| InvalidKeys)?;
        let (id, password) = (typed.id.trim(), typed.password.expose_secret().trim());
        if id.is_empty() || password.is_empty() {
            return Err(InvalidKeys);
        }
        Ok(Self {
            id: id.to_owned(),
            password: SecretString::from(password),
        })
    }
}

/// Why there are no keys.
pub type KeyError = Arc<dyn std::error::Error + Send + Sync>;

type Read = dyn Fn(bool) -> BoxFuture<'static, Result<Arc<Keys>, KeyError>> + Send + Sync;

/// Gives the keys when a request needs them, so that a rotation needs no restart.
#[derive(Clone)]
pub struct KeySource(Arc<Read>);

impl KeySource {
    /// Wraps a function that reads the keys. It is told whether Belvo has rejected those that it
    /// gave last: they may have been rotated.
    pub fn new<F, R, E>(read: F) -> Self
    where
        F: Fn(bool) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Arc<Keys>, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        Self(Arc::new(move |rejected| {
            let keys = read(rejected);
            keys.map_err(|error| Arc::new(error) as KeyError).boxed()
        }))
    }

    /// Keys that never change, for tests and local tools.
    pub fn fixed(keys: Keys) -> Self {
        let keys = Arc::new(keys);
        Self::new(move |_| std::future::ready(Ok::<_, Infallible>(Arc::clone(&keys))))
    }

    /// The keys as this process last read them.
    pub(crate) async fn get(&self) -> Result<Arc<Keys>, KeyError> {
        (self.0)(false).await
    }

    /// The keys after Belvo has rejected the last ones.
    pub(crate) async fn reread(&self) -> Result<Arc<Keys>, KeyError> {
        (self.0)(true).await
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySource(…)")
    }
}
