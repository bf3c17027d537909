//! What attempts to connect lead to.

use domain::outcome::KNOWN_CODES;
use domain::{Attempt, Code, ExternalId, LinkId, Outcome, SessionId};
use jiff::Timestamp;
use runtime::Metric;
use store::AttemptRecord;

use crate::fetcher::{Fetcher, JobError};
use crate::open::Batch;

/// Proofs kept of one link: one is needed, and anybody may send some.
const MAX_PROOFS: usize = 20;

impl Fetcher {
    /// A success names a link: that is a reason to look at it, and no more.
    pub(crate) async fn attempt_ended(
        &self,
        attempt: &Attempt,
        outcome: &Outcome,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let now = self.clock.now();
        if !self.connections.put_ended(attempt, outcome, now).await? {
            return Ok("a stronger word stands");
        }
        runtime::count_by(Metric::AttemptEnded, &counted_code(outcome), now);
        let Some(link_id) = outcome.link() else {
            return Ok("outcome recorded");
        };
        let mut link = self.open(link_id, batch).await?;
        self.catch_up(&mut link).await
    }

    /// The user's app knows what only the browser that came back could know.
    pub(crate) async fn link_proven(
        &self,
        link_id: LinkId,
        external_id: ExternalId,
        session_id: SessionId,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let attempts = self
            .connections
            .attempts(&external_id, Timestamp::MIN)
            .await?;
        let of_this_link =
            |it: &AttemptRecord| it.attempt.session_id == session_id && it.linked == Some(link_id);
        if !attempts.iter().any(of_this_link) {
            return Ok("not the link of that attempt");
        }
        let mut link = self.open(link_id, batch).await?;
        // Kept even if the link is not bound yet.
        if link.record.proofs.len() < MAX_PROOFS {
            link.record.proofs.insert(session_id, external_id);
        }
        link.record.settle_proof();
        self.catch_up(&mut link).await
    }
}

/// Each code becomes a metric that is paid for, and the redirect's query can hold any.
fn counted_code(outcome: &Outcome) -> Code {
    match outcome.code() {
        Some(code) if KNOWN_CODES.contains(&code.as_str()) => code.clone(),
        Some(_) => Code::lenient("other"),
        None => Code::lenient(outcome.name()),
    }
}
