//! A secret of Secrets Manager, cached, and read again after a rotation.

use std::fmt::{self, Display};
use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use domain::SigningKeys;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::metrics::Metric;

/// A process notices a rotation within this time, even if it meets no value that fails.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Requests with a wrong signature make a process read the secret again, at most this often.
const MIN_AGE: SignedDuration = SignedDuration::from_secs(30);

/// A typed secret with a cache.
pub struct Secret<T> {
    client: Client,
    id: String,
    parse: Box<Parse<T>>,
    clock: Clock,
    cache: Mutex<Option<Cached<T>>>,
}

type Parse<T> = dyn Fn(&str) -> Result<T, String> + Send + Sync;

struct Cached<T> {
    value: Arc<T>,
    tried_at: Timestamp,
}

/// Why a secret has no usable value. The text names the secret and repeats nothing of its value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not give a value.
    #[error("secret {id} could not be read: {reason}")]
    Unavailable {
        id: String,
        /// Secrets Manager's code.
        reason: String,
    },
    /// The secret exists, and the operator has not set it yet.
    #[error(
        "secret {id} has no value yet: set it, for example with `aws secretsmanager put-secret-value`"
    )]
    Empty { id: String },
    /// The value is of another form than the secret must have.
    #[error("secret {id} {rule}")]
    Invalid {
        id: String,
        /// The form it must have.
        rule: String,
    },
}

impl<T> Secret<T> {
    /// A secret by name or ARN, and how its text is read. Nothing is read yet.
    pub fn new<E: Display + 'static>(
        client: &Client,
        id: &str,
        clock: &Clock,
        parse: fn(&str) -> Result<T, E>,
    ) -> Self
    where
        T: 'static,
    {
        Self {
            client: client.clone(),
            id: id.to_owned(),
            parse: Box::new(move |text| parse(text).map_err(|rule| rule.to_string())),
            clock: clock.clone(),
            cache: Mutex::new(None),
        }
    }

    /// Reads the value before the first event, so that no user waits for it. A missing value is
    /// logged and not fatal, because the operator may set it before the first event needs it.
    pub async fn warm_up(&self) {
        if let Err(error) = self.get().await {
            tracing::error!(%error, "a secret is not available at the start");
        }
    }

    /// The value, read again when it is older than five minutes.
    pub async fn get(&self) -> Result<Arc<T>, SecretError> {
        self.not_older_than(MAX_AGE).await
    }

    /// The value, read again unless that was done within the last 30 s.
    ///
    /// After the cached value has failed: it may have been rotated.
    pub async fn reread(&self) -> Result<Arc<T>, SecretError> {
        self.not_older_than(MIN_AGE).await
    }

    /// [`get`](Self::get), or [`reread`](Self::reread) if the last value has failed. For a client
    /// that fetches its own secret.
    pub async fn supply(self: Arc<Self>, failed: bool) -> Result<Arc<T>, SecretError> {
        match failed {
            true => self.reread().await,
            false => self.get().await,
        }
    }

    async fn not_older_than(&self, age: SignedDuration) -> Result<Arc<T>, SecretError> {
        let mut cache = self.cache.lock().await;
        let now = self.clock.now();
        if let Some(cached) = &*cache
            && now.duration_since(cached.tried_at) < age
        {
            return Ok(Arc::clone(&cached.value));
        }
        let read = self.read().await;
        match (read, &mut *cache) {
            (Ok(value), _) => {
                let value = Arc::new(value);
                *cache = Some(Cached {
                    value: Arc::clone(&value),
                    tried_at: now,
                });
                Ok(value)
            }
            // A value that worked a while ago is better than an outage of our own.
            (Err(error), Some(cached)) => {
                tracing::warn!(%error, "keeping the secret read earlier");
                cached.tried_at = now;
                Ok(Arc::clone(&cached.value))
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<T, SecretError> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send();
        let answer = answer.await.map_err(|error| self.unavailable(&error))?;
        let text = answer.secret_string().unwrap_or_default();
        if answer.secret_binary().is_some() {
            return Err(self.invalid("must be a text (--secret-string)".to_owned()));
        }
        if text.is_empty() {
            return Err(SecretError::Empty {
                id: self.id.clone(),
            });
        }
        // Editors of some platforms put a byte order mark in front of a file.
        let text = text.trim_start_matches('\u{feff}');
        (self.parse)(text).map_err(|rule| self.invalid(rule))
    }

    fn invalid(&self, rule: String) -> SecretError {
        crate::count(Metric::SecretInvalid, self.clock.now());
        SecretError::Invalid {
            id: self.id.clone(),
            rule,
        }
    }

    fn unavailable(&self, error: &SdkError<GetSecretValueError>) -> SecretError {
        let id = self.id.clone();
        match error.as_service_error() {
            // A secret without any version answers this too.
            Some(GetSecretValueError::ResourceNotFoundException(_)) => SecretError::Empty { id },
            _ => SecretError::Unavailable {
                id,
                reason: error.code().unwrap_or("no answer").to_owned(),
            },
        }
    }
}

impl Secret<SigningKeys> {
    /// A secret with keys that sign sessions, hash documents or derive ids.
    pub fn signing(client: &Client, id: &str, clock: &Clock) -> Self {
        Self::new(client, id, clock, SigningKeys::from_json)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
