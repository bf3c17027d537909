//! A part of a statement: the movements of some days.

use std::fmt;

use jiff::civil::Date;

/// Which movements are meant, by `value_date`, both ends included.
///
/// Without an end there is no limit on that side. With at least one end, movements without a date
/// are not meant: Belvo's filters do not find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateRange {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl DateRange {
    /// All movements, those without a date too.
    pub const ALL: Self = Self {
        from: None,
        to: None,
    };

    /// From this day on.
    pub fn since(from: Date) -> Self {
        Self {
            from: Some(from),
            to: None,
        }
    }

    /// Whether everything is meant.
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether a movement of this date is meant.
    pub fn contains(self, date: Option<Date>) -> bool {
        match date {
            Some(date) => {
                self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
            }
            None => self.is_all(),
        }
    }

    /// Whether this day or a later one is meant.
    pub fn reaches(self, day: Date) -> bool {
        self.to.is_none_or(|to| to >= day)
    }

    /// The later half of these days, if they can be divided. A side without a limit is taken to
    /// end `today`: everything beyond stays in the later half.
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

/// `all`, or the days on both sides of `..`.
impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        let day = |day: Option<Date>| day.map(|it| it.to_string()).unwrap_or_default();
        write!(f, "{}..{}", day(self.from), day(self.to))
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
    fn both_ends_are_included_and_undated_movements_belong_to_everything() {
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
    fn days_are_halved_until_one_is_left() {
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
