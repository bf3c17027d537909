//! Many writes in few calls.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::WriteRequest;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{StreamExt, TryStreamExt};

use crate::error::StoreError;

/// AWS, `BatchWriteItem`: at most 25 requests in a call.
const BATCH: usize = 25;

/// Calls under way at once. DynamoDB takes 1,000 write units a second for one partition key; four
/// calls of 25 at some 20 ms come close without leaning on its throttling.
const CALLS: usize = 4;

/// Writes all requests, none of which may share a key with another.
pub(crate) async fn write(
    client: &Client,
    table: &str,
    requests: Vec<WriteRequest>,
) -> Result<(), StoreError> {
    let batches: Vec<Vec<WriteRequest>> = requests.chunks(BATCH).map(<[_]>::to_vec).collect();
    futures::stream::iter(batches)
        .map(|batch| write_batch(client, table, batch))
        .buffer_unordered(CALLS)
        .try_collect()
        .await
}

/// Ever longer, 0.1 s to 5 s, some 20 s in all.
pub(crate) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(8)
        .build()
}

/// While somebody waits for an answer: 50 to 800 ms, some 1.5 s in all.
pub(crate) fn short_pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_times(5)
        .build()
}

/// Repeats a write that has met a transaction on its record. The SDK does not.
pub(crate) async fn past_conflicts<T, E: ProvideErrorMetadata>(
    call: impl AsyncFn() -> Result<T, SdkError<E>>,
) -> Result<T, SdkError<E>> {
    let mut pauses = short_pauses();
    loop {
        match call().await {
            Err(error) if error.code() == Some("TransactionConflictException") => {
                match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                }
            }
            result => return result,
        }
    }
}

/// Whether DynamoDB asks for patience.
pub(crate) fn is_throttling<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let codes = [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// Repeats what DynamoDB left unprocessed, ever more slowly.
async fn write_batch(
    client: &Client,
    table: &str,
    mut batch: Vec<WriteRequest>,
) -> Result<(), StoreError> {
    let mut pauses = pauses();
    loop {
        let answer = client
            .batch_write_item()
            .request_items(table, batch.clone())
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let left = answer.unprocessed_items.unwrap_or_default().remove(table);
                match left {
                    Some(left) if !left.is_empty() => batch = left,
                    _ => return Ok(()),
                }
            }
            // When nothing of a batch is taken, DynamoDB does not list what is left.
            Err(error) if is_throttling(&error) => {}
            Err(error) => return Err(StoreError::failed("writing rows")(error)),
        }
        let pause = pauses.next().ok_or(StoreError::Throttled)?;
        tokio::time::sleep(pause).await;
    }
}
