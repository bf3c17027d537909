//! The sandbox's time, real time plus an offset, and the forms in which Belvo writes times.

use jiff::{
    SignedDuration, Span, SpanRelativeTo, Timestamp, civil::Date, fmt::temporal::DateTimePrinter,
    tz::TimeZone,
};

/// Real time plus what a test has added to it.
#[derive(Debug, Default)]
pub struct Clock {
    offset: SignedDuration,
    /// The moment at which it stands still.
    frozen: Option<Timestamp>,
}

impl Clock {
    /// The present moment, for the sandbox.
    pub fn now(&self) -> Timestamp {
        if let Some(moment) = self.frozen {
            return moment;
        }
        let real = Timestamp::now();
        real.checked_add(self.offset).unwrap_or(real)
    }

    /// Moves the present; backwards too, should a test want that.
    ///
    /// # Errors
    /// The text that says why the moment cannot be reached.
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

    /// Makes this moment the present.
    pub fn set(&mut self, moment: Timestamp) {
        self.frozen = self.frozen.map(|_| moment);
        self.offset = moment.duration_since(Timestamp::now());
    }

    /// Stands still, so that nothing depends on how long anything takes, or goes on from there.
    pub fn freeze(&mut self, freeze: bool) {
        let now = self.now();
        self.set(now);
        self.frozen = freeze.then_some(now);
    }
}

/// Reads `1d`, `10m`, `PT36H`, `-2 hours`, or a number of seconds.
///
/// # Errors
/// The text that says why it is not a duration.
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

/// The calendar day in UTC, which is how Belvo counts days.
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

/// `2026-11-19T13:01:41.941+00:00`, the other way Belvo may write UTC.
pub fn millis_with_offset(moment: Timestamp) -> String {
    millis(moment).replace('Z', "+00:00")
}

/// A day some days away; the day itself at the end of time.
pub fn days_from(date: Date, days: i64) -> Date {
    date.checked_add(SignedDuration::from_hours(days.saturating_mul(24)))
        .unwrap_or(date)
}

/// A moment some seconds away; the moment itself at the end of time.
pub fn seconds_from(moment: Timestamp, seconds: i64) -> Timestamp {
    moment
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(moment)
}
