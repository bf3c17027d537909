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

use crate::fetcher::{Deadline, Fetcher, JobError};
use crate::open::{Batch, Delivery, ERASED};

impl Fetcher {
    /// Runs a batch, and names the records that must come again. What cannot be done before the
    /// deadline is done by a later job.
    pub async fn handle(&self, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let deadline = Deadline::new(&self.clock, deadline);
        let mut groups: BTreeMap<String, Vec<SqsMessage>> = BTreeMap::new();
        for record in event.records {
            let group = record.attributes.get("MessageGroupId").cloned();
            groups
                .entry(group.unwrap_or_default())
                .or_default()
                .push(record);
        }
        let runs = groups
            .into_values()
            .map(|group| run_group(self, group, deadline.clone()));
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
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        match job {
            Job::AttemptStarted {
                attempt,
                access_mode,
                institutions,
            } => {
                if self.is_erased(&attempt, None).await? {
                    return Ok(ERASED);
                }
                self.connections
                    .put_started(&attempt, access_mode, &institutions)
                    .await?;
                Ok("attempt recorded")
            }
            Job::AttemptEnded { attempt, outcome } => {
                self.attempt_ended(&attempt, &outcome, batch).await
            }
            Job::LinkProven {
                link_id,
                external_id,
                session_id,
            } => {
                self.link_proven(link_id, external_id, session_id, batch)
                    .await
            }
            Job::WebhookReceived { link_id, event } => {
                self.webhook_received(link_id, event, delivery, batch).await
            }
            Job::WebhookReplayed { link_id, event } => {
                self.webhook_replayed(link_id, &event, &delivery, batch)
                    .await
            }
            Job::LinkDue { link_id, until } => self.link_due(link_id, until, batch).await,
            Job::LinkSeen {
                link_id,
                last_accessed_at,
            } => self.link_seen(link_id, last_accessed_at, batch).await,
            Job::LinkReread {
                link_id,
                not_before,
            } => self.link_reread(link_id, not_before, batch).await,
            Job::LinkRefresh {
                link_id,
                refresh_id,
                resources,
            } => {
                self.link_refresh(link_id, refresh_id, resources, batch)
                    .await
            }
            Job::ConsentRenewal { link_id, opened_at } => {
                self.consent_renewal(link_id, opened_at, batch).await
            }
            Job::LinkErase {
                link_id,
                external_id,
                receipt_id,
            } => {
                self.link_erase(link_id, &external_id, receipt_id, batch)
                    .await
            }
            Job::UserErase {
                external_id,
                receipt_id,
                requested_at,
            } => {
                self.user_erase(external_id, receipt_id, requested_at, batch)
                    .await
            }
        }
    }
}

/// Gives the ids of the first record whose job failed and of all after it, and of those that are
/// no jobs: the others of this batch need not wait for them, and they end where a person looks.
async fn run_group(fetcher: &Fetcher, records: Vec<SqsMessage>, deadline: Deadline) -> Vec<String> {
    let mut returned = Vec::new();
    let mut batch = Batch {
        deadline,
        began_at: fetcher.clock.now(),
        read: BTreeMap::new(),
    };
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
        if run_job(fetcher, job, delivery, &mut batch).await.is_err() {
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
    batch: &mut Batch,
) -> Result<(), Failed> {
    let group = job.group();
    let name = job.name();
    match fetcher.run(job, delivery, batch).await {
        Ok(outcome) => {
            tracing::info!(job = name, group, outcome, "job done");
            Ok(())
        }
        Err(JobError::Erased) => {
            tracing::info!(job = name, group, outcome = ERASED, "job done");
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
