//! Attempts to connect, as a user sees them.

use domain::link::{SessionStatus, UserStatus};
use domain::{AttemptRecord, Code, Guidance, InstitutionName, LinkId, SessionId};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Attempts older than that are of no interest to whoever waits for one.
pub(crate) const SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// An attempt to connect.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SessionView {
    session_id: SessionId,
    started_at: Timestamp,
    outcome: SessionStatus,
    code: Option<Code>,
    institution: Option<InstitutionName>,
    link_id: Option<LinkId>,
    link_ids: Vec<LinkId>,
    guidance: Option<Guidance>,
}

impl SessionView {
    fn new(record: &AttemptRecord, attempts: &[AttemptRecord], user: &UserStatus<'_>) -> Self {
        let report = user.session(record, attempts);
        Self {
            session_id: record.attempt.session_id.clone(),
            started_at: record.attempt.started_at,
            outcome: report.status,
            code: record.code.clone(),
            institution: record.institution.clone(),
            link_id: report.link_ids.first().copied(),
            link_ids: report.link_ids,
            guidance: report.next_action,
        }
    }

    /// All of these attempts, the latest first.
    pub(crate) fn all(attempts: &[AttemptRecord], user: &UserStatus<'_>) -> Vec<Self> {
        let sessions = attempts.iter().map(|it| Self::new(it, attempts, user));
        let mut sessions: Vec<_> = sessions.collect();
        sessions.sort_by(|a, b| {
            let key = |it: &Self| (it.started_at, it.session_id.clone());
            key(b).cmp(&key(a))
        });
        sessions
    }

    /// Whether the user may come back any moment.
    pub(crate) fn is_open(&self) -> bool {
        self.outcome == SessionStatus::Open
    }
}
