//! What attempts to connect lead to.

use domain::{Attempt, ExternalId, InstitutionName, LinkId, Outcome, SessionId};
use jiff::Timestamp;
use store::AttemptRecord;

use crate::fetcher::{Fetcher, JobError};
use crate::open::{Batch, ERASED};

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
        if self.is_erased(attempt, outcome.link()).await? {
            return Ok(ERASED);
        }
        if !self.connections.put_ended(attempt, outcome, now).await? {
            return Ok("a stronger word stands");
        }
        let code = self.count_ended(outcome);
        let Some(link_id) = outcome.link() else {
            let institution = outcome.institution().map(InstitutionName::as_str);
            self.count_ended_at(institution, &code);
            return Ok("outcome recorded");
        };
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        let done = self.catch_up(&mut link).await?;
        self.count_ended_at(link.record.institution.as_deref(), &code);
        Ok(done)
    }

    /// Whether the user, or the link, was erased while the browser was away: nothing of the attempt
    /// may be written again.
    pub(crate) async fn is_erased(
        &self,
        attempt: &Attempt,
        link: Option<LinkId>,
    ) -> Result<bool, JobError> {
        let buried = match link {
            Some(link) => self.resources.tombstone(link).await?.is_some(),
            None => false,
        };
        Ok(buried || self.connections.is_void(attempt).await?)
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
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        // Kept even if the link is not bound yet.
        if link.record.proofs.len() < MAX_PROOFS {
            link.record.proofs.insert(session_id, external_id);
        }
        link.record.settle_proof();
        self.catch_up(&mut link).await
    }
}
