//! A link while a job works on it.

use std::collections::{BTreeMap, HashSet};

use belvo::{Page, PageSize, Row};
use domain::link::{AccountIdentity, RowOrigin, SyncedInBatch};
use domain::{DateRange, Document, Link, ResourceKind};
use jiff::Timestamp;
use store::{Lease, StoreError};

use crate::deadline::Deadline;
use crate::error::{JobError, Result};
use crate::fetcher::Fetcher;
use crate::origin::{Asked, Origins};

/// What the queue says of a job.
pub(crate) struct Delivery {
    pub(crate) message_id: String,
    pub(crate) sent_at: Timestamp,
}

/// What the jobs of a group share in a batch.
pub(crate) struct Batch {
    pub(crate) deadline: Deadline,
    /// When the jobs arrived.
    pub(crate) began_at: Timestamp,
    /// The same by the queue's clock, at the latest: all that was sent before was sent before a job
    /// reads anything.
    pub(crate) received_at: Option<Timestamp>,
    /// What was synced since the jobs arrived. What the later ones among them announce was there
    /// before, so it need not be synced again.
    pub(crate) synced: SyncedInBatch,
}

/// A link that a job has acquired: LINK, and the right to write it until a later job acquires it.
pub(crate) struct LeasedLink<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) record: Link,
    pub(crate) lease: Lease,
    pub(crate) batch: &'a mut Batch,
    /// Whether the job has begun to read rows.
    pub(crate) began: bool,
    /// Whether the job has finished a part that need not be repeated.
    pub(crate) progressed: bool,
    /// Documents of the owners, if the job has synced OWNERS; never written anywhere.
    pub(crate) documents: Vec<Document>,
    /// The accounts that the job has read, by Belvo's id; never written anywhere.
    pub(crate) accounts: BTreeMap<String, AccountIdentity>,
    /// Stored accounts and investments that rows refer to, as far as the job needed to know.
    pub(crate) parents: BTreeMap<ResourceKind, HashSet<String>>,
    /// Those that turned out to be another link's.
    pub(crate) foreign_parents: HashSet<String>,
    /// What is known of other links that rows have named.
    origins: Origins,
    /// How many rows Belvo could give at once, where that were fewer than usual.
    page_sizes: BTreeMap<ResourceKind, PageSize>,
}

impl<'a> LeasedLink<'a> {
    pub(crate) fn new(
        fetcher: &'a Fetcher,
        mut record: Link,
        lease: Lease,
        batch: &'a mut Batch,
    ) -> Self {
        record.observe_interruption(fetcher.clock.now());
        Self {
            fetcher,
            record,
            lease,
            batch,
            began: false,
            progressed: false,
            documents: Vec::new(),
            accounts: BTreeMap::new(),
            parents: BTreeMap::new(),
            foreign_parents: HashSet::new(),
            origins: Origins::default(),
            page_sizes: BTreeMap::new(),
        }
    }

    /// The first page of a list, in a size that Belvo can give.
    pub(crate) async fn begin_list(&mut self, kind: ResourceKind, days: DateRange) -> Result<Page> {
        let (belvo, link_id) = (&self.fetcher.belvo, self.record.link_id);
        let usual = belvo.page_size();
        let size = self.page_sizes.get(&kind).copied().unwrap_or(usual);
        let page = belvo.first_page(kind, link_id, days, size).await?;
        self.page_sizes.insert(kind, page.size);
        Ok(page)
    }

    /// Whether Belvo holds more rows than so many.
    pub(crate) async fn has_more(
        &self,
        kind: ResourceKind,
        days: DateRange,
        rows: u64,
    ) -> Result<bool> {
        let (belvo, link_id) = (&self.fetcher.belvo, self.record.link_id);
        Ok(belvo.has_more(kind, link_id, days, rows).await?)
    }

    /// A later page of a list failed for its size. Says whether the list may be read in smaller ones.
    pub(crate) fn read_smaller(&mut self, kind: ResourceKind) -> bool {
        let known = self.page_sizes.get(&kind).and_then(|it| it.smaller());
        if let Some(smaller) = known {
            self.page_sizes.insert(kind, smaller);
        }
        known.is_some()
    }

    /// The link as Belvo is asked for its rows, and what is known of other links.
    pub(crate) fn asked(&mut self) -> (Asked<'_>, &mut Origins) {
        let asked = Asked {
            fetcher: self.fetcher,
            link: &self.record,
            user: self.record.external_id.as_ref(),
        };
        (asked, &mut self.origins)
    }

    /// Whose each of these rows is.
    pub(crate) async fn origins_of(&mut self, rows: &[Row]) -> Result<Vec<RowOrigin>> {
        let (asked, origins) = self.asked();
        origins.of_rows(asked, rows).await
    }

    /// Whether a row that was asked for by its id is another link's. One that names no link is not.
    pub(crate) async fn is_foreign(&mut self, row: &Row) -> Result<bool> {
        let origins = self.origins_of(std::slice::from_ref(row)).await?;
        Ok(origins.contains(&RowOrigin::Foreign))
    }

    /// Tells readers that rows may stand beside others that have taken their place, before they do.
    pub(crate) async fn tell_settling(&mut self, kind: ResourceKind) -> Result<()> {
        match self.record.observe_settling(kind) {
            true => self.save_on_the_way().await,
            false => Ok(()),
        }
    }

    /// Writes LINK if the job has not: a reader sees by it that no job is at work.
    pub(crate) async fn release(&mut self) -> Result<()> {
        let record = &self.record;
        // One that was never saved shows nothing, and need not begin to exist for this.
        match record.updated_at.is_some() && record.saved_token != record.fencing_token {
            true => self.save().await,
            false => Ok(()),
        }
    }

    /// Writes LINK when the job is done.
    ///
    /// # Errors
    /// [`JobError::Erased`] when the link's user has had it erased meanwhile.
    pub(crate) async fn save(&mut self) -> Result<()> {
        let (links, now) = (&self.fetcher.links, self.fetcher.clock.now());
        let saved = links.save(&self.lease, &mut self.record, now).await;
        self.see_why(saved).await
    }

    /// Writes LINK while the job goes on.
    ///
    /// # Errors
    /// As of [`LeasedLink::save`].
    pub(crate) async fn save_on_the_way(&mut self) -> Result<()> {
        let (links, now) = (&self.fetcher.links, self.fetcher.clock.now());
        let saved = links.save_on_the_way(&self.lease, &mut self.record, now);
        let saved = saved.await;
        self.see_why(saved).await
    }

    /// A link that is no more the job's may be on its way to be erased.
    async fn see_why(&self, saved: Result<(), StoreError>) -> Result<()> {
        let links = &self.fetcher.links;
        if matches!(saved, Err(StoreError::Superseded)) {
            let found = links.find(self.record.link_id).await?;
            if found.is_none_or(|it| it.erase.is_some()) {
                return Err(JobError::Erased);
            }
        }
        Ok(saved?)
    }
}
