//! A link while a job works on it.

use std::collections::BTreeSet;

use domain::{LinkId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use store::LinkRecord;

use crate::fetcher::{Fetcher, JobError};

/// SQS stamps a job and we stamp a read with different clocks.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// What the queue says of a job.
pub(crate) struct Delivery {
    pub(crate) message_id: String,
    pub(crate) sent_at: Timestamp,
}

/// What was read since a group's jobs arrived. Whatever the later ones among them announce was
/// there before, so it need not be read again.
pub(crate) type ReadInThisBatch = BTreeSet<ResourceKind>;

/// What is known of a link, and what this batch has read of it.
pub(crate) struct OpenLink<'a> {
    pub(crate) record: LinkRecord,
    pub(crate) read: &'a mut ReadInThisBatch,
}

impl Fetcher {
    /// Begins a job on a link. From here on, writes of an earlier job fail.
    pub(crate) async fn open<'a>(
        &self,
        link_id: LinkId,
        read: &'a mut ReadInThisBatch,
    ) -> Result<OpenLink<'a>, JobError> {
        let record = self.resources.begin(link_id).await?;
        Ok(OpenLink { record, read })
    }

    /// Writes what the job knows of the link.
    pub(crate) async fn save(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        let now = self.clock.now();
        self.resources.save(&mut link.record, now).await?;
        Ok(())
    }

    /// Reads everything that was announced and not read yet, of a link that is bound.
    pub(crate) async fn read_pending(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        for kind in ResourceKind::ALL {
            if link.record.pending.contains(&kind) {
                self.sync(link, kind).await?;
            }
        }
        if link.record.consent_pending {
            self.read_consent(link).await?;
        }
        Ok(())
    }
}

impl OpenLink<'_> {
    /// Whether a resource was read completely after a job about it was sent.
    ///
    /// This makes repeated webhooks cheap: a thousand equal ones cost a handful of reads.
    pub(crate) fn is_fresh(&self, kind: ResourceKind, sent_at: Timestamp) -> bool {
        let times = self.record.resources.get(&kind);
        let times = times.and_then(|it| Some((it.sync_started_at?, it.sync_ended_at?)));
        let read_since = times.is_some_and(|(started, ended)| {
            // A read that began and did not end proves nothing.
            ended >= started && started.duration_since(sent_at) > CLOCK_MARGIN
        });
        read_since || self.read.contains(&kind)
    }
}
