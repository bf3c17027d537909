//! How often webhooks that say the same again lead to a read.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::schedule::later;

/// In the long run, one read in this time.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// So many are made at once before that.
const AT_ONCE: i32 = 4;

/// Up to when the reads that were asked for so far last, a minute for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pace(Timestamp);

impl Pace {
    /// Counts one more read. Says when it may begin, if not at once.
    pub(super) fn count(known: &mut Option<Self>, now: Timestamp) -> Option<Timestamp> {
        let counted = known.map_or(now, |it| it.0.max(now));
        *known = Some(Self(later(counted, PAUSE)));
        let begins = later(counted, -(PAUSE * (AT_ONCE - 1)));
        (begins > now).then_some(begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fixtures::{minutes, now, seconds};

    #[test]
    fn four_reads_are_made_at_once_and_then_one_a_minute() {
        let mut pace = None;
        let begin = |pace: &mut Option<Pace>, at| Pace::count(pace, at);
        for _ in 0..4 {
            assert_eq!(begin(&mut pace, now()), None);
        }
        assert_eq!(begin(&mut pace, seconds(1)), Some(minutes(1)));
        assert_eq!(begin(&mut pace, seconds(2)), Some(minutes(2)));
        assert_eq!(begin(&mut pace, minutes(2)), Some(minutes(3)));
        assert_eq!(begin(&mut pace, minutes(9)), None, "it was quiet for long");
    }
}
