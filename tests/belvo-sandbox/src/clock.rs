//! The sandbox's clock: real time plus an offset, and the formats in which Belvo writes times.

use jiff::{
    SignedDuration, Span, SpanRelativeTo, Timestamp, civil::Date, fmt::temporal::DateTimePrinter,
    tz::TimeZone,
};

/// Real time plus the offset a test has set.
#[derive(Debug, Default)]
pub struct Clock {
    offset: SignedDuration,
    /// The time at which the clock is frozen.
    frozen: Option<Timestamp>,
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        if let Some(moment) = self.frozen {
            return moment;
        }
        let real = Timestamp::now();
        real.checked_add(self.offset).unwrap_or(real)
    }

    /// Moves the clock by this much; a negative value moves it backwards.
    ///
    /// # Errors
    /// Why the new time is out of range.
    pub fn advance(&mut self, by: SignedDuration) -> Result<(), String> {
        let too_far = |_| "the clock cannot go that far";
        if let Some(moment) = self.frozen {
            self.frozen = Some(moment.checked_add(by).map_err(too_far)?);
            return Ok(());
        }
        let offset = self
            .offset
            .checked_add(by)
            .ok_or("the clock cannot go that far")?;
        Timestamp::now().checked_add(offset).map_err(too_far)?;
        self.offset = offset;
        Ok(())
    }

    /// Sets the clock.
    pub fn set(&mut self, moment: Timestamp) {
        self.frozen = self.frozen.map(|_| moment);
        self.offset = moment.duration_since(Timestamp::now());
    }

    /// Freezes the clock, so that answers are independent of run time, or starts it again.
    pub fn freeze(&mut self, freeze: bool) {
        let now = self.now();
        self.set(now);
        self.frozen = freeze.then_some(now);
    }
}

/// Parses `1d`, `10m`, `PT36H`, `-2 hours`, or a number of seconds.
///
/// # Errors
/// Why the text is not a duration.
pub fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    if let Ok(seconds) = text.trim().parse::<i64>() {
        return Ok(SignedDuration::from_secs(seconds));
    }
    let span: Span = text
        .trim()
        .parse()
        .map_err(|_| format!("not a duration: {text:?}"))?;
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("months and years have no fixed length: {text:?}"))
}

/// The calendar day in UTC, because Belvo counts days in UTC.
pub fn day(moment: Timestamp) -> Date {
    moment.to_zoned_datetime(TimeZone::UTC).date()
}

/// `2026-11-19T13:01:41Z`
pub fn seconds(moment: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(0))
        .timestamp_to_string(&moment)
}

/// `2026-11-19T13:01:41.941Z`
pub fn millis(moment: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(3))
        .timestamp_to_string(&moment)
}

/// `2026-11-19T13:01:41.941032Z`
pub fn micros(moment: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(6))
        .timestamp_to_string(&moment)
}

/// `2026-11-19T13:01:41.941+00:00`, the other form Belvo uses for UTC.
pub fn millis_with_offset(moment: Timestamp) -> String {
    millis(moment).replace('Z', "+00:00")
}

/// A date this many days later; the same date if the result is out of range.
pub fn days_from(date: Date, days: i64) -> Date {
    date.checked_add(SignedDuration::from_hours(days.saturating_mul(24)))
        .unwrap_or(date)
}

/// A timestamp this many seconds later; the same timestamp if the result is out of range.
pub fn seconds_from(moment: Timestamp, seconds: i64) -> Timestamp {
    moment
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(moment)
}
