//! What DynamoDB refuses for a moment is tried again; a condition that does not hold is an answer.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};

use crate::error::{Result, StoreError};

/// How long DynamoDB is asked again.
#[derive(Clone, Copy, Debug)]
pub enum Backoff {
    /// A job has time: 0.1 s to 5 s, some 20 s in all.
    Job,
    /// A user waits for the answer: 50 to 800 ms, some 1.5 s in all.
    Request,
}

impl Backoff {
    /// The pauses between the tries.
    pub(crate) fn pauses(self) -> impl Iterator<Item = Duration> {
        self.builder().build()
    }

    /// Makes a call again as long as its error may pass.
    pub(crate) async fn retry<T, E, F: Future<Output = Result<T, E>>>(
        self,
        call: impl FnMut() -> F,
        may_pass: impl FnMut(&E) -> bool,
    ) -> Result<T, E> {
        let calls = call.retry(self.builder()).sleep(tokio::time::sleep);
        calls.when(may_pass).await
    }

    fn builder(self) -> ExponentialBuilder {
        let (first, longest, times) = match self {
            Self::Job => (100, 5000, 8),
            Self::Request => (50, 800, 5),
        };
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(first))
            .with_max_delay(Duration::from_millis(longest))
            .with_max_times(times)
    }
}

/// Whether the condition of a single write was met; if not, nothing was written.
pub(crate) fn condition_met<T, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E>>,
    doing: &'static str,
) -> Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(StoreError::failed(doing)(error)),
    }
}

/// Whether DynamoDB takes no more writes at this moment.
pub(crate) fn is_throttling<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let codes = [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    ];
    error.code().is_some_and(|code| codes.contains(&code))
}
