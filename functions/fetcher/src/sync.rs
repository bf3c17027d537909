//! Reads a resource from Belvo and writes what is new.

use std::collections::{BTreeMap, HashSet};

use belvo::{BelvoError, Page};
use domain::{Code, ExternalId, ResourceKind};
use runtime::Metric;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Index, LinkRecord, ResourceRow, ResourceState, Unstorable};

use crate::jobs::{Fetcher, JobError};

/// Pages are numbered, so rows shift when Belvo writes meanwhile. Read again this often.
const READS: usize = 3;

/// A million rows. A list that goes on after that is not one.
const MAX_PAGES: u32 = 1000;

/// Objects named on the link; whoever looks needs some, not thousands.
const MAX_REJECTED: usize = 50;

/// What one read of a whole list found.
#[derive(Default)]
struct Reading {
    /// Rows Belvo counts.
    count: u64,
    /// Rows that came, with repetitions.
    seen: u64,
    /// Different rows that can be stored.
    ids: HashSet<String>,
    /// Rows that cannot.
    unstorable: u64,
    /// The first of those, by name, and why.
    rejected: BTreeMap<String, Code>,
}

impl Fetcher {
    /// Makes what is stored of a resource what Belvo holds.
    pub(crate) async fn sync(
        &self,
        link: &mut LinkRecord,
        kind: ResourceKind,
    ) -> Result<(), JobError> {
        let Some(external_id) = link.external_id.clone() else {
            // Only bound links are read, and a bound link has a user.
            return Ok(());
        };
        let resource = link.resource(kind);
        resource.state = ResourceState::Syncing;
        resource.sync_started_at = Some(self.clock.now());
        self.resources.save(link, self.clock.now()).await?;

        let mut index = self.resources.index(link.link_id, kind).await?;
        let reading = self
            .read_completely(link, kind, &external_id, &mut index)
            .await?;

        let now = self.clock.now();
        link.pending.remove(&kind);
        let resource = link.resource(kind);
        resource.sync_ended_at = Some(now);
        resource.rows = reading.ids.len() as u64;
        resource.state = match reading.rejected.is_empty() {
            true => ResourceState::Ready,
            false => ResourceState::Partial,
        };
        resource.rejected = reading.rejected;
        self.resources.save(link, now).await?;
        Ok(())
    }

    /// Reads until a read found as many different rows as Belvo counts.
    async fn read_completely(
        &self,
        link: &LinkRecord,
        kind: ResourceKind,
        external_id: &ExternalId,
        index: &mut Index,
    ) -> Result<Reading, JobError> {
        for _ in 0..READS {
            let reading = self.read_once(link, kind, external_id, index).await?;
            if reading.is_complete() {
                return Ok(reading);
            }
        }
        Err(BelvoError::Unexpected {
            what: "as many rows as it counts",
        }
        .into())
    }

    /// Reads all pages, the next one while the current one is written.
    async fn read_once(
        &self,
        link: &LinkRecord,
        kind: ResourceKind,
        external_id: &ExternalId,
        index: &mut Index,
    ) -> Result<Reading, JobError> {
        let mut reading = Reading::default();
        let mut page = self.belvo.page(kind, link.link_id, 1).await?;
        for number in 2..=MAX_PAGES {
            let last = !page.has_next || page.rows.is_empty();
            let rows = reading.take(&page, link, kind, external_id);
            if last {
                self.resources.write(rows, index).await?;
                self.report(&reading);
                return Ok(reading);
            }
            let next = self.belvo.page(kind, link.link_id, number);
            let (next, written) = futures::join!(next, self.resources.write(rows, index));
            written?;
            page = next?;
        }
        Err(BelvoError::Unexpected {
            what: "a list that ends",
        }
        .into())
    }

    fn report(&self, reading: &Reading) {
        for reason in reading.rejected.values() {
            runtime::count_by(Metric::RowRejected, reason, self.clock.now());
        }
    }
}

impl Reading {
    /// Turns a page into rows, and keeps by name what cannot be stored.
    fn take(
        &mut self,
        page: &Page,
        link: &LinkRecord,
        kind: ResourceKind,
        external_id: &ExternalId,
    ) -> Vec<ResourceRow> {
        self.count = page.count;
        let mut rows = Vec::with_capacity(page.rows.len());
        for object in &page.rows {
            self.seen += 1;
            match ResourceRow::new(kind, link.link_id, external_id, object) {
                Ok(row) => {
                    self.ids.insert(row.id.clone());
                    rows.push(row);
                }
                Err(reason) => self.reject(object, reason),
            }
        }
        rows
    }

    fn reject(&mut self, object: &RawValue, reason: Unstorable) {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        self.unstorable += 1;
        if self.rejected.len() < MAX_REJECTED {
            let named: Option<Named> = serde_json::from_str(object.get()).ok();
            let name = named.map_or_else(|| format!("row {}", self.seen), |named| named.id);
            self.rejected
                .insert(name, Code::lenient(&reason.to_string()));
        }
    }

    fn is_complete(&self) -> bool {
        self.ids.len() as u64 + self.unstorable >= self.count
    }
}
