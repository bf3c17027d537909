//! What all three routes share: the session, its keys and the queue.

use std::sync::Arc;

use domain::session::SessionError;
use domain::{Attempt, CallbackId, Job, LinkId, Session, SigningKeys, WidgetOutcome};
use jiff::Timestamp;
use queue::JobQueue;
use runtime::{Clock, PrincipalSource, Problem, Secret, SecretError};

use crate::config::Config;

/// Takes callbacks.
#[derive(Debug)]
pub struct Handler {
    pub config: Config,
    pub queue: JobQueue,
    pub session_keys: Secret<SigningKeys>,
    /// Who the user is.
    pub principal: PrincipalSource,
    /// The time.
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
    /// Verifies something signed, once more with fresh keys if this process may not have seen the
    /// key it was signed with. `verify` is given the keys and the time.
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
        Ok(self.queue.send(job, id.bytes()).await?)
    }
}
