//! Detects that the system has come to rest.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use tokio::time::Instant;

use crate::lambda::Functions;

/// The interval of the checks.
const INTERVAL: Duration = Duration::from_millis(10);

/// The activity left when [`Stack::settle`](crate::Stack::settle) gave up.
#[derive(Debug, thiserror::Error)]
#[error("after {limit:?}, {running} invocations run; visible and in-flight messages: {queues}")]
pub struct Unsettled {
    /// The limit of the wait.
    pub limit: Duration,
    /// Running invocations.
    pub running: usize,
    /// Messages per queue.
    pub queues: String,
}

/// Visible and in-flight messages of a queue; none if it does not answer.
type Count = Option<(u32, u32)>;

/// Waits until the queues are empty and no function runs.
pub(crate) async fn within(
    limit: Duration,
    functions: &Functions,
    sqs: &aws_sdk_sqs::Client,
    queues: &[String],
) -> Result<(), Unsettled> {
    let deadline = Instant::now() + limit;
    loop {
        let before = functions.activity();
        let counts = futures::future::join_all(queues.iter().map(|queue| count(sqs, queue))).await;
        let after = functions.activity();
        // An invocation that began and ended in between may have sent a message.
        let quiet = after.0 == 0 && before == after;
        if quiet && counts.iter().all(|count| *count == Some((0, 0))) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Unsettled {
                limit,
                running: after.0,
                queues: describe(queues, &counts),
            });
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn count(sqs: &aws_sdk_sqs::Client, queue_url: &str) -> Count {
    let visible = QueueAttributeName::ApproximateNumberOfMessages;
    let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let request = sqs.get_queue_attributes().queue_url(queue_url);
    let request = request
        .attribute_names(visible.clone())
        .attribute_names(in_flight.clone());
    let attributes = request.send().await.ok()?.attributes?;
    let number = |name| attributes.get(name)?.parse().ok();
    Some((number(&visible)?, number(&in_flight)?))
}

fn describe(queues: &[String], counts: &[Count]) -> String {
    let describe = |(queue, count): (&String, &Count)| match count {
        Some((visible, in_flight)) => format!("{queue} {visible} + {in_flight}"),
        None => format!("{queue} does not answer"),
    };
    queues
        .iter()
        .zip(counts)
        .map(describe)
        .collect::<Vec<_>>()
        .join(", ")
}
