//! A range of dates in a statement.

use jiff::civil::Date;

/// A range of `value_date`s, both ends included.
///
/// Without an end there is no limit on that side. With at least one end, movements without a date
/// are outside, because Belvo's filters do not find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateRange {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl DateRange {
    /// All movements, also those without a date.
    pub const ALL: Self = Self {
        from: None,
        to: None,
    };

    pub fn since(from: Date) -> Self {
        Self {
            from: Some(from),
            to: None,
        }
    }

    /// Whether there is no limit on either side.
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether a movement of this date is inside.
    pub fn contains(self, date: Option<Date>) -> bool {
        match date {
            Some(date) => {
                self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
            }
            None => self.is_all(),
        }
    }

    /// The later half of the range, if it can be divided. A range without an end is divided as if it
    /// ended `today`, and its later half has no end either.
    pub fn later_half(self, today: Date) -> Option<Self> {
        let from = self.from?;
        let last = self.to.unwrap_or(today);
        let days = from.until(last).ok()?.get_days();
        if days < 1 {
            return None;
        }
        let middle = from.saturating_add(jiff::Span::new().days((days + 1) / 2));
        Some(Self {
            from: Some(middle),
            to: self.to,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn days(from: &str, to: &str) -> DateRange {
        DateRange {
            from: from.parse().ok(),
            to: to.parse().ok(),
        }
    }

    #[test]
    fn both_ends_are_included_and_undated_movements_are_in_the_whole_range_only() {
        let some = days("2026-01-10", "2026-01-20");
        for (date, expected) in [
            ("2026-01-09", false),
            ("2026-01-10", true),
            ("2026-01-20", true),
            ("2026-01-21", false),
        ] {
            assert_eq!(some.contains(Some(day(date))), expected, "{date}");
        }
        assert!(!some.contains(None));
        assert!(!DateRange::since(day("2026-01-01")).contains(None));
        assert!(DateRange::ALL.contains(None));
    }

    #[test]
    fn a_range_is_halved_until_one_day_is_left() {
        let today = day("2026-01-31");
        let check = |from, to, expected: Option<DateRange>| {
            assert_eq!(days(from, to).later_half(today), expected, "{from} {to}");
        };
        check(
            "2026-01-01",
            "2026-01-31",
            Some(days("2026-01-16", "2026-01-31")),
        );
        check("2026-01-01", "", Some(days("2026-01-16", "")));
        check(
            "2026-01-30",
            "2026-01-31",
            Some(days("2026-01-31", "2026-01-31")),
        );
        check("2026-01-31", "2026-01-31", None);
        check("2026-02-10", "", None);
        check("", "2026-01-31", None);
    }
}
