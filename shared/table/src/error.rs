//! Why a table did not do what it was asked to.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// Why a table did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or declined.
    #[error("dynamodb failed while {doing}: {reason}")]
    Failed {
        /// The step that failed.
        doing: &'static str,
        /// DynamoDB's code. Its messages, and the SDK's, may quote items.
        reason: String,
    },
    /// A later job works on the link now; this one must stop.
    #[error("a later job has taken over the link")]
    Superseded,
    /// DynamoDB kept some writes back, for longer than we wait.
    #[error("dynamodb throttled the writes of a link")]
    Throttled,
    /// A record is not of the form this release writes.
    #[error("a stored record has another form than expected: {what}")]
    Malformed {
        /// The kind of record.
        what: &'static str,
    },
}

/// What an operation on a table gives.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// Describes a failed call.
    pub fn failed<E: ProvideErrorMetadata>(
        doing: &'static str,
    ) -> impl FnOnce(SdkError<E>) -> Self {
        move |error| Self::Failed {
            doing,
            reason: error.code().unwrap_or("no answer").to_owned(),
        }
    }
}

/// A builder of the SDK misses a field. The stores set all of them.
pub fn incomplete(error: BuildError) -> StoreError {
    StoreError::Failed {
        doing: "building a request",
        reason: error.to_string(),
    }
}
