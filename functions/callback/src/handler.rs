//! What both ways in share: keys, the session, the queue.

use domain::session::SessionError;
use domain::{Job, Session, SigningKeys};
use lambda_http::Request;
use lambda_http::http::{Method, Response};
use queue::JobQueue;
use runtime::{Clock, Randomness, Secret};

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
    /// The keys `external_id`s are derived with, in that mode.
    pub external_id_keys: Option<Secret<SigningKeys>>,
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

    /// Answers one request. The two routes differ in method.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        match *request.method() {
            Method::POST => self.handle_forwarded(request).await,
            _ => self.handle_redirect(request).await,
        }
    }

    /// Reads a session from a path segment.
    pub(crate) async fn session(
        &self,
        text: &str,
        request_id: &str,
    ) -> Result<(Session, std::sync::Arc<SigningKeys>), Refusal> {
        let now = self.clock.now();
        let keys = self.session_keys.get().await;
        let keys = keys.map_err(|error| unavailable(request_id, &error))?;
        match Session::verify(text, &keys, now) {
            // It may be signed with a key that this process has not seen yet.
            Err(SessionError::Forged) => {
                let keys = self.session_keys.reread().await;
                let keys = keys.map_err(|error| unavailable(request_id, &error))?;
                let session = Session::verify(text, &keys, now).map_err(Refusal::Session)?;
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

pub(crate) fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Refusal {
    tracing::error!(request_id, error = %runtime::chain(error), "a callback was not taken");
    Refusal::Unavailable
}
