//! A list that gives other rows than it counts, read a second way.
//!
//! Belvo documents no order, so pages may repeat some rows and hide others every time. What comes on
//! one page has no other page to hide on: so the same rows are read again in slices by date, each so
//! small that it is one page.

use domain::{DateRange, ResourceKind};

use super::list_read::ListRead;
use super::pages::Reading;
use crate::error::Result;

/// More than any list that is read at once needs.
const MAX_SLICES: usize = 2000;

impl Reading<'_, '_> {
    /// Reads the list again in slices. Only transactions can be divided: Belvo filters no other list
    /// by date.
    pub(super) async fn read_slices(&mut self) -> Result<()> {
        if self.target.kind != ResourceKind::Transactions {
            return Ok(());
        }
        self.read = ListRead::default();
        let (mut left, mut largest) = (vec![self.target.days], 0);
        for _ in 0..MAX_SLICES {
            let Some(days) = left.pop() else { break };
            self.link.batch.deadline.check()?;
            let page = self.link.begin_list(self.target.kind, days).await?;
            if days == self.target.days {
                // Slices count their own rows.
                self.read.count_page(&page);
            }
            // How large a page can be is what came: a server may give fewer rows than were asked for.
            largest = largest.max(page.len());
            let may_be_cut = page.len() * 2 > largest;
            if may_be_cut {
                self.take(&page).await?;
                if let Some((earlier, later)) = self.divide(days) {
                    left.extend([earlier, later]);
                    continue;
                }
            }
            self.read_on(page, days, |_, _| ()).await?;
        }
        self.finish().await
    }

    /// Two parts of these days with as many stored rows each, if rows of more than one day are stored.
    fn divide(&self, days: DateRange) -> Option<(DateRange, DateRange)> {
        let dates = self.index.dates(days);
        let middle = *dates.get(dates.len() / 2)?;
        let before = middle.yesterday().ok()?;
        // The first day cannot begin the later part, because the earlier one would have no rows.
        let (to, from) = match dates.first() == Some(&middle) {
            true => (Some(middle), middle.tomorrow().ok()?),
            false => (Some(before), middle),
        };
        let is_divided = dates.last() > to.as_ref();
        is_divided.then_some((
            DateRange { to, ..days },
            DateRange {
                from: Some(from),
                ..days
            },
        ))
    }
}
