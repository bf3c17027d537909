//! Queues that invoke a function.

use anyhow::bail;
use serde::Deserialize;

use super::structure;

/// SQS puts at most this many messages of a FIFO queue into one batch.
const LARGEST_FIFO_BATCH: u32 = 10;

/// An SQS event source mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueMapping {
    /// The queue's ARN.
    pub queue_arn: String,
    /// The largest number of messages in one invocation.
    pub batch_size: u32,
    /// The largest number of concurrent invocations.
    pub max_concurrency: u32,
    /// Whether the function reports which records of a batch failed.
    pub partial_failures: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct QueueEvent {
    queue: String,
    #[serde(deserialize_with = "structure::number")]
    batch_size: u32,
    #[serde(default)]
    function_response_types: Vec<String>,
    scaling_config: Scaling,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Scaling {
    #[serde(deserialize_with = "structure::number")]
    maximum_concurrency: u32,
}

pub(super) fn read(event: QueueEvent, place: &str) -> anyhow::Result<QueueMapping> {
    if !(1..=LARGEST_FIFO_BATCH).contains(&event.batch_size) {
        bail!("{place}.BatchSize: 1 to {LARGEST_FIFO_BATCH} is understood here");
    }
    let partial_failures = match event.function_response_types.as_slice() {
        [] => false,
        [only] if only == "ReportBatchItemFailures" => true,
        _ => {
            bail!("{place}.FunctionResponseTypes: only ReportBatchItemFailures is understood here")
        }
    };
    Ok(QueueMapping {
        queue_arn: event.queue,
        batch_size: event.batch_size,
        max_concurrency: event.scaling_config.maximum_concurrency,
        partial_failures,
    })
}
