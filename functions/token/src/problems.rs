//! What is answered when Belvo gives no token.

use belvo::{ApiError, BelvoError, Retry, Wait};
use domain::RequestId;
use runtime::{Metric, Problem, ProblemKind, SecretError};

use crate::handler::Handler;

impl Handler {
    /// Why Belvo gave no token, and whether trying again helps.
    pub(crate) async fn belvo_problem(&self, error: &BelvoError) -> Problem {
        if let Some(said) = error.api_error()
            && error.retry() == Retry::Later(Wait::Unknown)
        {
            self.hear_refusal(said).await;
        }
        let refused = match error.retry() {
            Retry::Never | Retry::Later(Wait::Hours | Wait::NextMonth | Wait::Unknown) => true,
            Retry::InPlace | Retry::Later(Wait::Longer | Wait::Minutes) => {
                matches!(error, BelvoError::AuthenticationFailed { .. })
            }
        };
        let metric = match error {
            BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_) => {
                Some(Metric::BelvoAuthenticationFailed)
            }
            // A refusal is not a failure of Belvo.
            _ => Some(Metric::BelvoFailed).filter(|_| !refused),
        };
        if let Some(metric) = metric {
            runtime::count(metric, self.clock.now());
        }
        if let BelvoError::Keys(cause) = error
            && let Some(cause) = cause.downcast_ref::<SecretError>()
        {
            return cause.problem("belvo").caused_by(error);
        }
        let problem = match refused {
            true => Problem::new(ProblemKind::BelvoRefused).caused_by(error),
            false => Problem::unavailable(error).retry_after(30),
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
    /// Tells an operator of a code that is not known, once a day, however many users get no token.
    async fn hear_refusal(&self, said: &ApiError) {
        let now = self.clock.now();
        match self.connections.hear_code(&said.code, now).await {
            Ok(true) => {
                tracing::error!(
                    belvo.code = said.code.as_str(),
                    belvo.request_id = said.request_id.as_ref().map(RequestId::as_str),
                    "belvo refuses with a code that is not known"
                );
                runtime::count(Metric::RefusalUnknown, now);
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = %runtime::chain(&error), "a code could not be noted");
            }
        }
    }
}
