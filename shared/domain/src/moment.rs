//! Moments in the forms that Belvo and banks write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::month::BRASILIA;

/// Reads a moment, with an offset or without one, which is UTC as everywhere at Belvo. A day alone is
/// none: it does not say when something was.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    // A day is read as its midnight otherwise.
    if text.len() <= DAY.len() {
        return None;
    }
    let at: DateTime = text.parse().ok()?;
    Some(at.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}

const DAY: &str = "2026-11-23";

/// Reads when something is over at the latest: a moment, or a day alone, which is over when it ends in
/// Brasília, where banks count days.
pub fn end(text: &str) -> Option<Timestamp> {
    if let Some(at) = moment(text) {
        return Some(at);
    }
    let day: Date = text.trim().parse().ok()?;
    let next = day.tomorrow().ok()?;
    let end = next.to_zoned_datetime(TimeZone::fixed(BRASILIA)).ok()?;
    Some(end.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_every_usual_form() {
        let check = |text: &str, expected: Option<&str>| {
            let read = [moment(text), end(text)];
            let read = read.map(|at| at.map(|at| at.to_string()));
            assert_eq!(
                read.each_ref().map(Option::as_deref),
                [expected; 2],
                "{text}"
            );
        };
        let noon = Some("2026-12-26T12:00:00Z");
        check("2026-12-26T12:00:00.000Z", noon);
        check("2026-12-26T12:00:00+00:00", noon);
        check("2026-12-26T09:00:00-0300", noon);
        check("2026-12-26 12:00:00Z", noon);
        check("2026-12-26T12:00:00", noon);
        check(" 2026-12-26 12:00:00.000000", noon);
        check("26/12/2026", None);
        check("2300-13-01", None);
        check("", None);
    }

    #[test]
    fn a_day_is_no_moment_and_is_over_when_it_ends() {
        assert_eq!(moment("2026-12-26"), None);
        let over = end(" 2026-12-26").map(|at| at.to_string());
        assert_eq!(over.as_deref(), Some("2026-12-27T03:00:00Z"));
    }
}
