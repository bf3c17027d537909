//! A batch of queue records: each job succeeds or is returned.
//!
//! SQS may deliver several jobs of a group in one batch. They run in order, and when one fails, it
//! and all later ones of its group are returned, or the order would be lost. A message that is no job
//! of this release is set apart, because a returned one locks its group.

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{Code, Job, RequestId};
use futures::future::join_all;
use jiff::Timestamp;
use runtime::Metric;

use crate::deadline::Deadline;
use crate::dispatch::dispatch;
use crate::error::JobError;
use crate::fetcher::Fetcher;
use crate::leased::{Batch, Delivery};
use crate::outcome::JobOutcome;
use crate::redelivery;

impl Fetcher {
    /// Runs a batch, the groups side by side, and names the records that must come again. What
    /// cannot be done before the deadline is left to a later job.
    pub async fn handle(&self, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let deadline = Deadline::new(&self.clock, deadline);
        let mut groups: BTreeMap<String, Vec<SqsMessage>> = BTreeMap::new();
        for record in event.records {
            let group = record.attributes.get("MessageGroupId").cloned();
            let group = groups.entry(group.unwrap_or_default()).or_default();
            group.push(record);
        }
        let runs = groups.into_values();
        let runs = runs.map(|group| run_group(self, group, deadline.clone()));
        let mut response = SqsBatchResponse::default();
        for message_id in join_all(runs).await.into_iter().flatten() {
            response.add_failure(message_id);
        }
        response
    }
}

/// Gives the ids of the first record that must come again and of all after it.
async fn run_group(fetcher: &Fetcher, records: Vec<SqsMessage>, deadline: Deadline) -> Vec<String> {
    let mut batch = Batch {
        deadline,
        began_at: fetcher.clock.now(),
        received_at: records.iter().filter_map(received_at).max(),
        synced: BTreeMap::new(),
    };
    let mut records = records.into_iter();
    while let Some(record) = records.next() {
        if let Err(wait) = take(fetcher, &record, &mut batch).await {
            let returned: Vec<SqsMessage> = iter::once(record).chain(records).collect();
            redelivery::postpone(fetcher, &returned, wait).await;
            let ids = returned.into_iter().filter_map(|it| it.message_id);
            return ids.collect();
        }
    }
    Vec::new()
}

/// Does what a record says.
///
/// # Errors
/// With the time after which the record must come again.
async fn take(fetcher: &Fetcher, record: &SqsMessage, batch: &mut Batch) -> Result<(), Duration> {
    let message_id = record.message_id.clone().unwrap_or_default();
    let group = record.attributes.get("MessageGroupId");
    let is_apart = group.is_some_and(|it| queue::is_apart(it));
    let sent_on = match (job(fetcher, record), is_apart) {
        (Some(job), false) => {
            let sent_at = stamp(record.attributes.get("SentTimestamp"));
            let delivery = Delivery {
                sent_at: sent_at.unwrap_or_else(|| fetcher.clock.now()),
                message_id,
            };
            return match run(fetcher, job, delivery, batch).await {
                true => Ok(()),
                false => Err(redelivery::after_failure(record)),
            };
        }
        (Some(job), true) => fetcher.queue.bring_back(&job, &message_id).await,
        (None, false) => {
            let body = record.body.clone().unwrap_or_default();
            fetcher.queue.set_apart(body, &message_id).await
        }
        (None, true) => return Err(redelivery::UNREADABLE),
    };
    sent_on.map_err(|error| {
        tracing::error!(error = %runtime::chain(&error), "a message could not be sent on");
        redelivery::after_failure(record)
    })
}

fn job(fetcher: &Fetcher, record: &SqsMessage) -> Option<Job> {
    let body = record.body.as_deref().unwrap_or_default();
    let error = match serde_json::from_str(body) {
        Ok(job) => return Some(job),
        Err(error) => error,
    };
    // The error's own text may quote the body.
    let (line, column) = (error.line(), error.column());
    let message_id = record.message_id.as_deref();
    tracing::error!(message_id, line, column, "a job cannot be read");
    runtime::count(Metric::JobUnreadable, fetcher.clock.now());
    None
}

/// Whether the job has succeeded; a failure is logged.
async fn run(fetcher: &Fetcher, job: Job, delivery: Delivery, batch: &mut Batch) -> bool {
    let (name, group) = (job.name(), job.group());
    // On the heap, because a job is many futures deep, and stacks are small.
    let outcome = match Box::pin(dispatch(fetcher, job, delivery, batch)).await {
        Ok(outcome) => outcome,
        Err(JobError::Erased) => JobOutcome::Erased,
        Err(error) => {
            tracing::error!(
                job = name,
                group,
                error = %runtime::chain(&error),
                belvo.code = error.belvo_code().map(Code::as_str),
                belvo.request_id = error.belvo_request_id().map(RequestId::as_str),
                "job failed"
            );
            runtime::count(error.metric(), fetcher.clock.now());
            return false;
        }
    };
    tracing::info!(job = name, group, outcome = outcome.name(), "job done");
    true
}

/// When the queue has given a record to us first.
fn received_at(record: &SqsMessage) -> Option<Timestamp> {
    stamp(record.attributes.get("ApproximateFirstReceiveTimestamp"))
}

/// Milliseconds since 1970, as text.
fn stamp(attribute: Option<&String>) -> Option<Timestamp> {
    Timestamp::from_millisecond(attribute?.parse().ok()?).ok()
}
