//! Links and users that are to be erased.
//!
//! The mark on LINK has made the link unreadable; here its data goes, at Belvo and with us. What
//! Belvo answers does not hold up our own purge.

use belvo::Deletion;
use domain::{ExternalId, LinkId, ReceiptId};
use jiff::{SignedDuration, Timestamp};
use runtime::Metric;
use store::{
    Change, ChangeKind, Due, EraseMark, Erasure, ErasureScope, LinkRecord, Receipt, Tombstone,
};

use crate::calendar;
use crate::fetcher::{Deadline, Fetcher, JobError};
use crate::open::{Batch, ERASED};

/// After that, no job can be running that began before the purge.
const PURGED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Belvo deletes while we look away.
const LOOKED_AFTER: SignedDuration = SignedDuration::from_mins(1);

impl Fetcher {
    /// A user wants a link erased. Its mark and its receipt are usually there; after a restore from
    /// a backup, or when an operator asks, they are not.
    pub(crate) async fn link_erase(
        &self,
        link_id: LinkId,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let mark = EraseMark {
            receipt_id,
            requested_at: self.clock.now(),
        };
        self.resources.mark(external_id, link_id, &mark).await?;
        let known = self.resources.link(link_id).await?;
        if known.and_then(|it| it.external_id).as_ref() != Some(external_id) {
            return Ok("not a link of this user");
        }
        let receipt = Receipt::new(receipt_id, ErasureScope::Link, [link_id], mark.requested_at);
        self.connections
            .put_missing_receipt(external_id, &receipt)
            .await?;
        self.open(link_id, batch).await?;
        Ok(ERASED)
    }

    /// A user wants everything erased. The links we know are marked, and erased by jobs of their
    /// own; what remains is to find those we never heard of. What was connected since the request
    /// stays, so however often the job runs, it must know of the same time.
    pub(crate) async fn user_erase(
        &self,
        external_id: ExternalId,
        receipt_id: ReceiptId,
        requested_at: Option<Timestamp>,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let filed = self.connections.receipt(&external_id, receipt_id).await?;
        let requested_at = filed.map(|it| it.requested_at).or(requested_at);
        let mark = EraseMark {
            receipt_id,
            requested_at: requested_at.unwrap_or_else(|| self.clock.now()),
        };
        let requested_at = mark.requested_at;
        let receipt = Receipt::new(receipt_id, ErasureScope::User, [], requested_at);
        self.connections
            .put_missing_receipt(&external_id, &receipt)
            .await?;
        // Before anything else, so that no attempt under way comes back.
        self.connections
            .put_user_erased(&external_id, requested_at)
            .await?;
        self.connections
            .remove_attempts_until(&external_id, requested_at)
            .await?;
        let user = (ErasureScope::User, LinkId::from(receipt_id));
        self.remember(user, &external_id, &mark).await?;
        let mut tombstone = Tombstone::of_user(external_id, receipt_id, requested_at);
        tombstone.agenda.set(Due::Look, self.clock.now());
        self.resources.put_tombstone(&tombstone).await?;
        self.tend(tombstone, self.clock.now(), &batch.deadline)
            .await?;
        Ok(ERASED)
    }

    /// For whoever restores a backup: what was erased this month.
    async fn remember(
        &self,
        (of, id): (ErasureScope, LinkId),
        external_id: &ExternalId,
        mark: &EraseMark,
    ) -> Result<(), JobError> {
        let now = self.clock.now();
        let remembered = self.connections.put_erased(of, id, external_id, mark, now);
        Ok(remembered.await?)
    }

    /// Erases a link that is marked: purges what is stored, asks Belvo, leaves a tombstone.
    ///
    /// When time runs short the mark stays, and with it the link is due: the next job goes on.
    pub(crate) async fn erase(
        &self,
        link: &LinkRecord,
        deadline: &Deadline,
    ) -> Result<(), JobError> {
        let (Some(mark), Some(external_id)) = (&link.erase, link.external_id.clone()) else {
            return Ok(());
        };
        let (link_id, receipt_id) = (link.link_id, mark.receipt_id);
        let mut erasure = Erasure::of(link);
        self.connections
            .enter_erasure(&external_id, receipt_id, link_id, &erasure)
            .await?;
        self.remember((ErasureScope::Link, link_id), &external_id, mark)
            .await?;
        loop {
            if deadline.check().is_err() {
                return Ok(());
            }
            if !self.resources.purge_some(link_id).await? {
                break;
            }
        }
        self.connections
            .remove_attempts_to(&external_id, link_id)
            .await?;
        let now = self.clock.now();
        erasure.purged_at = Some(now);
        let deleted = self.delete_at_belvo(link_id, deadline).await;
        erasure.confirmed_at = deleted.then_some(now);
        let mut tombstone = Tombstone::of_link(link_id, mark, external_id.clone(), erasure.clone());
        let again = calendar::later(now, PURGED_AGAIN_AFTER);
        tombstone.agenda.set(Due::Purge, again);
        if !deleted {
            let look = calendar::later(now, LOOKED_AFTER);
            tombstone.agenda.set(Due::Look, look);
        }
        let change = Change::new(link.hold(), ChangeKind::LinkErased, now);
        self.resources
            .bury(link.hold(), &tombstone, &change)
            .await?;
        self.connections
            .enter_erasure(&external_id, receipt_id, link_id, &erasure)
            .await?;
        runtime::count(Metric::LinkErased, now);
        tracing::info!(link.id = %link_id, "a link is erased");
        Ok(())
    }

    /// Asks Belvo to delete a link, and says whether it is gone for certain. A failure is looked
    /// into later; it does not hold up what follows.
    pub(crate) async fn delete_at_belvo(&self, link_id: LinkId, deadline: &Deadline) -> bool {
        let time = deadline.working_time();
        let deleted = tokio::time::timeout(time, self.belvo.delete(link_id)).await;
        match deleted {
            Ok(Ok(Deletion::Deleted | Deletion::Gone)) => true,
            Ok(Ok(Deletion::Requested)) => false,
            Ok(Err(error)) => {
                self.report_undeleted(link_id, &error.into());
                false
            }
            Err(_) => {
                self.report_undeleted(link_id, &JobError::OutOfTime);
                false
            }
        }
    }

    pub(crate) fn report_undeleted(&self, link_id: LinkId, error: &JobError) {
        tracing::warn!(
            link.id = %link_id,
            error = %runtime::chain(error),
            belvo.code = error.belvo_code().map(domain::Code::as_str),
            belvo.request_id = error.belvo_request_id().map(domain::RequestId::as_str),
            "belvo has not deleted a link"
        );
        runtime::count(error.metric(), self.clock.now());
    }
}
