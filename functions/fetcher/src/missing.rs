//! What is stored and did not come back.
//!
//! A list may be short for many reasons: Belvo writes while we read, is loading, or has lost the
//! link. **Invariant:** a row is removed only when Belvo answers `not_found` for that very row.

use belvo::BelvoError;
use runtime::Metric;
use store::{Index, ResourceRow, Scope};

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;
use crate::reading::{Reading, Target};

/// More rows than a bank takes back at once: rather the list is wrong.
const MANY: usize = 50;

/// Asked for and removed together: few enough to be through with before time runs out.
const BATCH: usize = 10;

/// What is to be thought of a complete read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What is stored is what Belvo holds.
    Settled,
    /// More must be read before anything is believed.
    Doubtful,
}

impl Fetcher {
    /// Asks Belvo for each stored row that did not come back: `not_found` removes it; otherwise it has
    /// moved, or the list was not complete after all.
    pub(crate) async fn account_for_missing(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        reading: &mut Reading,
        index: &mut Index,
        doubts: usize,
    ) -> Result<Verdict, JobError> {
        self.resources
            .remove_doubles(link.record.hold(), index)
            .await?;
        let mut missing = index.without(&reading.ids);
        missing.sort_unstable();
        if missing.is_empty() {
            return Ok(Verdict::Settled);
        }
        let resource = link.record.resource(target.kind);
        let pass = resource.pass.as_ref();
        let is_recent = pass.is_some_and(|it| it.scope != Scope::Everything);
        let whole_list = is_recent || target.days.is_all();
        let is_empty = whole_list && reading.is_empty();
        if is_empty && (is_recent || !self.believes_empty(link, target.kind)) {
            return Ok(Verdict::Doubtful);
        }
        if missing.len() > MANY && !is_empty && (is_recent || doubts == 0) {
            runtime::count(Metric::RowsMissing, self.clock.now());
            return Ok(Verdict::Doubtful);
        }
        let hidden = self.ask_for(link, target, missing, reading, index).await?;
        Ok(match hidden && doubts == 0 {
            true => Verdict::Doubtful,
            false => Verdict::Settled,
        })
    }

    /// Says whether one of the rows should have come with the list.
    async fn ask_for(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        missing: Vec<String>,
        reading: &mut Reading,
        index: &mut Index,
    ) -> Result<bool, JobError> {
        let hold = link.record.hold();
        let mut hidden = false;
        for ids in missing.chunks(BATCH) {
            link.batch.deadline.check()?;
            let mut gone = Vec::new();
            for id in ids {
                let object = match self.belvo.row(target.kind, id).await {
                    Ok(object) => object,
                    Err(BelvoError::NotFound { .. }) => {
                        gone.push(id.clone());
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                let row = ResourceRow::new(
                    target.kind,
                    link.record.link_id,
                    target.external_id,
                    &object,
                );
                // What can no longer be stored stays as it was, and is named on the link.
                let Ok(row) = row else { continue };
                hidden |= target.days.contains(row.value_date());
                let moved = self.resources.write(hold, vec![row], index).await?;
                link.rows_changed(target.kind, moved);
                link.progressed |= moved > 0;
            }
            self.resources.remove(hold, &gone, index).await?;
            reading.removed += gone.len() as u64;
            link.rows_changed(target.kind, gone.len() as u64);
            link.progressed |= !gone.is_empty();
        }
        Ok(hidden)
    }
}
