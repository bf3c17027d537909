//! The months in which Open Finance counts its limits.

use std::fmt;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil::Date};

/// Brasília time: Open Finance counts its months there, and there is no summer time since 2019.
pub(crate) const BRASILIA: Offset = Offset::constant(-3);

/// The day in Brasília, where banks and their users count days.
pub fn day_in_brasilia(moment: Timestamp) -> Date {
    moment.to_zoned_datetime(TimeZone::fixed(BRASILIA)).date()
}

/// A month in Brasília, such as `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month of a moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(day_in_brasilia(moment).first_of_month())
    }

    /// Reads `2026-11`.
    pub fn parse(text: &str) -> Option<Self> {
        let day: Date = format!("{text}-01").parse().ok()?;
        let month = Self(day);
        (month.to_string() == text).then_some(month)
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        let start = self.0.to_zoned_datetime(TimeZone::fixed(BRASILIA)).ok();
        start.map_or(Timestamp::MIN, |start| start.timestamp())
    }

    /// When it ends, and its limits are lifted.
    pub fn end(self) -> Timestamp {
        let next = self.0.last_of_month().tomorrow().ok();
        let start = next.and_then(|day| day.to_zoned_datetime(TimeZone::fixed(BRASILIA)).ok());
        start.map_or(Timestamp::MAX, |start| start.timestamp())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_in_brasilia() {
        let check = |now: &str, name: &str, end: &str| {
            let month = Month::of(now.parse().unwrap());
            assert_eq!(month.to_string(), name);
            assert_eq!(month.end().to_string(), end);
            assert_eq!(Month::of(month.end()).start().to_string(), end);
            assert_eq!(Month::parse(name), Some(month));
        };
        check("2026-11-23T12:00:00Z", "2026-11", "2026-12-01T03:00:00Z");
        check("2026-12-01T02:59:59Z", "2026-11", "2026-12-01T03:00:00Z");
        check("2026-12-01T03:00:00Z", "2026-12", "2027-01-01T03:00:00Z");
        for bad in ["", "2026-13", "2026-1", "202611", "2026-11-01"] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }
}
