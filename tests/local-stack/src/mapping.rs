//! The SQS event source mapping: messages of a queue become invocations of a function.
//!
//! As in an account, a record is deleted after the function has processed it and otherwise left
//! alone: it comes back when its visibility timeout ends, and moves to the dead-letter queue by the
//! queue's own policy. The queue's group lock keeps one group out of two concurrent batches.

mod event;

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use tokio::sync::Semaphore;

use crate::{
    background::{Background, Stopped},
    lambda::Functions,
    log::Log,
    meter::{Meter, What},
    template::QueueMapping,
};

/// The duration of one poll. The emulator does not wake a poll when a move to the dead-letter queue
/// unlocks a group, so the next poll must follow soon; at SQS this would be 20.
const WAIT_SECONDS: i32 = 2;
/// The pause after a failed poll, so that a queue that is down is not polled without end.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

/// The queue and the function of a mapping.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) function: String,
    pub(crate) mapping: QueueMapping,
    pub(crate) queue_url: String,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) functions: Functions,
    pub(crate) log: Log,
    pub(crate) meter: Meter,
}

impl Connection {
    /// Starts polling.
    pub(crate) fn start(self) -> Background {
        Background::start(|stopped| Arc::new(self).poll(stopped))
    }

    async fn poll(self: Arc<Self>, mut stopped: Stopped) {
        let most = self.mapping.max_concurrency;
        let free = Arc::new(Semaphore::new(most as usize));
        loop {
            let turn = async {
                let permit = Arc::clone(&free).acquire_owned().await;
                (permit, self.receive().await)
            };
            let (permit, received) = tokio::select! {
                () = stopped.wait() => break,
                turn = turn => turn,
            };
            match received {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => {
                    self.count_request();
                    let connection = Arc::clone(&self);
                    tokio::spawn(async move {
                        let _permit = permit;
                        connection.batch(&messages).await;
                    });
                }
                Err(error) => {
                    self.log.line(
                        "local-stack",
                        &format!("receiving from {}: {error:#}", self.queue_url),
                    );
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
        // Every permit is back after the last batch; the semaphore is never closed.
        free.acquire_many(most).await.ok();
    }

    /// Lambda calls SQS with the function's role.
    fn count_request(&self) {
        let queue = self.mapping.queue_arn.rsplit(':').next();
        let queue = queue.unwrap_or_default();
        self.meter
            .add(&self.function, What::QueueRequests, queue, 1);
    }

    async fn receive(&self) -> anyhow::Result<Vec<Message>> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(i32::try_from(self.mapping.batch_size)?)
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await?;
        Ok(received.messages.unwrap_or_default())
    }

    async fn batch(&self, messages: &[Message]) {
        let event = event::event(messages, &self.mapping.queue_arn);
        let done = match self.functions.invoke(&self.function, &event).await {
            Ok(_) if !self.mapping.partial_failures => messages.iter().collect(),
            Ok(result) => event::succeeded(messages, &result).unwrap_or_else(|problem| {
                self.log.line(
                    "local-stack",
                    &format!("{} answered a batch with {problem}", self.function),
                );
                Vec::new()
            }),
            Err(error) => {
                self.log.line(
                    "local-stack",
                    &format!("{} failed a batch: {error}", self.function),
                );
                Vec::new()
            }
        };
        if done.is_empty() {
            return;
        }
        if let Err(error) = self.delete(&done).await {
            self.log.line(
                "local-stack",
                &format!("deleting from {}: {error:#}", self.queue_url),
            );
        }
    }

    async fn delete(&self, messages: &[&Message]) -> anyhow::Result<()> {
        let mut request = self.sqs.delete_message_batch().queue_url(&self.queue_url);
        for (index, message) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(message.receipt_handle.clone().unwrap_or_default());
            request = request.entries(entry.build()?);
        }
        request.send().await?;
        self.count_request();
        Ok(())
    }
}
