//! One read of a list: page by page, each row compared with what is stored and written if it
//! differs.

use std::collections::HashSet;
use std::collections::btree_map::Entry;

use belvo::{BelvoError, Page};
use domain::{DateRange, ResourceKind};
use runtime::Metric;
use store::{Index, ResourceRow};

use super::Target;
use super::belief::refusals;
use super::list_read::ListRead;
use crate::consents::readings;
use crate::error::{JobError, Result};
use crate::leased::LeasedLink;
use crate::origin::{report_foreign, unfiltered};
use crate::owners;

/// A million rows at a thousand a page. A list that goes on after that is none.
const MAX_PAGES: u32 = 1000;

/// Rows taken apart at once: taken apart, a row needs ten times its size.
const ROWS_AT_ONCE: usize = 200;

/// A list while it is read.
pub(super) struct Reading<'r, 'a> {
    pub(super) link: &'r mut LeasedLink<'a>,
    pub(super) target: Target<'r>,
    /// What is stored of it.
    pub(super) index: Index,
    /// What the current read has found.
    pub(super) read: ListRead,
}

impl Reading<'_, '_> {
    /// Reads all pages, from the first one on again in smaller ones if one fails for its size.
    pub(super) async fn read_pages(&mut self, mut first: Option<Page>) -> Result<()> {
        let kind = self.target.kind;
        loop {
            match self.read_pages_once(first.take()).await {
                Err(JobError::Belvo(error))
                    if error.is_for_its_size() && self.link.read_smaller(kind) => {}
                result => return result,
            }
        }
    }

    /// Reads all pages, the next one while the current one is taken apart and written.
    async fn read_pages_once(&mut self, first: Option<Page>) -> Result<()> {
        self.link.began = true;
        self.read = ListRead::default();
        let target = self.target;
        let mut page = match first {
            Some(page) => page,
            None => self.link.begin_list(target.kind, target.days).await?,
        };
        let (belvo, link_id) = (&self.link.fetcher.belvo, self.link.record.link_id);
        let request = |number, size| belvo.page(target.kind, link_id, target.days, number, size);
        let mut rows = 0;
        for number in 1..MAX_PAGES {
            self.link.batch.deadline.check()?;
            let size = page.size;
            rows += (page.rows.len() + page.spoiled.len()) as u64;
            let last = is_last(&page, rows);
            let taking = self.take(&page);
            if last {
                taking.await?;
                return self.finish().await;
            }
            let (next, taken) = futures::join!(request(number + 1, size), taking);
            taken?;
            page = match next {
                Ok(page) => page,
                // Belvo's answer for a page after the last one; the count will tell.
                Err(BelvoError::NotFound { .. }) => return self.finish().await,
                Err(error) => return Err(error.into()),
            };
        }
        let what = "a list that ends";
        Err(BelvoError::Unexpected { what }.into())
    }

    async fn finish(&mut self) -> Result<()> {
        self.relocate().await?;
        self.report_rejected();
        Ok(())
    }

    fn report_rejected(&self) {
        let (fetcher, tally) = (self.link.fetcher, &self.read.tally);
        for reason in tally.rejected.values() {
            runtime::count_by(Metric::RowRejected, reason, fetcher.clock.now());
        }
        if self.read.is_mixed() {
            let link_id = self.link.record.link_id;
            report_foreign(fetcher, link_id, self.target.kind, tally.foreign_rows);
        }
    }

    async fn take(&mut self, page: &Page) -> Result<()> {
        // Lets the request for the next page out first.
        tokio::task::yield_now().await;
        let target = self.target;
        self.read.count_page(page);
        let refusals = refusals(self.link, target, &mut self.read, &page.rows).await?;
        let mut refusals = refusals.into_iter();
        for objects in page.rows.chunks(ROWS_AT_ONCE) {
            let mut rows = Vec::with_capacity(objects.len());
            for object in objects {
                if let Some(refusal) = refusals.next().flatten() {
                    self.read.refuse(object, refusal);
                    continue;
                }
                if target.kind == ResourceKind::Owners {
                    let documents = readings(owners::named_owner(object));
                    self.link.documents.extend(documents);
                }
                match ResourceRow::new(target.kind, object) {
                    Ok(row) => rows.extend(self.read.take(row, target, &self.index)),
                    Err(reason) => self.read.reject(object, reason),
                }
            }
            self.write(rows).await?;
        }
        for row in &page.spoiled {
            self.read.reject_spoiled(row);
        }
        match self.read.is_doubtful || self.read.tally.shows_no_filter() {
            true => self.give_up(),
            false => Ok(()),
        }
    }

