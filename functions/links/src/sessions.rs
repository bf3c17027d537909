//! Attempts to connect, as a user sees them.
//!
//! When a bank refuses, the browser stays on Belvo's own page and nobody tells us: the session goes
//! silent. So silence has advice too.

use domain::{Code, Guidance, InstitutionName, LinkId, SessionId, guidance};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::AttemptRecord;

/// Attempts older than that are of no interest to whoever waits for one.
pub(crate) const SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// Most users need less from the token to the way back; a later outcome still counts.
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// An attempt to connect.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SessionView {
    session_id: SessionId,
    started_at: Timestamp,
    outcome: &'static str,
    code: Option<Code>,
    institution: Option<InstitutionName>,
    link_id: Option<LinkId>,
    guidance: Option<Guidance>,
}

impl SessionView {
    pub(crate) fn new(record: &AttemptRecord, now: Timestamp) -> Self {
        let outcome = outcome(record, now);
        let code = record.code.as_ref().map(Code::as_str);
        let advice = match (outcome, code) {
            ("success" | "open", _) => None,
            ("silent", _) => Some("no_callback"),
            ("exit", None) => Some("exit"),
            (_, code) => Some(code.unwrap_or("unknown")),
        };
        Self {
            session_id: record.attempt.session_id.clone(),
            started_at: record.attempt.started_at,
            outcome,
            code: record.code.clone(),
            institution: record.institution.clone(),
            link_id: record.linked,
            guidance: advice.map(|code| *guidance(code)),
        }
    }

    /// The latest first.
    pub(crate) fn sort(sessions: &mut [Self]) {
        sessions.sort_by(|a, b| {
            let key = |it: &Self| (it.started_at, it.session_id.clone());
            key(b).cmp(&key(a))
        });
    }

    /// Whether the user may come back any moment.
    pub(crate) fn is_open(&self) -> bool {
        self.outcome == "open"
    }
}

fn outcome(record: &AttemptRecord, now: Timestamp) -> &'static str {
    match record.outcome.as_ref().map(Code::as_str) {
        Some("success") => "success",
        Some("exit") => "exit",
        Some("error") => "error",
        Some("warning") => "warning",
        _ if now.duration_since(record.attempt.started_at) >= SILENT_AFTER => "silent",
        _ => "open",
    }
}
