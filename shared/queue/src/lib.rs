//! Jobs, onto SQS.
//!
//! **Invariant:** when [`JobQueue::send`] returns, the job is durably stored; only then may a
//! webhook be answered or a token leave.
//!
//! The deduplication id is unique for each send. SQS remembers ids for five minutes, and Belvo's
//! webhooks carry no time: two equal bodies can be two real events, so content must not decide.
//! Repeated jobs are cheap instead (the fetcher skips what it has just read).

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
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
        /// Which kind of job.
        job: &'static str,
        /// SQS's code. Its messages, and the SDK's, may quote what was sent.
        reason: String,
    },
    /// The job could not be written as JSON.
    #[error("job {job} could not be written")]
    NotWritten {
        /// Which kind of job.
        job: &'static str,
        /// Why.
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

    /// Puts a job on the queue. `unique` is 16 random bytes, the deduplication id of this send:
    /// the SDK's own retries repeat it, so a job is stored once.
    pub async fn send(&self, job: &Job, unique: [u8; 16]) -> Result<(), QueueError> {
        let name = job.name();
        let body = serde_json::to_string(job)
            .map_err(|source| QueueError::NotWritten { job: name, source })?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(job.group())
            .message_deduplication_id(Uuid::from_bytes(unique).simple().to_string())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| QueueError::NotSent {
                job: name,
                reason: error.code().unwrap_or("no answer").to_owned(),
            })
    }
}
