//! What all ways in share: keys, the session, the queue.

use std::sync::Arc;

use domain::session::SessionError;
use domain::{Job, Session, SigningKeys};
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::{Method, Response};
use queue::JobQueue;
use runtime::{Caller, Clock, Randomness, Secret, SecretError};

use crate::config::Config;

/// Takes callbacks.
#[derive(Debug)]
pub struct Handler {
    /// What the customer decided.
    pub config: Config,
    /// Where jobs go.
    pub queue: JobQueue,
    /// The keys that sign sessions.
    pub session_keys: Secret<SigningKeys>,
    /// Who the user is.
    pub caller: Caller,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub randomness: Randomness,
}

/// Why a callback is not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The session is not one of ours, or too old.
    Session(SessionError),
    /// There is no key to verify it with.
    NoKey(SecretError),
    /// Something of ours does not work.
    Unavailable,
}

impl Handler {
    /// Reads the key before the first callback: a user waits.
    pub(crate) async fn warm_up(&self) {
        if let Err(error) = self.session_keys.get().await {
            tracing::error!(%error, "the session key is not available");
        }
    }

    /// Answers one request. The gateway lets through what the template names.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let path = request.uri().path();
        match *request.method() {
            // A custom domain may put something in front of the path.
            Method::POST if path.ends_with("/connection-reports") => {
                self.handle_report(request).await
            }
            Method::POST => self.handle_forwarded(request).await,
            _ => self.handle_redirect(request).await,
        }
    }

    /// Verifies something signed, once more with fresh keys if this process may not have seen the
    /// key it was signed with. `verify` is given the keys and the time.
    pub(crate) async fn verified(
        &self,
        request_id: &str,
        verify: impl Fn(&SigningKeys, Timestamp) -> Result<Session, SessionError>,
    ) -> Result<(Session, Arc<SigningKeys>), Refusal> {
        let now = self.clock.now();
        let keys = self.session_keys.get().await;
        let keys = keys.map_err(|error| no_key(request_id, error))?;
        match verify(&keys, now) {
            Err(SessionError::Forged) => {
                let keys = self.session_keys.reread().await;
                let keys = keys.map_err(|error| no_key(request_id, error))?;
                let session = verify(&keys, now).map_err(Refusal::Session)?;
                Ok((session, keys))
            }
            result => Ok((result.map_err(Refusal::Session)?, keys)),
        }
    }

    pub(crate) async fn send(&self, job: &Job, request_id: &str) -> Result<(), Refusal> {
        let unique = self.randomness.sixteen();
        let unique = unique.map_err(|error| unavailable(request_id, &error))?;
        let sent = self.queue.send(job, unique).await;
        sent.map_err(|error| unavailable(request_id, &error))
    }
}

fn no_key(request_id: &str, error: SecretError) -> Refusal {
    tracing::error!(request_id, %error, "a callback was not taken");
    Refusal::NoKey(error)
}

fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Refusal {
    tracing::error!(request_id, error = %runtime::chain(error), "a callback was not taken");
    Refusal::Unavailable
}
