//! How much a sweep may queue, derived from how fast the fetchers may ask Belvo.
//!
//! A job costs from one request (a look at a link, the retry of one resource) to a dozen (all of
//! a link). The fetchers must never run dry, and a user who connects a bank must not wait behind a
//! day of retries.

use jiff::SignedDuration;

/// Requests that reading all of a link takes: the link, six resources, its consent.
const REQUESTS_PER_LINK: i64 = 8;

/// SQS takes ten jobs in some 20 ms, so that these take two seconds of the function's 60.
const MOST_IN_A_SWEEP: usize = 1_000;

/// Throttle of one sweep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    requests_per_30_seconds: u32,
}

impl Throttle {
    /// `requests_per_30_seconds` is the share of all fetchers together.
    pub(crate) fn new(requests_per_30_seconds: u32) -> Self {
        Self {
            requests_per_30_seconds,
        }
    }

    /// The due links that one sweep may queue: as many as the fetchers can do until the next sweep, a
    /// minute later, if each link costs a single request.
    pub(crate) fn due_per_sweep(self) -> usize {
        self.requests().saturating_mul(2).min(MOST_IN_A_SWEEP)
    }

    /// Jobs on the queue above which sweeps add none: five minutes of single requests, or less than
    /// half an hour of five each. A link that is left out stays due, or comes in the next round.
    pub(crate) fn most_waiting(self) -> usize {
        self.requests().saturating_mul(10)
    }

    /// The time a reread of so many links takes if it leaves half of the rate to all other jobs.
    pub(crate) fn reread_of(self, links: u64) -> SignedDuration {
        let links = i64::try_from(links).unwrap_or(i64::MAX);
        let requests = links.saturating_mul(REQUESTS_PER_LINK);
        let in_30_seconds = i64::from(self.requests_per_30_seconds).max(1);
        SignedDuration::from_secs(requests.saturating_mul(2 * 30) / in_30_seconds)
    }

    fn requests(self) -> usize {
        usize::try_from(self.requests_per_30_seconds).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_belvos_rate() {
        let usual = Throttle::new(72);
        assert_eq!(usual.due_per_sweep(), 144);
        assert_eq!(usual.most_waiting(), 720);
        assert_eq!(usual.reread_of(6_800), SignedDuration::from_secs(45_333));
        let lifted = Throttle::new(100_000);
        assert_eq!(lifted.due_per_sweep(), MOST_IN_A_SWEEP);
        assert_eq!(lifted.reread_of(0), SignedDuration::ZERO);
    }
}
