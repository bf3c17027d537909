//! Dates and pauses: when something comes next.

use domain::LinkId;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use store::ConsentFacts;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// No pause is longer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(6);

/// Days before a consent ends at which it is looked at; the last look is just after.
const CONSENT_DAYS: [i64; 3] = [30, 7, 1];

/// After the end: Belvo needs a moment to notice.
const CONSENT_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// After Belvo has told something of a consent, its record is looked at once more.
pub(crate) const CONSENT_DOUBT: SignedDuration = SignedDuration::from_hours(1);

/// Minutes after the portal was opened at which a consent is looked at: most users take a few,
/// and a bank waits an hour (Open Finance Brasil, Consents API 3.3).
const RENEWAL_MINUTES: [i64; 4] = [3, 10, 30, 65];

/// How long a consent that has ended is looked at, day by day: it may be renewed without word.
const RENEWABLE_DAYS: std::ops::RangeInclusive<i64> = 1..=30;

/// A moment later; the end of time, should that be nearer.
pub(crate) fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The pause after so many failures: half a minute, doubled up to six hours, and a quarter more
/// or less by `chance` (0 to 999), so that what failed together does not come back together.
pub(crate) fn longer(failures: u32, chance: u64) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(20);
    let pause = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    let share = i32::try_from(chance % 1000).unwrap_or_default();
    pause / 4 * 3 + pause / 2000 * share
}

/// A number from 0 to 999 that is the same whenever the same job runs.
pub(crate) fn chance(link: LinkId, epoch: u64) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let text = link.to_string();
    let bytes = text.bytes().chain(epoch.to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, mix);
    (hash >> 20) % 1000
}

/// The next date at which a consent must be looked at.
pub(crate) fn next_consent_date(
    consent: Option<&ConsentFacts>,
    now: Timestamp,
) -> Option<Timestamp> {
    let consent = consent?;
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let end = consent.expires_at.into_iter().flat_map(|end| {
        let before = CONSENT_DAYS.map(|it| later(end, days(-it)));
        let after = later(end, CONSENT_MARGIN);
        let renewable = RENEWABLE_DAYS.map(move |it| later(end, days(it)));
        before.into_iter().chain([after]).chain(renewable)
    });
    let word = consent.changed_at.map(|at| later(at, CONSENT_DOUBT));
    let opened = consent.renewal_opened_at.into_iter().flat_map(|at| {
        RENEWAL_MINUTES.map(|minutes| later(at, SignedDuration::from_mins(minutes)))
    });
    let dates = end.chain(word).chain(opened);
    // To the second, as the index counts; not before the time has come.
    let up = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Ceil);
    let dates = dates.map(|at| at.round(up).unwrap_or(at));
    dates.filter(|at| *at > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn pauses_grow_from_half_a_minute_to_six_hours_and_scatter() {
        let check = |failures, chance, seconds| {
            assert_eq!(longer(failures, chance).as_secs(), seconds, "{failures}");
        };
        check(1, 0, 22);
        check(1, 999, 37);
        check(2, 500, 60);
        check(10, 500, 15360);
        check(11, 500, 21600);
        check(u32::MAX, 500, 21600);
    }

    #[test]
    fn consents_are_looked_at_30_7_and_1_days_before_and_after_their_end() {
        let consent = ConsentFacts {
            expires_at: Some(at("2026-12-31T00:00:00Z")),
            ..ConsentFacts::default()
        };
        let mut now = at("2026-11-01T00:00:00Z");
        let mut dates = Vec::new();
        while let Some(date) = next_consent_date(Some(&consent), now) {
            dates.push(date.to_string());
            now = date;
        }
        let expected = [
            "2026-12-01T00:00:00Z",
            "2026-12-24T00:00:00Z",
            "2026-12-30T00:00:00Z",
            "2026-12-31T00:05:00Z",
            "2027-01-01T00:00:00Z",
        ];
        assert_eq!(dates[..5], expected);
        assert_eq!(
            (dates.len(), dates[33].as_str()),
            (34, "2027-01-30T00:00:00Z")
        );
        let opened = ConsentFacts {
            changed_at: Some(at("2026-11-01T00:00:00Z")),
            renewal_opened_at: Some(at("2026-11-01T00:00:00Z")),
            ..ConsentFacts::default()
        };
        let next = |now: &str| next_consent_date(Some(&opened), at(now)).map(|it| it.to_string());
        assert_eq!(
            next("2026-11-01T00:00:00Z").as_deref(),
            Some("2026-11-01T00:03:00Z")
        );
        assert_eq!(
            next("2026-11-01T00:30:00Z").as_deref(),
            Some("2026-11-01T01:00:00Z")
        );
        assert_eq!(next("2026-11-01T01:05:00Z"), None);
        let indefinite = ConsentFacts::default();
        assert_eq!(next_consent_date(Some(&indefinite), now), None);
    }
}
