//! What is answered when Belvo or AWS fails us.

use belvo::{BelvoError, Retry, Wait};
use runtime::{Metric, Problem, ProblemKind, SecretError};

use crate::handler::Handler;

impl Handler {
    /// Why Belvo gave no token, and whether trying again helps.
    pub(crate) fn belvo_problem(&self, error: &BelvoError, request_id: &str) -> Problem {
        let code = error.api_error().map(|error| &error.code);
        tracing::error!(
            request_id,
            belvo.code = code.map(domain::Code::as_str),
            error = %runtime::chain(error),
            "belvo gave no token"
        );
        let refused = match error.retry() {
            Retry::Never | Retry::Later(Wait::Hours | Wait::NextMonth) => true,
            Retry::InPlace | Retry::Later(Wait::Longer | Wait::Minutes) => {
                matches!(error, BelvoError::AuthenticationFailed { .. })
            }
        };
        let metric = match error {
            BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_) => {
                Some(Metric::BelvoAuthenticationFailed)
            }
            // That Belvo wants no such token does not mean that it fails.
            _ => Some(Metric::BelvoFailed).filter(|_| !refused),
        };
        if let Some(metric) = metric {
            runtime::count(metric, self.clock.now());
        }
        if let BelvoError::Keys(cause) = error
            && let Some(cause) = cause.downcast_ref::<SecretError>()
        {
            return cause.problem("belvo", request_id);
        }
        let problem = match refused {
            true => Problem::new(ProblemKind::BelvoRefused, request_id),
            false => Problem::new(ProblemKind::Unavailable, request_id).retry_after(30),
        };
        match error.api_error() {
            Some(error) => {
                let details = error.details.iter();
                let details = details.map(|it| (it.code.clone(), it.field.clone()));
                problem.from_belvo(error.request_id.as_ref(), details)
            }
            None => problem,
        }
    }
}

/// The name says which of our secrets.
pub(crate) fn no_secret(secret: &'static str, request_id: &str, error: &SecretError) -> Problem {
    tracing::error!(request_id, %error, "no token was minted");
    error.problem(secret, request_id)
}

pub(crate) fn too_slow(request_id: &str) -> Problem {
    tracing::error!(request_id, "no token was minted in time");
    Problem::new(ProblemKind::Unavailable, request_id).retry_after(5)
}

pub(crate) fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Problem {
    tracing::error!(request_id, error = %runtime::chain(error), "no token was minted");
    Problem::new(ProblemKind::Unavailable, request_id).retry_after(5)
}
