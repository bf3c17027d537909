//! Metrics in CloudWatch's embedded format: a log line that CloudWatch also counts.
//!
//! Dimensions are codes from closed or cleaned sets, never ids.

use std::io::Write as _;

use domain::Code;
use jiff::Timestamp;
use serde_json::{Value, json};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A webhook without the agreed Authorization, or from an address that is not allowed.
    WebhookRejected,
    /// A webhook that names no link, or an event we do not know.
    WebhookIgnored,
    /// A token request over a cap.
    AttemptCapped,
    /// Belvo rejected our keys.
    BelvoAuthenticationFailed,
    /// Belvo failed in another way.
    BelvoFailed,
    /// A link whose owner is not the one its token was minted for.
    LinkQuarantined,
    /// A link that belongs to no user of ours.
    LinkUnclaimed,
    /// A link Belvo no longer knows.
    LinkGone,
    /// A complete read that disagrees with what Belvo announced.
    TotalsDiffer,
    /// A list that is empty though rows are stored. They are kept.
    ListEmpty,
    /// A list that lacks more rows than a bank takes back. They are asked for one by one.
    RowsMissing,
    /// A row that cannot be stored.
    RowRejected,
    /// A job failed for reasons of our own.
    JobFailed,
    /// A job nobody can read.
    JobUnreadable,
    /// How a visit to the widget ended, by its code.
    AttemptEnded,
    /// A sweep came to its end, by its name.
    SweepDone,
    /// How many links are due for longer than sweeps and fetchers should need.
    LinksOverdue,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::WebhookRejected => "WebhookRejected",
            Self::WebhookIgnored => "WebhookIgnored",
            Self::AttemptCapped => "AttemptCapped",
            Self::BelvoAuthenticationFailed => "BelvoAuthenticationFailed",
            Self::BelvoFailed => "BelvoFailed",
            Self::LinkQuarantined => "LinkQuarantined",
            Self::LinkUnclaimed => "LinkUnclaimed",
            Self::LinkGone => "LinkGone",
            Self::TotalsDiffer => "TotalsDiffer",
            Self::ListEmpty => "ListEmpty",
            Self::RowsMissing => "RowsMissing",
            Self::RowRejected => "RowRejected",
            Self::JobFailed => "JobFailed",
            Self::JobUnreadable => "JobUnreadable",
            Self::AttemptEnded => "AttemptEnded",
            Self::SweepDone => "SweepDone",
            Self::LinksOverdue => "LinksOverdue",
        }
    }
}

/// Counts one.
pub fn count(metric: Metric, now: Timestamp) {
    write_line(&line(metric, 1, None, now));
}

/// Counts one under a code.
pub fn count_by(metric: Metric, code: &Code, now: Timestamp) {
    write_line(&line(metric, 1, Some(code), now));
}

/// Says how many there are now. Its maximum over time is what to look at, not its sum.
pub fn gauge(metric: Metric, value: u64, now: Timestamp) {
    write_line(&line(metric, value, None, now));
}

fn line(metric: Metric, value: u64, code: Option<&Code>, now: Timestamp) -> Value {
    let dimensions = match code {
        Some(_) => json!([[], ["code"]]),
        None => json!([[]]),
    };
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "BelvoOpenFinance",
                "Dimensions": dimensions,
                "Metrics": [{"Name": metric.name(), "Unit": "Count"}]
            }]
        }
    });
    if let Some(line) = line.as_object_mut() {
        line.insert(metric.name().to_owned(), json!(value));
        if let Some(code) = code {
            line.insert("code".to_owned(), json!(code));
        }
    }
    line
}

fn write_line(line: &Value) {
    // A metric that cannot be written is not worth failing a request for.
    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
        tracing::warn!(%error, "a metric was lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_embedded_format() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let line = line(
            Metric::AttemptEnded,
            1,
            Some(&Code::lenient("login_error")),
            now,
        );
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_700_000_000_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "BelvoOpenFinance",
                        "Dimensions": [[], ["code"]],
                        "Metrics": [{"Name": "AttemptEnded", "Unit": "Count"}]
                    }]
                },
                "AttemptEnded": 1,
                "code": "login_error"
            })
        );
    }
}
