//! The reasons for an invocation without a result.

use std::{io, process::ExitStatus, sync::Arc, time::Duration};

use serde_json::{Value, json};

/// The reason for an invocation without a result.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// There is no function of this name.
    #[error("there is no function {name}")]
    UnknownFunction {
        /// The requested name.
        name: String,
    },
    /// The process could not be started at all.
    #[error("the function's process did not start")]
    Process {
        /// The operating system's error.
        #[source]
        cause: Arc<anyhow::Error>,
    },
    /// The function reported that it cannot start.
    #[error("the function could not start: {error}")]
    Start {
        /// The function's report: `errorType`, `errorMessage`.
        error: Value,
    },
    /// The function returned an error.
    #[error("the function failed: {error}")]
    Function {
        /// The function's report: `errorType`, `errorMessage`.
        error: Value,
    },
    /// The function took longer than the template allows; its process was killed.
    #[error("the function timed out after {} seconds", after.as_secs())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The process ended without an answer.
    #[error("the function's process ended ({status})")]
    Exited {
        /// The exit status.
        status: String,
    },
    /// The answer is not JSON.
    #[error("the function's answer is not JSON")]
    Answer {
        /// The parser's error.
        #[source]
        cause: Arc<serde_json::Error>,
    },
    /// The stack is being stopped.
    #[error("the stack is stopping")]
    Stopping,
}

impl InvokeError {
    pub(super) fn exited(status: io::Result<ExitStatus>) -> InvokeError {
        InvokeError::Exited {
            status: status.map_or_else(|error| error.to_string(), |status| status.to_string()),
        }
    }

    /// The error as Lambda's Invoke API returns it.
    pub(crate) fn to_lambda(&self) -> Value {
        match self {
            InvokeError::Function { error } | InvokeError::Start { error } => error.clone(),
            InvokeError::TimedOut { after } => {
                let message = format!("Task timed out after {:.2} seconds", after.as_secs_f64());
                json!({"errorType": "Sandbox.Timedout", "errorMessage": message})
            }
            InvokeError::Exited { .. } => {
                json!({"errorType": "Runtime.ExitError", "errorMessage": self.to_string()})
            }
            InvokeError::UnknownFunction { .. }
            | InvokeError::Process { .. }
            | InvokeError::Answer { .. }
            | InvokeError::Stopping => {
                json!({"errorType": "Runtime.Unknown", "errorMessage": self.to_string()})
            }
        }
    }
}
