//! A batch of queue records: each job succeeds or is returned.
//!
//! SQS may deliver several jobs of a group in one batch. They run in order, and when one fails, it
//! and all later ones of its group are returned, or the order would be lost.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::Job;
use futures::future::join_all;
use jiff::Timestamp;
use runtime::Metric;

use crate::fetcher::{Fetcher, JobError};
use crate::open::{Delivery, ReadInThisBatch};

impl Fetcher {
    /// Runs a batch, and names the records that must come again.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut groups: BTreeMap<String, Vec<SqsMessage>> = BTreeMap::new();
        for record in event.records {
            let group = record.attributes.get("MessageGroupId").cloned();
            groups
                .entry(group.unwrap_or_default())
                .or_default()
                .push(record);
        }
        let runs = groups.into_values().map(|group| run_group(self, group));
        let failed = join_all(runs).await.into_iter().flatten();
        let mut response = SqsBatchResponse::default();
        for message_id in failed {
            response.add_failure(message_id);
        }
        response
    }

    /// Does one job. The text says what came of it, for the log.
    async fn run(
        &self,
        job: Job,
        delivery: Delivery,
        read: &mut ReadInThisBatch,
    ) -> Result<&'static str, JobError> {
        match job {
            Job::AttemptStarted {
                attempt,
                access_mode,
                institutions,
            } => {
                self.connections
                    .put_started(&attempt, access_mode, &institutions)
                    .await?;
                Ok("attempt recorded")
            }
            Job::AttemptEnded { attempt, outcome } => {
                self.attempt_ended(&attempt, &outcome, read).await
            }
            Job::LinkProven {
                link_id,
                external_id,
                session_id,
            } => {
                self.link_proven(link_id, external_id, session_id, read)
                    .await
            }
            Job::WebhookReceived { link_id, event } => {
                self.webhook_received(link_id, event, delivery, read).await
            }
        }
    }
}

/// Gives the ids of the first record whose job failed and of all after it, and of those that are
/// no jobs: they hold nobody up, and end where a person looks at them.
async fn run_group(fetcher: &Fetcher, records: Vec<SqsMessage>) -> Vec<String> {
    let mut returned = Vec::new();
    let mut read = ReadInThisBatch::new();
    let mut records = records.into_iter();
    for record in records.by_ref() {
        let message_id = record.message_id.clone().unwrap_or_default();
        let Some(job) = job(fetcher, &record) else {
            returned.push(message_id);
            continue;
        };
        let sent_at = sent_at(record.attributes.get("SentTimestamp"));
        let delivery = Delivery {
            sent_at: sent_at.unwrap_or_else(|| fetcher.clock.now()),
            message_id: message_id.clone(),
        };
        if run_job(fetcher, job, delivery, &mut read).await.is_err() {
            let later = records.map(|record| record.message_id.unwrap_or_default());
            returned.push(message_id);
            returned.extend(later);
            break;
        }
    }
    returned
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

/// The failure has been logged.
struct Failed;

async fn run_job(
    fetcher: &Fetcher,
    job: Job,
    delivery: Delivery,
    read: &mut ReadInThisBatch,
) -> Result<(), Failed> {
    let group = job.group();
    let name = job.name();
    match fetcher.run(job, delivery, read).await {
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
                belvo.request_id = error.belvo_request_id().map(domain::RequestId::as_str),
                "job failed"
            );
            runtime::count(error.metric(), fetcher.clock.now());
            Err(Failed)
        }
    }
}

/// Milliseconds since 1970, as text.
fn sent_at(attribute: Option<&String>) -> Option<Timestamp> {
    Timestamp::from_millisecond(attribute?.parse().ok()?).ok()
}
