//! A link while a job works on it.

use std::collections::{BTreeMap, HashSet};

use domain::{Document, LinkId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use store::{Begun, LinkRecord, Scope, StoreError};

use crate::fetcher::{Deadline, Fetcher, JobError};

/// SQS stamps a job and we stamp a read with different clocks.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// What the queue says of a job.
pub(crate) struct Delivery {
    pub(crate) message_id: String,
    pub(crate) sent_at: Timestamp,
}

/// What the jobs of a group share in a batch.
pub(crate) struct Batch {
    /// When the invocation ends.
    pub(crate) deadline: Deadline,
    /// When the jobs arrived.
    pub(crate) began_at: Timestamp,
    /// What was read since the jobs arrived. Whatever the later ones among them announce was there
    /// before, so it need not be read again.
    pub(crate) read: BTreeMap<ResourceKind, Scope>,
}

/// What is known of a link, and of this job's work on it.
pub(crate) struct OpenLink<'a> {
    pub(crate) record: LinkRecord,
    pub(crate) batch: &'a mut Batch,
    /// Whether this job has begun to read.
    pub(crate) began: bool,
    /// Whether this job has finished a part that need not be repeated.
    pub(crate) progressed: bool,
    /// Documents of the owners, if OWNERS was read; never written anywhere.
    pub(crate) documents: Vec<Document>,
    /// Stored accounts and investments that rows refer to.
    pub(crate) parents: BTreeMap<ResourceKind, HashSet<String>>,
}

impl Fetcher {
    /// Begins a job on a link. From here on, writes of an earlier job fail.
    ///
    /// Whatever a job is about, a link that is to be erased is erased instead: then there is none.
    pub(crate) async fn open<'a>(
        &self,
        link_id: LinkId,
        batch: &'a mut Batch,
    ) -> Result<Option<OpenLink<'a>>, JobError> {
        self.open_until(link_id, self.clock.now(), batch).await
    }

    /// The same, where what waits until then is due.
    pub(crate) async fn open_until<'a>(
        &self,
        link_id: LinkId,
        until: Timestamp,
        batch: &'a mut Batch,
    ) -> Result<Option<OpenLink<'a>>, JobError> {
        let record = match self.resources.begin(link_id).await? {
            Begun::Link(record) => *record,
            Begun::Erasing(record) => {
                self.erase(&record, &batch.deadline).await?;
                return Ok(None);
            }
            Begun::Erased(tombstone) => {
                self.tend(tombstone, until, &batch.deadline).await?;
                return Ok(None);
            }
        };
        Ok(Some(OpenLink {
            record,
            batch,
            began: false,
            progressed: false,
            documents: Vec::new(),
            parents: BTreeMap::new(),
        }))
    }

    /// Writes what the job knows of the link.
    ///
    /// # Errors
    /// [`JobError::Erased`] when the link's user has had it erased meanwhile.
    pub(crate) async fn save(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        let now = self.clock.now();
        match self.resources.save(&mut link.record, now).await {
            Err(StoreError::Superseded) => {
                let found = self.resources.link(link.record.link_id).await?;
                match found.is_none_or(|it| it.erase.is_some()) {
                    true => Err(JobError::Erased),
                    false => Err(StoreError::Superseded.into()),
                }
            }
            result => Ok(result?),
        }
    }
}

/// What a job says that has found a link to be erased, or no more.
pub(crate) const ERASED: &str = "erased";

impl OpenLink<'_> {
    /// Whether a resource was read completely after a job about it was sent.
    ///
    /// This makes repeated webhooks cheap: a thousand equal ones cost a handful of reads.
    pub(crate) fn is_fresh(&self, kind: ResourceKind, scope: Scope, sent_at: Timestamp) -> bool {
        let resource = self.record.resources.get(&kind);
        let read_at = resource.and_then(|it| match it.sync_scope >= Some(scope) {
            true => it.sync_started_at,
            false => it.whole_started_at,
        });
        let read_since = read_at.is_some_and(|at| at.duration_since(sent_at) > CLOCK_MARGIN);
        let read_in_batch = self.batch.read.get(&kind);
        read_since || read_in_batch.is_some_and(|read| *read >= scope)
    }
}
