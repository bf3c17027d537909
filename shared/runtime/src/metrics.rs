//! Metrics in CloudWatch's embedded format: a log line that CloudWatch also counts.
//!
//! Dimensions are codes and names from closed or cleaned sets, never ids.

use std::io::Write as _;
use std::sync::LazyLock;

use domain::{Code, InstitutionName};
use jiff::Timestamp;
use serde_json::{Value, json};
use strum::IntoStaticStr;

/// The namespace in CloudWatch. Each environment of an account has its own, through the variable
/// that every library for this format reads.
static NAMESPACE: LazyLock<String> = LazyLock::new(|| {
    let name = std::env::var("AWS_EMF_NAMESPACE");
    name.unwrap_or_else(|_| "BelvoOpenFinance".to_owned())
});

/// What is counted, under the variant's name. The template's alarms repeat these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
pub enum Metric {
    /// A webhook without the agreed Authorization, or with it from an address that is not allowed.
    WebhookRejected,
    /// A webhook that names no link, or an event that the code does not know.
    WebhookIgnored,
    /// A secret that was read and has another form than it must have.
    SecretInvalid,
    /// A token request over a cap.
    AttemptCapped,
    /// A link whose data is erased, as its user asked.
    LinkErased,
    /// Belvo rejected our keys.
    BelvoAuthenticationFailed,
    /// Belvo failed in another way.
    BelvoFailed,
    /// A link whose owner is not the one its token was minted for.
    LinkQuarantined,
    /// A link whose owner's document is masked or cannot be read.
    OwnerUnclear,
    /// A link that belongs to no user of ours.
    LinkUnclaimed,
    /// A link Belvo no longer knows.
    LinkGone,
    /// A consent that ends within a week, or has ended: once for each end.
    ConsentExpiring,
    /// A consent that has ended and was not renewed. Each is counted once a day, for 30 days.
    ConsentLapsed,
    /// A complete read with another number of rows than Belvo announced.
    TotalsDiffer,
    /// An empty list of which rows are stored. The rows are kept.
    ListEmpty,
    /// A list that lacks more rows than a bank takes back. Each missing row is asked for by its id.
    RowsMissing,
    /// A list or an object with rows of another link than was asked for. They are refused.
    RowsForeign,
    /// A row that cannot be stored, or is not the link's, by the reason.
    RowRejected,
    /// A job failed for reasons of our own.
    JobFailed,
    /// A job that cannot be decoded.
    JobUnreadable,
    /// How a visit to the widget ended, by its code, and by its institution where that is known.
    AttemptEnded,
    /// A code without a text of its own for users.
    CodeUnknown,
    /// Belvo refuses something with a code that is not known: once a day for each code.
    RefusalUnknown,
    /// A sweep came to its end, by its name.
    SweepDone,
    /// Links that are due for longer than sweeps and fetchers should need.
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

/// Counts one under an institution, and under the institution and a code. It leaves out the total
/// and the code alone, which [`count_by`] counts.
pub fn count_at(metric: Metric, institution: &InstitutionName, code: &Code, now: Timestamp) {
    let dimensions = json!([["institution"], ["institution", "code"]]);
    let properties = [
        ("institution", institution.as_str()),
        ("code", code.as_str()),
    ];
    write_line(&line(metric, 1, &dimensions, &properties, now));
}

/// Writes how many there are now. Alarms take its maximum over time, because a sum means nothing.
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
