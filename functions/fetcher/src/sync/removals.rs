//! Stored rows that a list did not give.
//!
//! A list may be short for many reasons: Belvo writes while it is read, is loading, or has lost
//! the link. **Invariant:** a row is removed only when Belvo answers 404 for that very row; or when
//! two full reads lack it, at least two minutes apart and equal in every id, and Belvo answers 404
//! for twenty of the rows that are missing with it, drawn by lot; and only while Belvo shows the link.

use belvo::{BelvoError, Retry, Wait};
use domain::link::{MissingDecision, MissingRows, sample};
use runtime::Metric;
use store::ResourceRow;

use super::pages::Reading;
use crate::error::Result;
use crate::origin::report_foreign;

/// Asked for and removed together: few enough to be done before time runs out.
const BATCH: usize = 10;

impl Reading<'_, '_> {
    /// Asks Belvo for stored rows that did not come back, unless the list itself is doubted. Says
    /// whether more must be read before missing rows are believed to be gone.
    pub(super) async fn doubts_missing(&mut self, read_again: bool) -> Result<bool> {
        let (target, fetcher) = (self.target, self.link.fetcher);
        let doubles = fetcher
            .resources
            .remove_doubles(target.bound, &mut self.index);
        let removed = doubles.await?;
        self.link.record.observe_rows(target.kind, removed);
        let mut missing = self.index.without(&self.read.ids);
        missing.sort_unstable();
        if missing.is_empty() {
            return Ok(false);
        }
        let facts = MissingRows {
            count: missing.len(),
            days: target.days,
            given: &self.read.ids,
            rejected_rows: self.read.tally.rejected_rows,
            list_is_empty: self.read.is_empty(),
            list_is_mixed: self.read.is_mixed(),
            list_names_link: self.read.names_link,
            list_is_complete: self.read.is_complete(),
        };
        let now = fetcher.clock.now();
        match self.link.record.judge_missing(target.kind, facts, now) {
            MissingDecision::DoubtEmpty => Ok(true),
            MissingDecision::DoubtMany => {
                runtime::count(Metric::RowsMissing, now);
                Ok(true)
            }
            MissingDecision::Wait => {
                runtime::count(Metric::RowsMissing, now);
                self.mark(&missing).await?;
                Ok(false)
            }
            MissingDecision::AskForSome if self.are_proven_gone(&missing).await? => {
                Ok(!self.remove(&missing).await?)
            }
            MissingDecision::AskForSome | MissingDecision::AskForEach => {
                let hidden = self.ask_for_each(missing).await?;
                Ok(hidden && !read_again)
            }
        }
    }

    /// They stay, and readers can tell them from the rows that have taken their place.
    async fn mark(&mut self, missing: &[String]) -> Result<()> {
        let (target, fetcher) = (self.target, self.link.fetcher);
        self.link.tell_settling(target.kind).await?;
        let now = fetcher.clock.now();
        let marking = fetcher
            .resources
            .mark_missing(target.bound, missing, now, &mut self.index);
        let marked = marking.await?;
        self.link.record.observe_rows(target.kind, marked);
        Ok(())
    }

    /// Whether Belvo has none of some rows that are drawn by lot.
    async fn are_proven_gone(&mut self, missing: &[String]) -> Result<bool> {
        let (target, fetcher) = (self.target, self.link.fetcher);
        let Ok(seed) = fetcher.randomness.sixteen() else {
            return Ok(false);
        };
        for id in sample(missing, seed) {
            self.link.batch.deadline.check()?;
            match fetcher.belvo.row(target.kind, &id).await {
                Err(BelvoError::NotFound { .. }) => {}
                Ok(_) | Err(BelvoError::SpoiledRow) => {
                    // A later job, which may end the work of this one, draws others.
                    self.link.record.observe_hidden(target.kind, target.days);
                    self.link.save_on_the_way().await?;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// A 404 removes the row; otherwise it has moved, or the list was not complete after all. Says
    /// whether a row should have come with the list.
    async fn ask_for_each(&mut self, missing: Vec<String>) -> Result<bool> {
        let (target, fetcher) = (self.target, self.link.fetcher);
        if missing.len() > BATCH {
            self.link.tell_settling(target.kind).await?;
        }
        let mut hidden = false;
        for ids in missing.chunks(BATCH) {
            self.link.batch.deadline.check()?;
            let mut gone = Vec::new();
            for id in ids {
                let object = match fetcher.belvo.row(target.kind, id).await {
                    Ok(object) => object,
                    Err(BelvoError::NotFound { .. }) => {
                        gone.push(id.clone());
                        continue;
                    }
                    // It is there, stays as it was, and is named on LINK with the list.
                    Err(BelvoError::SpoiledRow) => continue,
                    Err(error) => return Err(error.into()),
                };
                // It may be the link's all the same, so what is stored of it stays as it was.
                if self.link.is_foreign(&object).await? {
                    self.read.name_refused(id);
                    report_foreign(fetcher, self.link.record.link_id, target.kind, 1);
                    continue;
                }
                // What can no longer be stored stays as it was, and is named on LINK.
                let Ok(row) = ResourceRow::new(target.kind, &object) else {
                    continue;
                };
                hidden |= target.days.contains(row.value_date());
                self.link.progressed |= self.write_rows(vec![row]).await? > 0;
            }
            hidden |= !self.remove(&gone).await?;
        }
        Ok(hidden)
    }

    /// Removes rows of which Belvo has said that it does not have them. Says whether it did: Belvo also
    /// has no row of a link that it hides for a while.
    async fn remove(&mut self, gone: &[String]) -> Result<bool> {
        if gone.is_empty() {
            return Ok(true);
        }
        let (target, fetcher) = (self.target, self.link.fetcher);
        match fetcher.belvo.link(self.link.record.link_id).await {
            Ok(_) => {}
            Err(error) if !matches!(error.retry(), Retry::Never | Retry::Later(Wait::Unknown)) => {
                return Err(error.into());
            }
            // Whatever else it says, it does not show the link.
            Err(_) => {
                self.link.record.pending.link = true;
                return Ok(false);
            }
        }
        if target.kind.is_embedded() {
            // A job that dies in between must not let another object bring them back.
            self.link.record.observe_gone(target.kind, gone);
            self.link.save_on_the_way().await?;
        }
        let removed = fetcher
            .resources
            .remove(target.bound, gone, &mut self.index);
        removed.await?;
        self.read.removed += gone.len() as u64;
        let record = &mut self.link.record;
        record.observe_rows(target.kind, gone.len() as u64);
        self.link.progressed = true;
        Ok(true)
    }
}
