//! The record of a run.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    config::Environment,
    outside::Call,
    row::{Row, Verdict},
};

/// The results with their time, and the requests behind them.
#[derive(Debug, Serialize)]
pub struct Evidence {
    /// When the run began.
    pub time: Timestamp,
    /// The environment that is to go live.
    pub environment: Environment,
    /// `fail` if any row fails, otherwise `pass`.
    pub verdict: Verdict,
    /// All items.
    pub rows: Vec<Row>,
    /// All requests, with the ids that Belvo's support asks for.
    calls: Vec<Call>,
}

impl Evidence {
    pub(crate) fn new(
        time: Timestamp,
        environment: Environment,
        rows: Vec<Row>,
        calls: Vec<Call>,
    ) -> Self {
        let failed = rows.iter().any(|row| row.verdict == Verdict::Fail);
        let verdict = if failed { Verdict::Fail } else { Verdict::Pass };
        Self {
            time,
            environment,
            verdict,
            rows,
            calls,
        }
    }

    /// Whether every row has another verdict than `fail`.
    pub fn is_good(&self) -> bool {
        self.verdict == Verdict::Pass
    }

    /// The rows with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.verdict == verdict)
    }

    /// The content of the evidence file.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}
