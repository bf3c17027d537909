//! Metrics in CloudWatch's embedded format: a log line that CloudWatch also counts.
//!
//! Dimensions are codes and names from closed or cleaned sets, never ids.

use std::io::Write as _;
use std::sync::LazyLock;

use domain::{Code, InstitutionName};
use jiff::Timestamp;
use serde_json::{Value, json};
use strum::IntoStaticStr;

/// Under which name CloudWatch has them, by the variable that all writers of this format know: an
/// account may hold more than one environment.
static NAMESPACE: LazyLock<String> = LazyLock::new(|| {
    let name = std::env::var("AWS_EMF_NAMESPACE");
    name.unwrap_or_else(|_| "BelvoOpenFinance".to_owned())
});

/// What is counted, under the variant's name. The template's alarms repeat these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
pub enum Metric {
    /// A webhook without the agreed Authorization, or with it from an address that is not allowed.
    WebhookRejected,
    /// A webhook that names no link, or an event we do not know.
    WebhookIgnored,
    /// A token request over a cap.
    AttemptCapped,
    /// A link of which nothing is left here, as its user wished.
    LinkErased,
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
    /// A consent that ends within a week, or has ended: once for each end.
    ConsentExpiring,
    /// A consent that has ended and was not renewed. Each is counted once a day, for 30 days.
    ConsentLapsed,
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
    /// How a visit to the widget ended, by its code, and by its institution where that is known.
    AttemptEnded,
    /// A code that users are told nothing particular about.
    CodeUnknown,
    /// A sweep came to its end, by its name.
    SweepDone,
    /// How many links are due for longer than sweeps and fetchers should need.
    LinksOverdue,
}

/// Counts one.
pub fn count(metric: Metric, now: Timestamp) {
    write_line(&line(metric, 1, &json!([[]]), &[], now));
}

/// Counts one under a code.
pub fn count_by(metric: Metric, code: &Code, now: Timestamp) {
    let properties = [("code", code.as_str())];
    write_line(&line(metric, 1, &json!([[], ["code"]]), &properties, now));
}

/// Counts one under an institution, and under the institution and a code. In all, and under the
/// code alone, [`count_by`] has counted it.
pub fn count_at(metric: Metric, institution: &InstitutionName, code: &Code, now: Timestamp) {
    let dimensions = json!([["institution"], ["institution", "code"]]);
    let properties = [
        ("institution", institution.as_str()),
        ("code", code.as_str()),
    ];
    write_line(&line(metric, 1, &dimensions, &properties, now));
}

/// Says how many there are now. Its maximum over time is what to look at, not its sum.
pub fn gauge(metric: Metric, value: u64, now: Timestamp) {
    write_line(&line(metric, value, &json!([[]]), &[], now));
}

fn line(
    metric: Metric,
    value: u64,
    dimensions: &Value,
    properties: &[(&str, &str)],
    now: Timestamp,
) -> Value {
    let name: &str = metric.into();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": *NAMESPACE,
                "Dimensions": dimensions,
                "Metrics": [{"Name": name, "Unit": "Count"}]
            }]
        }
    });
    if let Some(line) = line.as_object_mut() {
        line.insert(name.to_owned(), json!(value));
        for (name, value) in properties {
            line.insert((*name).to_owned(), json!(value));
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
            &json!([[], ["code"]]),
            &[("code", "login_error")],
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
