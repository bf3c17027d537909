//! What is kept of a run.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    config::Environment,
    outside::Call,
    row::{Row, Verdict},
};

/// When what was seen, and by which requests.
#[derive(Debug, Serialize)]
pub struct Evidence {
    /// When the run began.
    pub time: Timestamp,
    /// Which Belvo.
    pub environment: Environment,
    /// `fail` if one row does, else `pass`.
    pub verdict: Verdict,
    /// All items.
    pub rows: Vec<Row>,
    /// All requests, with the ids that support asks for.
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

    /// Whether nothing failed.
    pub fn is_good(&self) -> bool {
        self.verdict == Verdict::Pass
    }

    /// The rows with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.verdict == verdict)
    }

    /// As a file holds it.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}
