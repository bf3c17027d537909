//! Links and users that are to be erased.
//!
//! The mark on LINK has made the link unreadable; here its data goes, at Belvo and in the tables.
//! Belvo's answer does not hold up our own purge.

use domain::link::{ChangeEvent, ChangeKind, EraseMark, Reason, later};
use domain::{AttemptRecord, ExternalId, Link, LinkId, ReceiptId};
use jiff::{SignedDuration, Timestamp};
use runtime::Metric;
use store::{ErasureScope, Lease, Receipt, Tombstone};

use super::tombstone::{Answer, Eraser, enter};
use crate::error::Result;

/// After that, no job can be running that began before the purge.
const PURGED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Belvo deletes asynchronously, and is asked after this time whether it has.
const LOOKED_FOR_AFTER: SignedDuration = SignedDuration::from_mins(1);

impl Eraser<'_> {
    /// A user wants a link erased. Its mark and its receipt are usually there; after a restore from
    /// a backup, or when an operator asks, they are not. Says whether the link is the user's.
    pub(crate) async fn mark_link(
        &self,
        link_id: LinkId,
        user: &ExternalId,
        receipt_id: ReceiptId,
    ) -> Result<bool> {
        let mark = EraseMark {
            receipt_id,
            requested_at: self.fetcher.clock.now(),
        };
        self.fetcher.links.mark(user, link_id, &mark).await?;
        let known = self.fetcher.links.find(link_id).await?;
        if known.and_then(|it| it.external_id).as_ref() != Some(user) {
            return Ok(false);
        }
        let receipt = Receipt::new(receipt_id, ErasureScope::Link, [link_id], mark.requested_at);
        let connections = &self.fetcher.connections;
        connections.put_missing_receipt(user, &receipt).await?;
        Ok(true)
    }

    /// Erases a link that is marked: purges what is stored, asks Belvo, leaves a tombstone.
    ///
    /// When time runs short the mark stays, and with it the link is due: the next job goes on.
    pub(crate) async fn erase_link(&self, link: &Link, lease: Lease) -> Result<()> {
        let (Some(mark), Some(user)) = (&link.erase, link.external_id.clone()) else {
            return Ok(());
        };
        let (connections, link_id) = (&self.fetcher.connections, link.link_id);
        let mut tombstone = Tombstone::of_link(link, mark, user.clone());
        connections.enter(&user, &tombstone).await?;
        // For the operator who restores a backup: what was erased this month.
        let now = self.fetcher.clock.now();
        connections.put_erased(&user, &tombstone, now).await?;
        if !self.purge(&user, link_id).await? {
            return Ok(());
        }
        // A link without a callback has the first attempt it fits, which may be that of another link
        // whose callback is still to come.
        let open = connections.attempts(&user, Timestamp::MIN).await?;
        let is_open = |it: &&AttemptRecord| it.linked.is_none() && it.outcome.is_none();
        let is_certain = open.iter().filter(is_open).count() == 1;
        connections
            .remove_attempts(&user, |it| match it.linked {
                Some(linked) => linked == link_id,
                None => is_certain && link.session_id.as_ref() == Some(&it.attempt.session_id),
            })
            .await?;
        let now = self.fetcher.clock.now();
        tombstone.erasure.purged_at = Some(now);
        let again = later(now, PURGED_AGAIN_AFTER);
        tombstone.schedule.set(Reason::Purge, again);
        match self.delete_at_belvo(link_id).await {
            Answer::Open => {
                let look = later(now, LOOKED_FOR_AFTER);
                tombstone.schedule.set(Reason::CheckLink, look);
            }
            answer => enter(&mut tombstone, answer, now),
        }
        let job = (link_id, link.fencing_token);
        let change = ChangeEvent::new(job, user.clone(), ChangeKind::LinkErased, now);
        self.fetcher.links.bury(&lease, &tombstone, &change).await?;
        connections.enter(&user, &tombstone).await?;
        runtime::count(Metric::LinkErased, now);
        tracing::info!(link.id = %link_id, "a link is erased");
        Ok(())
    }

    /// A user wants everything erased. The links the stack knows are marked, and erased by jobs of
    /// their own; what remains is to find those it never heard of. What was connected since the
    /// request stays, so each run of the job must know the same time.
    pub(crate) async fn erase_user(
        &self,
        user: &ExternalId,
        receipt_id: ReceiptId,
        requested_at: Timestamp,
    ) -> Result<()> {
        let connections = &self.fetcher.connections;
        let filed = connections.receipt(user, receipt_id).await?;
        let requested_at = filed.map_or(requested_at, |it| it.requested_at);
        let mark = EraseMark {
            receipt_id,
            requested_at,
        };
        let receipt = Receipt::new(receipt_id, ErasureScope::User, [], requested_at);
        connections.put_missing_receipt(user, &receipt).await?;
        // Before anything else, so that no attempt under way comes back.
        connections.put_user_erased(user, requested_at).await?;
        connections
            .remove_attempts(user, |it| it.attempt.started_at <= requested_at)
            .await?;
        let now = self.fetcher.clock.now();
        let mut tombstone = Tombstone::of_user(&mark, user.clone());
        connections.put_erased(user, &tombstone, now).await?;
        tombstone.schedule.set(Reason::Purge, now);
        tombstone.schedule.set(Reason::CheckLink, now);
        self.fetcher.links.put_tombstone(&tombstone).await?;
        self.tend(tombstone, now).await
    }
}