    /// Gives up a list that was not filtered, or may not have been: it may hold the rows of all
    /// users, so reading it to its end would cost much and tell nothing. What it gave of the link is
    /// stored, nothing is removed, and the run is tried again later, as after an outage.
    fn give_up(&mut self) -> Result<()> {
        self.report_rejected();
        let (kind, tally) = (self.target.kind, &self.read.tally);
        self.link.record.give_up_read(kind, tally);
        Err(unfiltered())
    }

    /// Rows that may be stored, and are not where they should be, are looked for under every date: a
    /// row whose date has changed must be moved, not stored twice.
    async fn relocate(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.read.relocated);
        if rows.is_empty() {
            return Ok(());
        }
        let ids: HashSet<String> = rows.iter().map(|row| row.id.clone()).collect();
        let (target, resources) = (self.target, &self.link.fetcher.resources);
        resources
            .find_by_id(target.bound, target.kind, &ids, &mut self.index)
            .await?;
        let unknown = ids.iter().filter(|id| !self.index.contains(id)).count();
        self.read.added += unknown as u64;
        self.read.missed = rows
            .iter()
            .any(|row| !self.index.contains(&row.id) && target.was_known(row));
        self.write(rows).await
    }

    /// Writes the rows that differ from what is stored. Says how many did.
    pub(super) async fn write_rows(&mut self, rows: Vec<ResourceRow>) -> Result<u64> {
        let (target, resources) = (self.target, &self.link.fetcher.resources);
        let written = resources.write(target.bound, rows, &mut self.index).await?;
        self.link.record.observe_rows(target.kind, written);
        Ok(written)
    }

    async fn write(&mut self, mut rows: Vec<ResourceRow>) -> Result<()> {
        self.write_parents(&rows).await?;
        let foreign = &self.link.foreign_parents;
        let is_of_another =
            |row: &mut ResourceRow| row.parent_id().is_some_and(|id| foreign.contains(id));
        for row in rows.extract_if(.., is_of_another) {
            self.read.refuse_taken(&row, &self.index);
        }
        self.write_rows(rows).await?;
        Ok(())
    }

    /// Writes accounts and investments that rows refer to and that Belvo has not announced yet. Of one
    /// that turns out to be another link's, the rows are another's too.
    async fn write_parents(&mut self, rows: &[ResourceRow]) -> Result<()> {
        let (target, fetcher) = (self.target, self.link.fetcher);
        let (belvo, resources) = (&fetcher.belvo, &fetcher.resources);
        let Some((parent_kind, _)) = target.kind.parent() else {
            return Ok(());
        };
        let listed = self.link.record.resources.get(&parent_kind);
        let listed = listed.is_some_and(|it| it.last_sync.is_some());
        for row in rows.iter().filter(|row| !self.index.holds(row)) {
            let Some(id) = row.parent_id() else { continue };
            let known = match self.link.parents.entry(parent_kind) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let stored = resources.index(target.bound, parent_kind, DateRange::ALL);
                    place.insert(stored.await?.into_ids())
                }
            };
            if !known.insert(id.to_owned()) {
                continue;
            }
            // A row keeps its copy of an account that its own list has lost.
            let found = belvo.row(parent_kind, id).await;
            let gone = listed && matches!(found, Err(BelvoError::NotFound { .. }));
            if let Ok(object) = &found
                && self.link.is_foreign(object).await?
            {
                self.read.name_refused(id);
                self.link.foreign_parents.insert(id.to_owned());
                report_foreign(fetcher, self.link.record.link_id, parent_kind, 1);
                continue;
            }
            if let Some(parent) = row.parent().filter(|_| !gone) {
                resources.write_if_absent(target.bound, &parent).await?;
                self.link.record.observe_rows(parent_kind, 1);
            }
        }
        Ok(())
    }
}

/// Belvo's `next` says whether there is more, and so does its count of all rows. Either may be wrong,
/// and a page too many costs less than a page too few. How many rows were asked for says nothing: a
/// page may have fewer.
fn is_last(page: &Page, rows: u64) -> bool {
    let is_empty = page.rows.is_empty() && page.spoiled.is_empty();
    is_empty || (!page.has_next && rows >= page.count)
}
