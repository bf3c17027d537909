//! One read of a list: page by page, each row compared with what is stored and written if it
//! differs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use belvo::{BelvoError, Page};
use domain::{Code, DateRange, ExternalId, ResourceKind};
use jiff::Timestamp;
use jiff::civil::Date;
use runtime::Metric;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Index, ResourceRow, Unstorable, parent_of};

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;
use crate::owner;

/// A million rows at a thousand a page. A list that goes on after that is not one.
pub(crate) const MAX_PAGES: u32 = 1000;

/// Rows taken apart at once: taken apart, a row needs ten times its size.
const CHUNK: usize = 200;

/// Objects named on the link; whoever looks needs some, not thousands.
pub(crate) const MAX_REJECTED: usize = 50;

/// What is read.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) kind: ResourceKind,
    pub(crate) external_id: &'a ExternalId,
    /// Which movements.
    pub(crate) days: DateRange,
    /// A row made before this time and not stored among these days may be stored elsewhere.
    pub(crate) known_before: Option<Timestamp>,
}

/// What one read found.
#[derive(Default)]
pub(crate) struct Reading {
    /// Rows Belvo counts.
    count: Option<u64>,
    /// Whether two pages came with different counts: the list changed meanwhile.
    unsteady: bool,
    /// Rows that came, with repetitions.
    seen: u64,
    /// Different rows that can be stored.
    pub(crate) ids: HashSet<String>,
    /// Rows of type INFLOW.
    pub(crate) inflow: u64,
    /// Rows of type OUTFLOW.
    pub(crate) outflow: u64,
    /// Their earliest and latest `value_date`.
    pub(crate) dates: Option<(Date, Date)>,
    /// Rows that cannot be stored.
    pub(crate) unstorable: u64,
    /// Those rows, to tell repetitions.
    rejects: HashSet<u64>,
    /// The first of those, by name, and why.
    pub(crate) rejected: BTreeMap<String, Code>,
    /// Rows that were not stored before.
    pub(crate) added: u64,
    /// Rows that Belvo says are no more.
    pub(crate) removed: u64,
    /// Rows that are stored now.
    pub(crate) stored: u64,
    /// Whether a row came that should have been stored long ago.
    pub(crate) missed: bool,
    /// Rows that may be stored elsewhere.
    strangers: Vec<ResourceRow>,
}

impl Fetcher {
    /// Reads all pages, the next one while the current one is taken apart and written.
    pub(crate) async fn read_pages(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        first: Option<Page>,
        index: &mut Index,
    ) -> Result<Reading, JobError> {
        link.began = true;
        let link_id = link.record.link_id;
        let request = |number| self.belvo.page(target.kind, link_id, target.days, number);
        let mut reading = Reading::default();
        let mut page = match first {
            Some(page) => page,
            None => request(1).await?,
        };
        for number in 1..MAX_PAGES {
            link.batch.deadline.check()?;
            let last = is_last(&page, number, self.belvo.page_size());
            let taking = self.take(link, target, &page, &mut reading, index);
            if last {
                taking.await?;
                return self.finish(link, target, reading, index).await;
            }
            let (next, taken) = futures::join!(request(number + 1), taking);
            taken?;
            page = match next {
                Ok(page) => page,
                // Belvo's word for a page after the last one; the count will tell.
                Err(BelvoError::NotFound { .. }) => {
                    return self.finish(link, target, reading, index).await;
                }
                Err(error) => return Err(error.into()),
            };
        }
        let what = "a list that ends";
        Err(BelvoError::Unexpected { what }.into())
    }

    async fn finish(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        mut reading: Reading,
        index: &mut Index,
    ) -> Result<Reading, JobError> {
        self.place_strangers(link, target, &mut reading, index)
            .await?;
        for reason in reading.rejected.values() {
            runtime::count_by(Metric::RowRejected, reason, self.clock.now());
        }
        Ok(reading)
    }

    async fn take(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        page: &Page,
        reading: &mut Reading,
        index: &mut Index,
    ) -> Result<(), JobError> {
        // Lets the request for the next page out first.
        tokio::task::yield_now().await;
        reading.count_page(page);
        let link_id = link.record.link_id;
        let hold = link.record.hold();
        for objects in page.rows.chunks(CHUNK) {
            let mut rows = Vec::with_capacity(objects.len());
            for object in objects {
                reading.seen += 1;
                if target.kind == ResourceKind::Owners {
                    link.documents.extend(owner::document(object));
                }
                match ResourceRow::new(target.kind, link_id, target.external_id, object) {
                    Ok(row) => reading.sort(row, target, index, &mut rows),
                    Err(reason) => reading.reject(object, reason),
                }
            }
            self.store_parents(link, target, &rows, index).await?;
            let written = self.resources.write(hold, rows, index).await?;
            link.rows_changed(target.kind, written);
        }
        Ok(())
    }

