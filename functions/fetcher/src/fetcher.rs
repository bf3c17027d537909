//! What the fetcher works with, and how its jobs fail.

use belvo::{Belvo, BelvoError};
use domain::{Code, RequestId, SigningKeys};
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
