//! Why a table did not do what it was asked to.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why a table did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or declined.
    #[error("dynamodb failed while {doing}: {reason}")]
    Failed {
        /// What we were doing.
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
        /// Which record.
        what: &'static str,
    },
}

impl StoreError {
    /// Describes a failed call.
    pub(crate) fn failed<E>(doing: &'static str) -> impl FnOnce(SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        move |error| Self::Failed {
            doing,
            reason: error.code().unwrap_or("no answer").to_owned(),
        }
    }
}

/// What became of a conditional write: `false` when its condition did not hold.
pub(crate) fn whether_written<T, E>(
    result: Result<T, SdkError<E>>,
    doing: &'static str,
) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata,
{
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(StoreError::failed(doing)(error)),
    }
}
