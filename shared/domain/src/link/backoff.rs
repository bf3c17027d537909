//! How long to leave what has failed, so that links that failed together do not come back together.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::id::LinkId;

/// The first delay; each further one is twice as long.
const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(30);

/// No delay is longer.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_hours(6);

/// How often something was tried without success, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    pub since: Timestamp,
    pub attempts: u32,
}

impl Backoff {
    /// One more attempt has failed; without an earlier one, it is the first.
    pub fn next(known: Option<&Self>, now: Timestamp) -> Self {
        let failed = known.map_or(0, |it| it.attempts);
        Self {
            since: known.map_or(now, |it| it.since),
            attempts: failed.saturating_add(1),
        }
    }

    /// Half a minute after the first attempt, doubled with each further one up to six hours, a
    /// quarter more or less by `jitter`.
    pub fn delay(&self, jitter: Jitter) -> SignedDuration {
        let doublings = self.attempts.saturating_sub(1).min(20);
        let delay = FIRST_DELAY
            .saturating_mul(1 << doublings)
            .min(LONGEST_DELAY);
        delay / 4 * 3 + jitter.share_of(delay / 2)
    }
}

/// What was tried without success: why, how often, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// Belvo's code, or `no_answer`.
    pub code: Code,
    #[serde(flatten)]
    pub backoff: Backoff,
}

/// A share of a whole that differs from link to link, and is the same whenever the same job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    thousandths: i32,
}

impl Jitter {
    /// `salt` makes the share of one link another one the next time.
    pub fn new(link: LinkId, salt: u64) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let text = link.to_string();
        let bytes = text.bytes().chain(salt.to_be_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325, mix);
        Self {
            thousandths: i32::try_from((hash >> 20) % 1000).unwrap_or_default(),
        }
    }

    /// From nothing up to nearly all of a span.
    pub fn share_of(self, span: SignedDuration) -> SignedDuration {
        span / 1000 * self.thousandths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn delays_grow_from_half_a_minute_to_six_hours_and_scatter() {
        let check = |attempts, thousandths, seconds| {
            let backoff = Backoff {
                since: at(0),
                attempts,
            };
            let delay = backoff.delay(Jitter { thousandths }).as_secs();
            assert_eq!(delay, seconds, "{attempts} {thousandths}");
        };
        check(0, 500, 30);
        check(1, 0, 22);
        check(1, 999, 37);
        check(2, 500, 60);
        check(10, 500, 15_360);
        check(11, 500, 21_600);
        check(u32::MAX, 500, 21_600);
    }

    #[test]
    fn attempts_are_counted_from_the_first_one() {
        let first = Backoff::next(None, at(10));
        assert_eq!((first.since, first.attempts), (at(10), 1));
        let second = Backoff::next(Some(&first), at(50));
        assert_eq!((second.since, second.attempts), (at(10), 2));
    }

    #[test]
    fn jitter_differs_by_link_and_salt_and_repeats() {
        let link = |number: u32| {
            let id = format!("2f8ca7a1-c28f-46f2-bb41-2163{number:08}");
            LinkId::parse(&id).unwrap()
        };
        let shares: Vec<_> = (0..200)
            .map(|n| Jitter::new(link(n), 7).thousandths)
            .collect();
        let again: Vec<_> = (0..200)
            .map(|n| Jitter::new(link(n), 7).thousandths)
            .collect();
        assert_eq!(shares, again);
        assert!(shares.iter().all(|it| (0..1000).contains(it)));
        let low = shares.iter().filter(|it| **it < 500).count();
        assert!((60..140).contains(&low), "{low} of 200 in the lower half");
        assert_ne!(Jitter::new(link(1), 1), Jitter::new(link(1), 2));
        // Any release gives the same share, so that a schedule does not jump with a deployment.
        assert_eq!(Jitter::new(link(1), 7).thousandths, 459);
        assert_eq!(
            Jitter { thousandths: 250 }.share_of(SignedDuration::from_hours(24)),
            SignedDuration::from_hours(6)
        );
    }
}
