//! What came of a job: for the log, and for the webhook log.

use domain::link::{LinkStatus, WebhookEffect};
use strum::IntoStaticStr;

/// What came of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum JobOutcome {
    /// The attempt, or how it ended, is stored.
    Recorded,
    /// An earlier callback of the session says more, or too many were taken.
    CallbackIgnored,
    /// The attempt of the proof did not lead to this link.
    ProofIgnored,
    /// The link, or its user, was erased.
    Erased,
    /// Belvo has deleted the link, and what was read of it has stayed for long enough.
    DeletedByBelvo,
    /// The link is another user's, or unknown.
    NotTheUsersLink,
    NotBound,
    NothingDue,
    /// It is done at a later time.
    Scheduled,
    /// Belvo was asked for a refresh.
    RefreshRequested,
    /// Belvo has answered this very request before.
    RefreshAnswered,
    /// Another refresh was less than ten minutes ago.
    RefreshedRecently,
    /// What was pending of the link is done.
    Done,
    /// The link is not bound, so nothing of it is read.
    Unsettled(LinkStatus),
    /// Belvo failed, or the link waits for Belvo to recover.
    Waiting,
    /// Time ran short.
    ToBeContinued,
    /// What was pending is done, and this is what the webhook has led to.
    Webhook(WebhookEffect),
}

impl JobOutcome {
    /// The name in logs and in the webhook log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unsettled(status) => status.into(),
            Self::Webhook(effect) => effect.into(),
            outcome => outcome.into(),
        }
    }
}
