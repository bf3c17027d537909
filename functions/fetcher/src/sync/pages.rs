//! One read of a list: page by page, each row compared with what is stored and written if it
//! differs.

use std::collections::HashSet;
use std::collections::btree_map::Entry;

use belvo::{BelvoError, Next, Page};
use domain::link::AccountIdentity;
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

/// A million rows at a thousand a page. No list is read further.
const MAX_PAGES: u32 = 1000;

/// After so many pages without a new row a list is taken to have none.
const PAGES_IN_VAIN: u32 = 2;

/// Rows taken apart at once: taken apart, a row needs ten times its size.
const ROWS_AT_ONCE: usize = 200;

/// So many new rows in a row are ordinary.
const FEW_NEW: usize = 10;

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
                    if error.is_for_its_size()
                        && self.link.batch.deadline.check().is_ok()
                        && self.link.read_smaller(kind) => {}
                result => return result,
            }
        }
    }

    /// Reads all pages, the next one while the current one is taken apart and written.
    async fn read_pages_once(&mut self, first: Option<Page>) -> Result<()> {
        self.read = ListRead::default();
        let target = self.target;
        let first = match first {
            Some(page) => page,
            None => self.link.begin_list(target.kind, target.days).await?,
        };
        self.read_on(first, target.days, ListRead::count_page)
            .await?;
        self.finish().await
    }

    /// Takes a page of these days and those behind it. `count` notes what each of them counts.
    pub(super) async fn read_on(
        &mut self,
        mut page: Page,
        days: DateRange,
        count: impl Fn(&mut ListRead, &Page),
    ) -> Result<()> {
        self.link.began = true;
        let kind = self.target.kind;
        let (belvo, link_id) = (&self.link.fetcher.belvo, self.link.record.link_id);
        let request = |number, size| belvo.page(kind, link_id, days, number, size);
        let (mut rows, mut in_vain) = (0, 0);
        for number in 1..MAX_PAGES {
            self.link.batch.deadline.check()?;
            let (size, known) = (page.size, self.read.found());
            rows += page.len() as u64;
            let last = is_last(&page, rows);
            count(&mut self.read, &page);
            let taking = self.take(&page);
            if last {
                return taking.await;
            }
            let (next, taken) = futures::join!(request(number + 1, size), taking);
            taken?;
            in_vain = match self.read.found() > known {
                true => 0,
                false => in_vain + 1,
            };
            page = match next {
                Ok(page) if in_vain < PAGES_IN_VAIN => page,
                // Belvo's answer for a page after the last one; the count will tell.
                Ok(_) | Err(BelvoError::NotFound { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(())
    }

    /// What has been read, and how many rows are stored now.
    pub(super) fn into_read(self) -> ListRead {
        let mut read = self.read;
        read.stored = self.index.count();
        read
    }

    pub(super) async fn finish(&mut self) -> Result<()> {
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

    pub(super) async fn take(&mut self, page: &Page) -> Result<()> {
        // Lets the request for the next page out first.
        tokio::task::yield_now().await;
        let target = self.target;
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
                if target.kind == ResourceKind::Accounts {
                    let account = AccountIdentity::read(object.get());
                    let account = account.map(|it| (it.id().to_owned(), it));
                    self.link.accounts.extend(account);
                }
                match ResourceRow::new(target.kind, object) {
                    Ok(row) => rows.extend(self.read.take(row, target, &self.index)),
                    Err(reason) => self.read.reject(object, reason),
                }
            }
            if self.may_exchange(&rows) {
                self.link.tell_settling(target.kind).await?;
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

    /// Whether these rows may take the place of others: none of them is stored, though some were.
    fn may_exchange(&self, rows: &[ResourceRow]) -> bool {
        let resource = self.link.record.resources.get(&self.target.kind);
        let was_read = resource.is_some_and(|it| it.last_full_sync.is_some());
        let is_known = |row: &ResourceRow| self.index.contains(&row.id);
        was_read && self.index.count() > 0 && rows.len() > FEW_NEW && !rows.iter().any(is_known)
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
        self.read.tally.new_rows += unknown as u64;
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

    /// Writes accounts and investments that rows refer to and that their own lists have not given:
    /// Belvo has not announced them yet, or they exist nowhere else. Of one that turns out to be another
    /// link's, the rows are another's too.
    async fn write_parents(&mut self, rows: &[ResourceRow]) -> Result<()> {
        let (target, fetcher) = (self.target, self.link.fetcher);
        let (belvo, resources) = (&fetcher.belvo, &fetcher.resources);
        let Some((parent_kind, _)) = target.kind.parent() else {
            return Ok(());
        };
        for row in rows.iter().filter(|row| !self.index.holds(row)) {
            let Some(id) = row.parent_id() else { continue };
            let known = match self.link.parents.entry(parent_kind) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let stored = resources.index(target.bound, parent_kind, DateRange::ALL);
                    place.insert(stored.await?.into_ids())
                }
            };
            // A row keeps its copy of an account that its own list has lost.
            let is_gone = self.link.record.is_gone(parent_kind, id);
            if is_gone || known.contains(id) {
                continue;
            }
            let is_foreign = match belvo.row(parent_kind, id).await {
                Ok(object) => Some(self.link.is_foreign(&object).await?),
                // It exists in rows alone.
                Err(BelvoError::NotFound { .. }) => Some(false),
                // Nobody says whose it is: its own list gives it, if it is the link's.
                Err(BelvoError::SpoiledRow | BelvoError::Refused { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            // From here on it is not asked for again, also if there are many rows of it.
            if let Some(known) = self.link.parents.get_mut(&parent_kind) {
                known.insert(id.to_owned());
            }
            let Some(is_foreign) = is_foreign else {
                continue;
            };
            if is_foreign {
                self.read.name_refused(id);
                self.link.foreign_parents.insert(id.to_owned());
                report_foreign(fetcher, self.link.record.link_id, parent_kind, 1);
                continue;
            }
            if let Some(parent) = row.parent() {
                resources.write_if_absent(target.bound, &parent).await?;
                let record = &mut self.link.record;
                record.observe_rows(parent_kind, 1);
                record.resource(parent_kind).rows += 1;
            }
        }
        Ok(())
    }
}

/// Belvo's `next` says whether there is more, and so does its count of all rows. Either may be wrong
/// or absent, and a page too many costs less than a page too few. How many rows were asked for says
/// nothing: a page may have fewer.
fn is_last(page: &Page, rows: u64) -> bool {
    let has_all = page.count.map(|count| rows >= count);
    let ends = match page.next {
        Next::More => false,
        Next::End => has_all.unwrap_or(true),
        Next::Unsaid => has_all.unwrap_or(false),
    };
    ends || page.is_empty()
}
