//! What all three routes share: the session, its keys and the queue.

use std::sync::Arc;

use domain::session::SessionError;
use domain::{Attempt, CallbackId, Job, LinkId, Session, SigningKeys, WidgetOutcome};
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::{Method, Response};
use queue::JobQueue;
use runtime::{Caller, Clock, Problem, Secret, SecretError};

use crate::config::Config;

/// Takes callbacks.
#[derive(Debug)]
pub struct Handler {
    pub config: Config,
    pub queue: JobQueue,
    pub session_keys: Secret<SigningKeys>,
    pub caller: Caller,
    pub clock: Clock,
}

/// Why a callback is not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The session is malformed, forged or too old.
    Session(SessionError),
    /// A secret or SQS is not available.
    Unavailable(Problem),
}

/// The log line of such a failure.
pub(crate) const FAILED: &str = "a callback was not taken";

impl Handler {
    /// Answers one request. API Gateway passes on only the routes of the template.
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

    /// Verifies a signed session or proof, and once more with reread keys if the signature is wrong:
    /// it may be of a key that was rotated in since this process read the secret. `verify` takes the
    /// keys and the time.
    pub(crate) async fn verified(
        &self,
        verify: impl Fn(&SigningKeys, Timestamp) -> Result<Session, SessionError>,
    ) -> Result<(Session, Arc<SigningKeys>), Refusal> {
        let now = self.clock.now();
        let no_key = |error: SecretError| Refusal::Unavailable(error.problem("session"));
        let keys = self.session_keys.get().await.map_err(no_key)?;
        match verify(&keys, now) {
            Err(SessionError::Forged) => {
                let keys = self.session_keys.reread().await.map_err(no_key)?;
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
        outcome: WidgetOutcome,
    ) -> Result<(), Problem> {
        let id = CallbackId::of_outcome(&attempt.session_id, &outcome);
        self.send(&Job::AttemptEnded { attempt, outcome }, id).await
    }

    /// Queues that the attempt's user has proven to have come back with this link. Of equal proofs
    /// SQS takes one in five minutes.
    pub(crate) async fn send_proven(
        &self,
        attempt: Attempt,
        link_id: LinkId,
    ) -> Result<(), Problem> {
        let id = CallbackId::of_proof(&attempt.session_id, link_id);
        let job = Job::LinkProven {
            link_id,
            external_id: attempt.external_id,
            session_id: attempt.session_id,
        };
        self.send(&job, id).await
    }

    async fn send(&self, job: &Job, id: CallbackId) -> Result<(), Problem> {
        let sent = self.queue.send(job, id.bytes()).await;
        sent.map_err(Problem::unavailable)
    }
}
