//! What is counted of codes and banks.
//!
//! Each value of a dimension is a metric that is paid for, and much of what we count comes from a
//! redirect's query, which can hold anything.

use belvo::BelvoError;
use domain::{Code, InstitutionName, WidgetOutcome, guidance};
use runtime::Metric;

use crate::fetcher::Fetcher;

impl Fetcher {
    /// Counts how an attempt ended, and says under which code.
    pub(crate) fn count_ended(&self, outcome: &WidgetOutcome) -> Code {
        let code = match outcome.code() {
            Some(code) if guidance(code.as_str()).known => code.clone(),
            Some(_) => Code::lenient("other"),
            None => Code::lenient(outcome.name()),
        };
        runtime::count_by(Metric::AttemptEnded, &code, self.clock.now());
        if let Some(code) = outcome.code() {
            self.notice(code);
        }
        code
    }

    /// Counts the same for a bank, if it has the form of an Open Finance institution.
    ///
    /// The form keeps nonsense out, not inventions. What bounds those is that an attempt is given
    /// up once, and that attempts are capped; of successes the name is Belvo's.
    pub(crate) fn count_ended_at(&self, institution: Option<&str>, code: &Code) {
        let name = institution.filter(|name| is_open_finance(name));
        if let Some(Ok(name)) = name.map(InstitutionName::parse) {
            runtime::count_at(Metric::AttemptEnded, &name, code, self.clock.now());
        }
    }

    /// Counts a code of Belvo's that users are told nothing particular about. Which one, the log
    /// says.
    pub(crate) fn notice(&self, code: &Code) {
        if !guidance(code.as_str()).known {
            tracing::warn!(belvo.code = code.as_str(), "a code without guidance");
            runtime::count(Metric::CodeUnknown, self.clock.now());
        }
    }

    /// The same for what Belvo declined with.
    pub(crate) fn notice_refusal(&self, error: &BelvoError) {
        if let Some(said) = error.api_error() {
            self.notice(&said.code);
        }
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
