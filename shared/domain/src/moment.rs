//! Moments in the forms that Belvo and banks write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::month::BRASILIA;

/// Reads a moment: with an offset; without one, which is UTC as everywhere at Belvo; or a day alone,
/// which is over when it ends in Brasília, where banks count days.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if text.len() > "2026-11-23".len() {
        let at: DateTime = text.parse().ok()?;
        return Some(at.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp());
    }
    let day: Date = text.parse().ok()?;
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
            let at = moment(text).map(|at| at.to_string());
            assert_eq!(at.as_deref(), expected, "{text}");
        };
        let noon = Some("2026-12-26T12:00:00Z");
        check("2026-12-26T12:00:00.000Z", noon);
        check("2026-12-26T12:00:00+00:00", noon);
        check("2026-12-26T09:00:00-0300", noon);
        check("2026-12-26 12:00:00Z", noon);
        check("2026-12-26T12:00:00", noon);
        check(" 2026-12-26 12:00:00.000000", noon);
        check("2026-12-26", Some("2026-12-27T03:00:00Z"));
        check("26/12/2026", None);
        check("2300-13-01", None);
        check("", None);
    }
}
