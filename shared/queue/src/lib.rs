//! Jobs, onto SQS, and back when they could not be done.
//!
//! **Invariant:** when [`JobQueue::send`] returns, the job is durably stored; only then may a
//! webhook be answered or a token leave.
//!
//! SQS drops a job whose deduplication id it has taken within the last five minutes. Each sender
//! chooses the id of its jobs:
//!
//! | sender | id | because |
//! |---|---|---|
//! | `webhook` | random | webhooks carry no time: two equal bodies can be two events |
//! | `token`, `links` | random | each request of an app is one of its own |
//! | `callback` | hash of session and content ([`domain::CallbackId`]) | any client that has the address can repeat it |
//! | `sweeper` | hash of the link and why it is queued ([`domain::dedup_id`]); random for replays and repeated erasures | a link that is still queued from the last sweep needs no second job |
//! | `fetcher` | hash of the message that it sends on | a message that comes again is sent on once |
//!
//! A repeated webhook is cheap instead: the fetcher skips a resource it has just read.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry,
};
use domain::Job;
use uuid::Uuid;

/// The queue between the HTTP functions and the fetcher.
#[derive(Clone, Debug)]
pub struct JobQueue {
    client: Client,
    url: String,
}

/// The job is not on the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS did not confirm it.
    #[error("job {job} could not be queued: {reason}")]
    NotSent {
        job: &'static str,
        /// SQS's code. Its messages, and the SDK's, may quote what was sent.
        reason: String,
    },
    /// SQS took only a part of a batch.
    #[error("{left} jobs of a batch could not be queued")]
    SomeNotSent {
        /// The number of jobs that are not on the queue.
        left: usize,
    },
    /// SQS did not say how many jobs are waiting.
    #[error("the waiting jobs could not be counted: {reason}")]
    NotCounted {
        /// SQS's code.
        reason: String,
    },
    /// SQS delivers jobs again at another time than they should come.
    #[error("{left} jobs could not be postponed: {reason}")]
    NotPostponed {
        left: usize,
        /// SQS's code.
        reason: String,
    },
    /// The SDK could not build the request.
    #[error("a batch of jobs could not be built")]
    NotBuilt(#[from] BuildError),
    /// The job could not be written as JSON.
    #[error("job {job} could not be written")]
    NotWritten {
        job: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

impl JobQueue {
    /// The FIFO queue at `url`.
    pub fn new(config: &SdkConfig, url: String) -> Self {
        Self {
            client: Client::new(config),
            url,
        }
    }

    /// Puts a job on the queue, under this deduplication id. The SDK's own retries repeat the id,
    /// so that a job is stored once. A job whose id SQS remembers counts as sent.
    pub async fn send(&self, job: &Job, dedup_id: [u8; 16]) -> Result<(), QueueError> {
        let name = job.name();
        let body = serde_json::to_string(job)
            .map_err(|source| QueueError::NotWritten { job: name, source })?;
        self.put(name, body, job.group(), dedup_id).await
    }

    /// Puts a message that is no job of this release into a group of its own, because its own group
    /// would stand still until a release comes that knows it.
    pub async fn set_apart(&self, body: String, message_id: &str) -> Result<(), QueueError> {
        let dedup_id = domain::dedup_id(&["apart", message_id]);
        let group = format!("{APART}{message_id}");
        self.put("unreadable", body, group, dedup_id).await
    }

    /// Sends a job that was set apart to where it belongs, once it can be read.
    pub async fn bring_back(&self, job: &Job, message_id: &str) -> Result<(), QueueError> {
        let dedup_id = domain::dedup_id(&["back", message_id]);
        self.send(job, dedup_id).await
    }

    async fn put(
        &self,
        name: &'static str,
        body: String,
        group: String,
        dedup_id: [u8; 16],
    ) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(group)
            .message_deduplication_id(Uuid::from_bytes(dedup_id).simple().to_string())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| QueueError::NotSent {
                job: name,
                reason: error.code().unwrap_or("no answer").to_owned(),
            })
    }

    /// Puts many jobs on the queue, ten in a call (AWS, `SendMessageBatch`), each with its own
    /// deduplication id. After an error some of them may be on the queue.
    pub async fn send_all(&self, jobs: &[(Job, [u8; 16])]) -> Result<(), QueueError> {
        for batch in jobs.chunks(BATCH) {
            let entries: Result<Vec<_>, _> = batch.iter().enumerate().map(entry).collect();
            let answer = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries?))
                .send()
                .await
                .map_err(|error| QueueError::NotSent {
                    job: "batch",
                    reason: error.code().unwrap_or("no answer").to_owned(),
                })?;
            match answer.failed().len() {
                0 => {}
                left => return Err(QueueError::SomeNotSent { left }),
            }
        }
        Ok(())
    }

    /// Lets SQS deliver received jobs again after `delay`, instead of when their visibility timeout
    /// ends. A group stays locked as long as one of its jobs is not visible, so all jobs of a group
    /// that are not done need the same time.
    pub async fn postpone(
        &self,
        receipt_handles: &[&str],
        delay: Duration,
    ) -> Result<(), QueueError> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        for batch in receipt_handles.chunks(BATCH) {
            let entry = |(position, handle): (usize, &&str)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(position.to_string())
                    .receipt_handle(*handle)
                    .visibility_timeout(seconds)
                    .build()
            };
            let entries: Result<Vec<_>, _> = batch.iter().enumerate().map(entry).collect();
            let request = self.client.change_message_visibility_batch();
            let request = request.queue_url(&self.url).set_entries(Some(entries?));
            let not_postponed = |left: usize, code: Option<&str>| QueueError::NotPostponed {
                left,
                reason: code.unwrap_or("no answer").to_owned(),
            };
            let answer = request.send().await;
            let answer = answer.map_err(|error| not_postponed(batch.len(), error.code()))?;
            if let Some(first) = answer.failed().first() {
                return Err(not_postponed(answer.failed().len(), Some(first.code())));
            }
        }
        Ok(())
    }

    /// How many jobs wait for a fetcher, roughly: SQS counts with a delay of up to a minute.
    pub async fn waiting(&self) -> Result<usize, QueueError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(name.clone())
            .send()
            .await
            .map_err(|error| QueueError::NotCounted {
                reason: error.code().unwrap_or("no answer").to_owned(),
            })?;
        let count = answer
            .attributes()
            .and_then(|it| it.get(&name)?.parse().ok());
        count.ok_or_else(|| QueueError::NotCounted {
            reason: "no number".to_owned(),
        })
    }
}

/// What the groups of messages begin with that were set apart. No link and no user is called so.
const APART: &str = "unreadable-";

/// Whether messages of this group were set apart.
pub fn is_apart(group: &str) -> bool {
    group.starts_with(APART)
}

/// AWS, "Amazon SQS message quotas": at most ten messages in a batch.
const BATCH: usize = 10;

fn entry(
    (position, (job, unique)): (usize, &(Job, [u8; 16])),
) -> Result<SendMessageBatchRequestEntry, QueueError> {
    let body = serde_json::to_string(job).map_err(|source| QueueError::NotWritten {
        job: job.name(),
        source,
    })?;
    Ok(SendMessageBatchRequestEntry::builder()
        .id(position.to_string())
        .message_body(body)
        .message_group_id(job.group())
        .message_deduplication_id(Uuid::from_bytes(*unique).simple().to_string())
        .build()?)
}