    /// Rows that are old and not where they should be are looked for everywhere: a row whose date
    /// has changed must be moved, not stored twice.
    async fn place_strangers(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        reading: &mut Reading,
        index: &mut Index,
    ) -> Result<(), JobError> {
        let strangers = std::mem::take(&mut reading.strangers);
        if strangers.is_empty() {
            return Ok(());
        }
        let ids: HashSet<String> = strangers.iter().map(|row| row.id.clone()).collect();
        self.resources
            .locate(link.record.link_id, target.kind, &ids, index)
            .await?;
        let unknown = ids.iter().filter(|id| !index.contains(id)).count();
        reading.missed = unknown > 0;
        reading.added += unknown as u64;
        self.store_parents(link, target, &strangers, index).await?;
        let hold = link.record.hold();
        let written = self.resources.write(hold, strangers, index).await?;
        link.rows_changed(target.kind, written);
        Ok(())
    }

    /// Stores accounts and investments that rows refer to and that nobody has announced yet.
    async fn store_parents(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        rows: &[ResourceRow],
        index: &Index,
    ) -> Result<(), JobError> {
        let Some((parent_kind, _)) = parent_of(target.kind) else {
            return Ok(());
        };
        let link_id = link.record.link_id;
        for row in rows.iter().filter(|row| !index.holds(row)) {
            let Some(id) = row.parent_id() else { continue };
            let known = match link.parents.entry(parent_kind) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let stored = self.resources.index(link_id, parent_kind, DateRange::ALL);
                    place.insert(stored.await?.into_ids())
                }
            };
            if !known.insert(id.to_owned()) {
                continue;
            }
            if let Some(parent) = row.parent(target.kind, link_id, target.external_id) {
                self.resources.write_if_absent(&parent).await?;
            }
        }
        Ok(())
    }
}

/// Belvo's `next` says whether there is more, and so does its count; either may be wrong, and a
/// page too many costs less than a page too few.
fn is_last(page: &Page, number: u32, page_size: u32) -> bool {
    let pages = page.count.div_ceil(u64::from(page_size.max(1)));
    page.rows.is_empty() || (!page.has_next && u64::from(number) >= pages)
}

impl Reading {
    /// Whether as many different rows came as Belvo counts, on every page.
    pub(crate) fn is_complete(&self) -> bool {
        let found = self.ids.len() as u64 + self.unstorable;
        !self.unsteady && self.count == Some(found)
    }

    /// Whether nothing came.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.unstorable == 0
    }

    fn count_page(&mut self, page: &Page) {
        let earlier = self.count.replace(page.count);
        self.unsteady |= earlier.is_some_and(|earlier| earlier != page.count);
    }

    fn sort(
        &mut self,
        row: ResourceRow,
        target: Target<'_>,
        index: &Index,
        rows: &mut Vec<ResourceRow>,
    ) {
        let is_new = self.ids.insert(row.id.clone());
        if is_new {
            self.add_up(&row);
        }
        if index.contains(&row.id) {
            return rows.push(row);
        }
        let is_old = target.known_before.is_some_and(|known_before| {
            row.created_at()
                .is_none_or(|created| created <= known_before)
        });
        if is_old {
            return self.strangers.push(row);
        }
        self.added += u64::from(is_new);
        rows.push(row);
    }

    fn reject(&mut self, object: &RawValue, reason: Unstorable) {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        // A hash: such rows are large.
        let mut hasher = DefaultHasher::new();
        object.get().hash(&mut hasher);
        if !self.rejects.insert(hasher.finish()) {
            return;
        }
        self.unstorable += 1;
        if self.rejected.len() < MAX_REJECTED {
            let named: Option<Named> = serde_json::from_str(object.get()).ok();
            let name = named.map(|named| named.id);
            // Neither nothing nor a novel may become a name on the link.
            let name = name.filter(|id| (1..=64).contains(&id.len()));
            let name = name.unwrap_or_else(|| format!("row {}", self.seen));
            self.rejected
                .insert(name, Code::lenient(&reason.to_string()));
        }
    }

    fn add_up(&mut self, row: &ResourceRow) {
        match row.flow() {
            Some("INFLOW") => self.inflow += 1,
            Some("OUTFLOW") => self.outflow += 1,
            _ => {}
        }
        if let Some(date) = row.value_date() {
            let (first, last) = self.dates.unwrap_or((date, date));
            self.dates = Some((first.min(date), last.max(date)));
        }
    }
}
