//! How many rows Belvo says there are, and what follows where that is not what came.
//!
//! Every such number is a hint: webhooks come late, twice or never, and a list may count other rows
//! than it gives. What came is believed; a number that disagrees is a reason to read more.

use jiff::{SignedDuration, Timestamp};

use super::backoff::{Backoff, Jitter};
use super::pending::SyncMode;
use super::resource::{Miscount, Resource, SyncRun, TotalsVerdict};
use super::schedule::{Reason, later};
use super::state::Link;
use crate::event::Totals;
use crate::resource::ResourceKind;

/// For so long a list that disagrees with its count is looked at again without news.
const MISCOUNT_LOOKS: SignedDuration = SignedDuration::from_hours(24);

impl Resource {
    /// Takes the numbers of a webhook that no sync covers yet. `new_rows` of them are to be looked for.
    pub(super) fn announce(&mut self, totals: &Totals, new_rows: u64, is_repeated: bool) {
        self.announced_new = self.announced_new.saturating_add(new_rows);
        let more = totals.new_rows.filter(|_| !is_repeated).unwrap_or_default();
        let with_new = self.announced_rows.map(|known| known.saturating_add(more));
        let announced = totals.rows.or(with_new);
        if announced != self.announced_rows {
            self.announced_rows = announced;
            self.totals = None;
        }
    }

    /// Whether the last sync has found so many new rows that no webhook had announced until then.
    pub(super) fn has_found_already(&mut self, new_rows: u64) -> bool {
        let Some(last) = &mut self.last_sync else {
            return false;
        };
        let left = last.surplus.checked_sub(new_rows);
        last.surplus = left.unwrap_or(last.surplus);
        left.is_some()
    }

    /// Compares what is stored with what Belvo says, at the end of a run. Of several numbers the
    /// newest counts, and that is the one of the list that was read.
    pub(super) fn compare(&mut self, run: &SyncRun, agrees: Option<bool>, now: Timestamp) {
        let ours = self.rows.saturating_add(self.rejected_rows);
        let listed = match run.mode {
            SyncMode::Full => {
                let rows = run.tally.miscount;
                self.miscount = (rows != 0).then(|| Miscount {
                    rows,
                    backoff: Backoff::next(self.miscount.map(|it| it.backoff).as_ref(), now),
                });
                run.tally.rows.saturating_add(run.tally.rejected_rows)
            }
            SyncMode::Incremental => ours,
        };
        let counted = listed.saturating_add_signed(self.miscount_rows());
        let announced = run.announced.as_ref().and_then(|it| it.rows);
        let announced = announced.filter(|_| self.miscount.is_none());
        self.announced_rows = Some(announced.unwrap_or(counted));
        self.totals = Some(match agrees.unwrap_or(true) && counted == ours {
            true => TotalsVerdict::Agrees,
            false => TotalsVerdict::Differs,
        });
    }

    fn miscount_rows(&self) -> i64 {
        self.miscount.map_or(0, |it| it.rows)
    }
}

impl Link {
    /// How many rows Belvo counts if nothing has changed since the last sync.
    pub fn expected_count(&self, kind: ResourceKind) -> u64 {
        let resource = self.resources.get(&kind);
        resource.map_or(0, |it| {
            let ours = it.rows.saturating_add(it.rejected_rows);
            ours.saturating_add_signed(it.miscount_rows())
        })
    }

    /// Whether a statement costs no more requests whole than in part, which are the pages of so many
    /// recent rows and one for the number of all. Then the run is a full one.
    pub fn is_cheaper_whole(&mut self, kind: ResourceKind, recent: u64, page_size: u32) -> bool {
        let known = self.expected_count(kind);
        let Some(run) = &mut self.resource(kind).run else {
            return false;
        };
        let new_rows = run.announced_new;
        let pages = |rows: u64| {
            let rows = rows.saturating_add(new_rows);
            rows.div_ceil(u64::from(page_size.max(1))).max(1)
        };
        let is_cheaper = pages(known) <= pages(recent) + 1;
        if is_cheaper {
            run.mode = SyncMode::Full;
        }
        is_cheaper
    }

    /// When a list is looked at again that disagrees with its count: Belvo may have been writing it.
    pub(super) fn next_look_at_miscount(
        &self,
        kind: ResourceKind,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let miscount = self.resources.get(&kind)?.miscount?;
        let is_new = now.duration_since(miscount.backoff.since) < MISCOUNT_LOOKS;
        let jitter = Jitter::new(self.link_id, self.fencing_token);
        is_new.then(|| later(now, miscount.backoff.delay(jitter)))
    }

    /// A list in doubt is read again then, unless another one is due sooner.
    pub(super) fn doubt_until(&mut self, at: Option<Timestamp>) {
        let known = self.schedule.get(Reason::EmptyList);
        if let Some(at) = at {
            let first = known.map_or(at, |known| known.min(at));
            self.schedule.set(Reason::EmptyList, first);
        }
    }
}

#[cfg(test)]
mod tests;
