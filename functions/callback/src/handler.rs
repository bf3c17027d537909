//! What all ways in share: keys, the session, the queue.

use std::sync::Arc;

use domain::session::SessionError;
use domain::{Attempt, CallbackId, Job, LinkId, Outcome, Session, SigningKeys};
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::{Method, Response};
use queue::JobQueue;
use runtime::{Caller, Clock, Secret, SecretError};

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

    /// Queues how an attempt ended. Of equal callbacks SQS takes one in five minutes.
    pub(crate) async fn send_ended(
        &self,
        attempt: Attempt,
        outcome: Outcome,
        request_id: &str,
    ) -> Result<(), Refusal> {
        let id = CallbackId::of_outcome(&attempt.session_id, &outcome);
        let job = Job::AttemptEnded { attempt, outcome };
        self.send(&job, id, request_id).await
    }

    /// Queues that the attempt's user has proven to have come back with this link. Of equal proofs
    /// SQS takes one in five minutes.
    pub(crate) async fn send_proven(
        &self,
        attempt: Attempt,
        link_id: LinkId,
        request_id: &str,
    ) -> Result<(), Refusal> {
        let id = CallbackId::of_proof(&attempt.session_id, link_id);
        let job = Job::LinkProven {
            link_id,
            external_id: attempt.external_id,
            session_id: attempt.session_id,
        };
        self.send(&job, id, request_id).await
    }

    async fn send(&self, job: &Job, id: CallbackId, request_id: &str) -> Result<(), Refusal> {
        let sent = self.queue.send(job, id.bytes()).await;
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
