//! One job each: what a webhook or a callback leads to.

use belvo::{Belvo, BelvoError};
use domain::{Attempt, Code, Event, EventKind, ExternalId, Job, LinkId, Outcome, ResourceKind};
use domain::{SessionId, SigningKeys};
use jiff::{SignedDuration, Timestamp};
use runtime::{Clock, Metric, Secret, SecretError};
use store::{ConnectionStore, JournalEntry, LinkRecord, LinkStatus, ResourceStore, StoreError};

use crate::batch::{Delivery, ReadInThisBatch};
use crate::config::Config;

/// SQS stamps a job and we stamp a read with different clocks.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(2);

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

    pub(crate) fn belvo_request_id(&self) -> Option<&Code> {
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
        delivery: &Delivery,
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
                self.link_proven(link_id, &external_id, session_id, read)
                    .await
            }
            Job::WebhookReceived { link_id, event } => {
                self.webhook_received(link_id, &event, delivery, read).await
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
        match outcome.code() {
            Some(code) => runtime::count_by(Metric::AttemptEnded, code, now),
            None => runtime::count(Metric::AttemptEnded, now),
        }
        let counts = self.connections.put_ended(attempt, outcome, now).await?;
        let Some(link_id) = outcome.link().filter(|_| counts) else {
            return Ok("outcome recorded");
        };
        let mut link = self.resources.begin(link_id).await?;
        match link.status {
            LinkStatus::Bound => Ok("already bound"),
            _ => self.bind_and_read(&mut link, read).await,
        }
    }

    async fn link_proven(
        &self,
        link_id: LinkId,
        external_id: &ExternalId,
        session_id: SessionId,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        let mut link = self.resources.begin(link_id).await?;
        // Kept even if the link is not bound yet: a user's word that came before ours.
        link.proofs.insert(session_id, external_id.clone());
        let outcome = match link.status {
            LinkStatus::Bound => "proof recorded",
            _ => self.bind_and_read(&mut link, read).await?,
        };
        link.settle_proof();
        self.resources.save(&mut link, self.clock.now()).await?;
        Ok(outcome)
    }

    async fn webhook_received(
        &self,
        link_id: LinkId,
        event: &Event,
        delivery: &Delivery,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        let mut link = self.resources.begin(link_id).await?;
        self.note(&mut link, event, delivery.sent_at);
        let outcome = match link.status {
            LinkStatus::Bound => self.react(&mut link, event, delivery.sent_at, read).await?,
            _ => {
                let bound = self.bind_and_read(&mut link, read).await?;
                self.react_to_consent(&mut link, event).await?;
                bound
            }
        };
        // Only links of our users are journaled: anybody may name a link in a webhook.
        if let (LinkStatus::Bound, Some(external_id)) = (link.status, link.external_id.clone()) {
            self.resources
                .put_event(JournalEntry {
                    link_id,
                    external_id: &external_id,
                    received_at: delivery.sent_at,
                    message_id: &delivery.message_id,
                    event,
                    outcome,
                })
                .await?;
        }
        Ok(outcome)
    }

    /// Keeps what an event announces. It is read once the link is bound.
    fn note(&self, link: &mut LinkRecord, event: &Event, sent_at: Timestamp) {
        if let Some(kind) = event.kind.resource() {
            link.pending.insert(kind);
            let resource = link.resource(kind);
            resource.announced_at = Some(sent_at);
            resource.announced = event.totals.clone();
            resource.errors.clone_from(&event.errors);
        }
        if event.kind == EventKind::LinkNeedsUser {
            let code = event.errors.first().or(event.webhook_code.as_ref());
            link.needs_user = code.cloned();
        }
    }

    async fn react(
        &self,
        link: &mut LinkRecord,
        event: &Event,
        sent_at: Timestamp,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        match &event.kind {
            EventKind::HistoricalUpdate { resource } | EventKind::ResourceChanged { resource } => {
                self.read_unless_fresh(link, *resource, sent_at, read).await
            }
            EventKind::Consent { .. } => {
                self.react_to_consent(link, event).await?;
                Ok("consent read")
            }
            EventKind::LinkNeedsUser => {
                self.resources.save(link, self.clock.now()).await?;
                Ok("user must act")
            }
            // A deletion we did not ask for is looked at before anything is believed.
            EventKind::LinkDeleted => self.look_again(link).await,
            EventKind::Unknown => Ok("nothing to do"),
        }
    }

    /// Repeated webhooks are cheap: what was read after a job was sent need not be read for it.
    async fn read_unless_fresh(
        &self,
        link: &mut LinkRecord,
        kind: ResourceKind,
        sent_at: Timestamp,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        let fresh = link.resource(kind).sync_ended_at.is_some()
            && link
                .resource(kind)
                .sync_started_at
                .is_some_and(|started| started.duration_since(sent_at) > CLOCK_MARGIN);
        if fresh || read.contains(&kind) {
            link.pending.remove(&kind);
            self.resources.save(link, self.clock.now()).await?;
            return Ok("already read");
        }
        self.sync(link, kind).await?;
        read.insert(kind);
        Ok("read")
    }

    /// Finds out whose the link is and, if that is settled, reads everything announced so far.
    async fn bind_and_read(
        &self,
        link: &mut LinkRecord,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        self.bind(link).await?;
        link.settle_proof();
        self.resources.save(link, self.clock.now()).await?;
        match link.status {
            LinkStatus::Bound => {}
            LinkStatus::Announced => return Ok("announced"),
            LinkStatus::AwaitingOwner => return Ok("awaiting owners"),
            LinkStatus::Quarantined => return Ok("quarantined"),
            LinkStatus::Unclaimed => return Ok("unclaimed"),
            LinkStatus::Gone => return Ok("gone"),
        }
        for kind in ResourceKind::ALL {
            if link.pending.contains(&kind) {
                self.sync(link, kind).await?;
                read.insert(kind);
            }
        }
        Ok("bound and read")
    }

    async fn look_again(&self, link: &mut LinkRecord) -> Result<&'static str, JobError> {
        let outcome = match self.belvo.link(link.link_id).await {
            Ok(_) => "still there",
            Err(BelvoError::NotFound { .. }) => {
                link.status = LinkStatus::Gone;
                runtime::count(Metric::LinkGone, self.clock.now());
                "gone"
            }
            Err(error) => return Err(error.into()),
        };
        self.resources.save(link, self.clock.now()).await?;
        Ok(outcome)
    }
}
