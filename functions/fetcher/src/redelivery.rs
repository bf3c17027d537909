//! When a job that could not be done is delivered again.
//!
//! The queue's visibility timeout is for processes that crash, because nothing else brings their
//! jobs back. A process that can say that a job failed asks for it sooner: mostly a table is back
//! after seconds.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;

use crate::fetcher::Fetcher;

/// Before the second try. It is doubled with each further one.
const FIRST: Duration = Duration::from_secs(5);

/// The longest wait, so that the first job after an outage of any length is tried within this time.
const LONGEST: Duration = Duration::from_mins(15);

/// How long a message waits that is no job of this release: for a deployment.
pub(crate) const UNREADABLE: Duration = Duration::from_hours(1);

/// How long a record waits whose job failed.
pub(crate) fn after_failure(record: &SqsMessage) -> Duration {
    let count = record.attributes.get("ApproximateReceiveCount");
    delay(count.and_then(|it| it.parse().ok()).unwrap_or(1))
}

fn delay(receives: u32) -> Duration {
    let doubled = 2_u32.checked_pow(receives.saturating_sub(1));
    let delay = doubled.and_then(|times| FIRST.checked_mul(times));
    delay.map_or(LONGEST, |delay| delay.min(LONGEST))
}

/// Lets records of one group come again after `delay`. If the queue cannot be told, they come when
/// their visibility timeout ends.
pub(crate) async fn postpone(fetcher: &Fetcher, records: &[SqsMessage], delay: Duration) {
    let handles = records.iter().filter_map(|it| it.receipt_handle.as_deref());
    let handles: Vec<&str> = handles.collect();
    if let Err(error) = fetcher.queue.postpone(&handles, delay).await {
        tracing::warn!(
            error = %runtime::chain(&error),
            "failed jobs come back no sooner than crashed ones"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_job_is_tried_soon_and_then_ever_more_slowly() {
        for (receives, seconds) in [
            (0, 5),
            (1, 5),
            (2, 10),
            (3, 20),
            (8, 640),
            (9, 900),
            (10, 900),
            (u32::MAX, 900),
        ] {
            assert_eq!(delay(receives).as_secs(), seconds, "{receives}");
        }
    }
}
