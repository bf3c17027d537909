//! What is counted of codes and banks.
//!
//! CloudWatch charges for each value of a dimension, and much of what is counted comes from a
//! redirect's query, which can hold any text.

use domain::{Code, InstitutionName, RequestId, WidgetOutcome, guidance};
use jiff::Timestamp;
use runtime::Metric;

use crate::error::{JobError, Result};
use crate::fetcher::Fetcher;

/// Counts how an attempt ended.
pub(crate) fn count_ended(outcome: &WidgetOutcome, now: Timestamp) {
    runtime::count_by(Metric::AttemptEnded, &counted_code(outcome), now);
    if let Some(code) = outcome.code() {
        notice_code(code, now);
    }
}

/// Counts the same for a bank, if it has the form of an Open Finance institution.
///
/// The form keeps nonsense out, not inventions. What bounds those is that an attempt ends once,
/// and that attempts are capped; of successes the name is Belvo's.
pub(crate) fn count_ended_at(institution: Option<&str>, outcome: &WidgetOutcome, now: Timestamp) {
    let name = institution.filter(|name| is_open_finance(name));
    if let Some(Ok(name)) = name.map(InstitutionName::parse) {
        runtime::count_at(Metric::AttemptEnded, &name, &counted_code(outcome), now);
    }
}

/// Tells an operator of a code with which Belvo refuses something, and that is not known: once a
/// day, however many links it concerns.
pub(crate) async fn hear_refusal(fetcher: &Fetcher, error: &JobError) -> Result<()> {
    let Some(code) = error.belvo_code() else {
        return Ok(());
    };
    let now = fetcher.clock.now();
    if fetcher.connections.hear_code(code, now).await? {
        tracing::error!(
            belvo.code = code.as_str(),
            belvo.request_id = error.belvo_request_id().map(RequestId::as_str),
            "belvo refuses with a code that is not known"
        );
        runtime::count(Metric::RefusalUnknown, now);
        notice_code(code, now);
    }
    Ok(())
}

/// The same of whatever prevents something. What could not be noted is heard of at the next refusal.
pub(crate) async fn hear_if_unknown(fetcher: &Fetcher, error: &JobError) {
    if error.is_unknown_refusal()
        && let Err(failure) = hear_refusal(fetcher, error).await
    {
        tracing::warn!(error = %runtime::chain(&failure), "a code could not be noted");
    }
}

/// Counts a code of Belvo's without guidance of its own for users. The log says which.
pub(crate) fn notice_code(code: &Code, now: Timestamp) {
    if !guidance(code.as_str()).known {
        tracing::warn!(belvo.code = code.as_str(), "a code without guidance");
        runtime::count(Metric::CodeUnknown, now);
    }
}

fn counted_code(outcome: &WidgetOutcome) -> Code {
    match outcome.code() {
        Some(code) if guidance(code.as_str()).known => code.clone(),
        Some(_) => Code::lenient("other"),
        None => Code::lenient(outcome.name()),
    }
}

/// `ofmockbank_br_retail`, `ofnubank_br_business`.
fn is_open_finance(name: &str) -> bool {
    let bank = name
        .strip_suffix("_br_retail")
        .or_else(|| name.strip_suffix("_br_business"));
    bank.and_then(|it| it.strip_prefix("of"))
        .is_some_and(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_banks_of_open_finance_are_counted() {
        for name in ["ofmockbank_br_retail", "ofnubank_br_business"] {
            assert!(is_open_finance(name), "{name}");
        }
        for name in [
            "",
            "of",
            "of_br_retail",
            "erebor_br_retail",
            "ofx_mx_retail",
        ] {
            assert!(!is_open_finance(name), "{name}");
        }
    }
}
