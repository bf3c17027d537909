//! What the fetcher works with, and how its jobs fail.

use belvo::{Belvo, BelvoError};
use domain::{Code, RequestId, SigningKeys};
use jiff::{SignedDuration, Timestamp};
use runtime::{Clock, Metric, Secret, SecretError};
use store::{ConnectionStore, ResourceStore, StoreError};

use crate::config::Config;

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
    /// The most rows of a link whose keys are held in memory; longer statements are read in parts.
    pub portion: u64,
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
    /// The invocation ends before the work does.
    #[error("time is running short")]
    OutOfTime,
    /// The link's user has had it erased meanwhile: there is nothing left to be done.
    #[error("the link was erased meanwhile")]
    Erased,
}

impl JobError {
    pub(crate) fn belvo_code(&self) -> Option<&Code> {
        match self {
            Self::Belvo(error) => error.api_error().map(|error| &error.code),
            Self::Store(_) | Self::Secret(_) | Self::OutOfTime | Self::Erased => None,
        }
    }

    pub(crate) fn belvo_request_id(&self) -> Option<&RequestId> {
        match self {
            Self::Belvo(error) => error.api_error()?.request_id.as_ref(),
            Self::Store(_) | Self::Secret(_) | Self::OutOfTime | Self::Erased => None,
        }
    }

    pub(crate) fn metric(&self) -> Metric {
        match self {
            Self::Belvo(BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_)) => {
                Metric::BelvoAuthenticationFailed
            }
            Self::Belvo(_) => Metric::BelvoFailed,
            Self::Store(_) | Self::Secret(_) | Self::OutOfTime | Self::Erased => Metric::JobFailed,
        }
    }
}

/// When the invocation ends, whatever it is doing.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    clock: Clock,
    at: Timestamp,
}

/// What a page and its rows may take, repetitions included: no new one is begun after that.
const LAST_PAGE: SignedDuration = SignedDuration::from_secs(60);

/// What it takes to write down where we are.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(10);

impl Deadline {
    pub(crate) fn new(clock: &Clock, at: Timestamp) -> Self {
        Self {
            clock: clock.clone(),
            at,
        }
    }

    /// Fails when it is too late to begin another page.
    pub(crate) fn check(&self) -> Result<(), JobError> {
        match self.left() > LAST_PAGE {
            true => Ok(()),
            false => Err(JobError::OutOfTime),
        }
    }

    /// How long work may go on at most.
    pub(crate) fn working_time(&self) -> std::time::Duration {
        let left = self.left().saturating_sub(LAST_WORDS);
        std::time::Duration::try_from(left).unwrap_or_default()
    }

    fn left(&self) -> SignedDuration {
        self.at.duration_since(self.clock.now())
    }
}
