//! Why a job could not finish what it is about, and how that is logged.

use belvo::{ApiError, BelvoError, Retry, Wait};
use domain::{Code, LinkId, RequestId, ResourceKind};
use jiff::SignedDuration;
use runtime::{Metric, SecretError};
use store::StoreError;

/// Why a job could not finish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("a table failed")]
    Store(#[from] StoreError),
    #[error("belvo failed")]
    Belvo(#[from] BelvoError),
    #[error("a secret is not available")]
    Secret(#[from] SecretError),
    /// The invocation ends before the work does.
    #[error("time is running short")]
    OutOfTime,
    /// The link's user has had it erased meanwhile: there is nothing left to do.
    #[error("the link was erased meanwhile")]
    Erased,
}

/// What a step of a job gives.
pub(crate) type Result<T, E = JobError> = std::result::Result<T, E>;

impl JobError {
    fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Belvo(error) => error.api_error(),
            Self::Store(_) | Self::Secret(_) | Self::OutOfTime | Self::Erased => None,
        }
    }

    pub(crate) fn belvo_code(&self) -> Option<&Code> {
        self.api_error().map(|it| &it.code)
    }

    /// Belvo's code, or `no_answer`.
    pub(crate) fn code(&self) -> Code {
        let code = self.belvo_code().cloned();
        code.unwrap_or_else(|| Code::lenient("no_answer"))
    }

    pub(crate) fn belvo_request_id(&self) -> Option<&RequestId> {
        self.api_error()?.request_id.as_ref()
    }

    /// Whether Belvo refuses with a code that is not known.
    pub(crate) fn is_unknown_refusal(&self) -> bool {
        matches!(self, Self::Belvo(error) if error.retry() == Retry::Later(Wait::Unknown))
    }

    /// Whether Belvo refuses, and asking again cannot help.
    pub(crate) fn is_final_refusal(&self) -> bool {
        matches!(self, Self::Belvo(error) if error.retry() == Retry::Never)
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

    /// Whether the failure says nothing about the next request: the other resources of the link
    /// are still worth asking for.
    pub(crate) fn is_of_one_resource(&self) -> bool {
        let Self::Belvo(error) = self else {
            return false;
        };
        let overrun = error.retry() == Retry::Later(Wait::Longer);
        !overrun && !matches!(error, BelvoError::Transport { .. })
    }
}

/// How long Belvo is left alone at least after a failure of this kind.
pub(crate) fn least_delay(retry: Retry) -> SignedDuration {
    match retry {
        Retry::InPlace | Retry::Never | Retry::Later(Wait::Longer | Wait::Unknown) => {
            SignedDuration::ZERO
        }
        Retry::Later(Wait::Minutes) => SignedDuration::from_mins(2),
        Retry::Later(Wait::Hours | Wait::NextMonth) => SignedDuration::from_hours(1),
    }
}

/// Logs, in one form, that Belvo did not give what a link needs: its code, and the request id that
/// Belvo's support asks for.
pub(crate) fn log_refusal(
    link_id: LinkId,
    kind: Option<ResourceKind>,
    error: &JobError,
    message: &'static str,
) {
    tracing::warn!(
        link.id = %link_id,
        resource.kind = kind.map(ResourceKind::name),
        error = %runtime::chain(error),
        belvo.code = error.belvo_code().map(Code::as_str),
        belvo.request_id = error.belvo_request_id().map(RequestId::as_str),
        "{message}"
    );
}
