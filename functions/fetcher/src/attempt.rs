//! What attempts to connect lead to.

use domain::{Attempt, CallbackId, ExternalId, InstitutionName, LinkId, SessionId, WidgetOutcome};

use crate::fetcher::{Fetcher, JobError};
use crate::open::{Batch, ERASED};

/// Proofs kept of one link, one of each user: one is needed, and anybody may send some.
const MAX_PROOFS: usize = 20;

impl Fetcher {
    /// A success names a link: that is a reason to look at it, and no more.
    ///
    /// The callback's address can be called without limit. So the attempt's row decides which
    /// callbacks are taken, before LINK is touched or Belvo is asked.
    pub(crate) async fn attempt_ended(
        &self,
        attempt: &Attempt,
        outcome: &WidgetOutcome,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let now = self.clock.now();
        if self.is_erased(attempt, outcome.link()).await? {
            return Ok(ERASED);
        }
        if !self.connections.put_ended(attempt, outcome, now).await? {
            return Ok("taken before, or a stronger word stands");
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
        let done = self.catch_up_with_callback(&mut link).await?;
        self.count_ended_at(link.record.institution.as_deref(), &code);
        // Only now, so that a job that dies before the look is done again, whether SQS delivers it
        // once more or an operator sends it back from the dead letters. What Belvo prevents is on
        // LINK by now, and needs no second callback.
        let callback = CallbackId::of_outcome(&attempt.session_id, outcome);
        self.connections
            .put_callback_done(&attempt.external_id, &attempt.session_id, callback)
            .await?;
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
        let attempt = self.connections.attempt(&external_id, &session_id).await?;
        let Some(attempt) = attempt.filter(|it| it.linked == Some(link_id)) else {
            return Ok("not the link of that attempt");
        };
        let callback = CallbackId::of_proof(&session_id, link_id);
        if attempt.is_done(callback) {
            return Ok("proven before");
        }
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        // Kept even if the link is not bound yet.
        let proofs = &mut link.record.proofs;
        if proofs.len() < MAX_PROOFS && !proofs.values().any(|user| *user == external_id) {
            proofs.insert(session_id.clone(), external_id.clone());
        }
        link.record.settle_proof();
        let done = self.catch_up_with_callback(&mut link).await?;
        self.connections
            .put_callback_done(&external_id, &session_id, callback)
            .await?;
        Ok(done)
    }
}
