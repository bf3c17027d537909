//! What the fetcher is, and the jobs that attempts to connect lead to.

use belvo::{Belvo, BelvoError};
use domain::outcome::KNOWN_CODES;
use domain::{Attempt, Code, ExternalId, Job, LinkId, Outcome, RequestId, SessionId, SigningKeys};
use jiff::Timestamp;
use runtime::{Clock, Metric, Secret, SecretError};
use store::{AttemptRecord, ConnectionStore, LinkStatus, ResourceStore, StoreError};

use crate::batch::Delivery;
use crate::config::Config;
use crate::open::{OpenLink, ReadInThisBatch};

/// Works off jobs.
#[derive(Debug)]
pub struct Fetcher {
    /// What the customer decided.
    pub config: Config,
    /// Belvo's API.
    pub belvo: Belvo,
    /// Links and their data.
    pub resources: ResourceStore,
    /// Attempts.
    pub connections: ConnectionStore,
    /// The keys documents were hashed with.
    pub session_keys: Secret<SigningKeys>,
    /// The time.
    pub clock: Clock,
}

/// Why a job could not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// A table failed.
    #[error("a table failed")]
    Store(#[from] StoreError),
    /// Belvo failed.
    #[error("belvo failed")]
    Belvo(#[from] BelvoError),
    /// A secret is not available.
    #[error("a secret is not available")]
    Secret(#[from] SecretError),
}

impl JobError {
    pub(crate) fn belvo_code(&self) -> Option<&Code> {
        match self {
            Self::Belvo(error) => error.api_error().map(|error| &error.code),
            Self::Store(_) | Self::Secret(_) => None,
        }
    }

    pub(crate) fn belvo_request_id(&self) -> Option<&RequestId> {
        match self {
            Self::Belvo(error) => error.api_error()?.request_id.as_ref(),
            Self::Store(_) | Self::Secret(_) => None,
        }
    }

    pub(crate) fn metric(&self) -> Metric {
        match self {
            Self::Belvo(BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_)) => {
                Metric::BelvoAuthenticationFailed
            }
            Self::Belvo(_) => Metric::BelvoFailed,
            Self::Store(_) | Self::Secret(_) => Metric::JobFailed,
        }
    }
}

impl Fetcher {
    /// Does one job. The text says what came of it, for the log.
    pub(crate) async fn run(
        &self,
        job: Job,
        delivery: Delivery,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        match job {
            Job::AttemptStarted {
                attempt,
                access_mode,
                institutions,
            } => {
                self.connections
                    .put_started(&attempt, access_mode, &institutions)
                    .await?;
                Ok("attempt recorded")
            }
            Job::AttemptEnded { attempt, outcome } => {
                self.attempt_ended(&attempt, &outcome, read).await
            }
            Job::LinkProven {
                link_id,
                external_id,
                session_id,
            } => {
                self.link_proven(link_id, external_id, session_id, read)
                    .await
            }
            Job::WebhookReceived { link_id, event } => {
                self.webhook_received(link_id, event, delivery, read).await
            }
        }
    }

    /// A success names a link: that is a reason to look at it, and no more.
    async fn attempt_ended(
        &self,
        attempt: &Attempt,
        outcome: &Outcome,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        let now = self.clock.now();
        if !self.connections.put_ended(attempt, outcome, now).await? {
            return Ok("a stronger word stands");
        }
        runtime::count_by(Metric::AttemptEnded, &counted_code(outcome), now);
        let Some(link_id) = outcome.link() else {
            return Ok("outcome recorded");
        };
        let mut link = self.open(link_id, read).await?;
        self.bind_and_read(&mut link).await
    }

    /// The user's app knows what only the browser that came back could know.
    async fn link_proven(
        &self,
        link_id: LinkId,
        external_id: ExternalId,
        session_id: SessionId,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        let attempts = self
            .connections
            .attempts(&external_id, Timestamp::MIN)
            .await?;
        let of_this_link =
            |it: &AttemptRecord| it.attempt.session_id == session_id && it.linked == Some(link_id);
        if !attempts.iter().any(of_this_link) {
            return Ok("not the link of that attempt");
        }
        let mut link = self.open(link_id, read).await?;
        // Kept even if the link is not bound yet.
        link.record.proofs.insert(session_id, external_id);
        let outcome = self.bind_and_read(&mut link).await?;
        link.record.settle_proof();
        self.save(&mut link).await?;
        Ok(outcome)
    }

    /// Finds out whose the link is and, if that is settled, reads everything announced so far.
    pub(crate) async fn bind_and_read(
        &self,
        link: &mut OpenLink<'_>,
    ) -> Result<&'static str, JobError> {
        if !link.record.is_bound() {
            self.bind(&mut link.record).await?;
            link.record.settle_proof();
            self.save(link).await?;
        }
        match link.record.status {
            LinkStatus::Bound => {}
            LinkStatus::Announced => return Ok("announced"),
            LinkStatus::AwaitingOwner => return Ok("awaiting owners"),
            LinkStatus::Quarantined => return Ok("quarantined"),
            LinkStatus::Unclaimed => return Ok("unclaimed"),
            LinkStatus::Gone => return Ok("gone"),
        }
        self.read_pending(link).await?;
        Ok("bound and read")
    }
}

/// Each code becomes a metric that is paid for, and the redirect's query can hold any.
fn counted_code(outcome: &Outcome) -> Code {
    match outcome.code() {
        Some(code) if KNOWN_CODES.contains(&code.as_str()) => code.clone(),
        Some(_) => Code::lenient("other"),
        None => Code::lenient(outcome.name()),
    }
}
