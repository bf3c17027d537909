//! A batch of queue records: each job succeeds or is returned.
//!
//! SQS may deliver several jobs of a group in one batch. They run in order, and when one fails, it
//! and all later ones of its group are returned, or the order would be lost.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{Job, ResourceKind};
use futures::future::join_all;
use jiff::Timestamp;
use runtime::Metric;

use crate::jobs::Fetcher;

/// What the queue says of a job.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message_id: String,
    pub(crate) sent_at: Timestamp,
}

/// What was read since a group's jobs arrived. Whatever the later ones among them announce was
/// there before, so it need not be read again.
pub(crate) type ReadInThisBatch = BTreeSet<ResourceKind>;

/// Runs a batch, and names the records that must come again.
pub(crate) async fn handle(fetcher: &Fetcher, event: SqsEvent) -> SqsBatchResponse {
    let mut groups: BTreeMap<String, Vec<SqsMessage>> = BTreeMap::new();
    for record in event.records {
        let group = record.attributes.get("MessageGroupId").cloned();
        groups
            .entry(group.unwrap_or_default())
            .or_default()
            .push(record);
    }
    let runs = groups.into_values().map(|group| run_group(fetcher, group));
    let failed = join_all(runs).await.into_iter().flatten();
    let mut response = SqsBatchResponse::default();
    for message_id in failed {
        response.add_failure(message_id);
    }
    response
}

/// Gives the ids of the first record that failed and of all after it.
async fn run_group(fetcher: &Fetcher, records: Vec<SqsMessage>) -> Vec<String> {
    let mut read = ReadInThisBatch::new();
    let mut records = records.into_iter();
    for record in records.by_ref() {
        let message_id = record.message_id.clone().unwrap_or_default();
        if run_record(fetcher, record, &mut read).await.is_err() {
            let later = records.map(|record| record.message_id.unwrap_or_default());
            return std::iter::once(message_id).chain(later).collect();
        }
    }
    Vec::new()
}

/// The failure has been logged.
struct Returned;

async fn run_record(
    fetcher: &Fetcher,
    record: SqsMessage,
    read: &mut ReadInThisBatch,
) -> Result<(), Returned> {
    let message_id = record.message_id.unwrap_or_default();
    let body = record.body.unwrap_or_default();
    let job: Job = serde_json::from_str(&body).map_err(|error| {
        // The error's own text may quote the body.
        let (line, column) = (error.line(), error.column());
        tracing::error!(message_id, line, column, "a job cannot be read");
        runtime::count(Metric::JobUnreadable, fetcher.clock.now());
        Returned
    })?;
    let delivery = Delivery {
        sent_at: sent_at(record.attributes.get("SentTimestamp"))
            .unwrap_or_else(|| fetcher.clock.now()),
        message_id,
    };
    let group = job.group();
    let name = job.name();
    match fetcher.run(job, &delivery, read).await {
        Ok(outcome) => {
            tracing::info!(job = name, group, outcome, "job done");
            Ok(())
        }
        Err(error) => {
            tracing::error!(
                job = name,
                group,
                error = %runtime::chain(&error),
                belvo.code = error.belvo_code().map(domain::Code::as_str),
                belvo.request_id = error.belvo_request_id().map(domain::Code::as_str),
                "job failed"
            );
            runtime::count(error.metric(), fetcher.clock.now());
            Err(Returned)
        }
    }
}

/// Milliseconds since 1970, as text.
fn sent_at(attribute: Option<&String>) -> Option<Timestamp> {
    Timestamp::from_millisecond(attribute?.parse().ok()?).ok()
}
