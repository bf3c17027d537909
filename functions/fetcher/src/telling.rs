//! What other services are told, through the stream of LINK: that a link is ready, that its
//! transactions changed, that its consent ends.
//!
//! What is to be told is read off LINK, and taken off it with the write that tells it. So a job
//! that dies tells everything later, and nothing is told twice but by a job that died between a
//! write and its answer.

use domain::ResourceKind;
use runtime::Metric;
use store::{Change, ChangeKind, LinkRecord};

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;

impl Fetcher {
    /// Writes what the job knows of the link. Each thing that others are to be told has a write
    /// of its own: the pipe makes one event of one write.
    pub(crate) async fn save_and_tell(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        let mut next = self.next_to_tell(&mut link.record);
        loop {
            let told = next.map(|kind| Change::new(link.record.hold(), kind, self.clock.now()));
            link.record.change = told;
            self.save(link).await?;
            link.record.change = None;
            next = self.next_to_tell(&mut link.record);
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Takes one thing off the record that others were not told.
    fn next_to_tell(&self, record: &mut LinkRecord) -> Option<ChangeKind> {
        let now = self.clock.now();
        // Nobody is told of a link that has no user.
        record.external_id.as_ref().filter(|_| record.is_bound())?;
        if record.transactions_changed && !record.wants(ResourceKind::Transactions) {
            record.transactions_changed = false;
            return Some(ChangeKind::TransactionsChanged);
        }
        if record.ready_at.is_none() && record.has_loaded() {
            record.ready_at = Some(now);
            return Some(ChangeKind::LinkReady);
        }
        let consent = record.consent.as_mut()?;
        let end = consent.end(now)?;
        if consent.told.as_ref() == Some(&end) {
            return None;
        }
        consent.told = Some(end);
        runtime::count(Metric::ConsentExpiring, now);
        Some(ChangeKind::ConsentExpiring)
    }
}

impl OpenLink<'_> {
    /// Rows were written or removed.
    pub(crate) fn rows_changed(&mut self, kind: ResourceKind, rows: u64) {
        self.record.transactions_changed |= kind == ResourceKind::Transactions && rows > 0;
    }
}
