//! What one read of a list has found.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use belvo::{Page, SpoiledRow};
use domain::Code;
use domain::link::{AccountDays, MAX_REJECTED, Tally};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Index, ResourceRow, Unstorable};
use strum::IntoStaticStr;

use super::Target;
use crate::origin::Filter;

/// Why a row is not stored, though it could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Refusal {
    /// It names another link, or another user.
    AnotherLink,
    /// It names none, and nothing else shows whose it is.
    NoLink,
}

/// What one read of a list has found.
#[derive(Default)]
pub(super) struct ListRead {
    /// How many rows Belvo counts; more than one number if the list changed meanwhile.
    pub(super) counts: BTreeSet<u64>,
    /// Rows that came, with repetitions.
    seen: u64,
    /// Different rows that can be stored.
    pub(super) ids: HashSet<String>,
    /// Rows that cannot be stored, to tell repetitions.
    rejects: HashSet<u64>,
    pub(super) tally: Tally,
    /// Rows that Belvo says are gone.
    pub(super) removed: u64,
    /// Rows that are stored now.
    pub(super) stored: u64,
    /// Whether a row came that should have been stored long ago.
    pub(super) missed: bool,
    /// Whether more must be read before rows that it did not give are believed to be gone.
    pub(super) doubted: bool,
    /// Whether a list of some days gave other rows than it counts, whenever it was read.
    pub(super) disagrees: bool,
    /// Rows that may be stored under another date.
    pub(super) relocated: Vec<ResourceRow>,
    pub(super) filter: Filter,
    /// Whether a row of it names the link.
    pub(super) names_link: bool,
    /// Whether rows were refused because Belvo may not filter the list: it is given up.
    pub(super) is_doubtful: bool,
}

impl Refusal {
    fn code(self) -> Code {
        Code::lenient(self.into())
    }
}

impl ListRead {
    /// Whether as many different rows came as Belvo counts, on every page. Where it does not count, no
    /// row may have come twice: pages that repeat rows hide others.
    pub(super) fn is_complete(&self) -> bool {
        let counted = *self.counts.first().unwrap_or(&self.seen);
        self.counts.len() <= 1 && counted == self.found()
    }

    /// How many more rows Belvo counts than there are here; none if it has counted so many once.
    pub(super) fn miscount(&self, ours: u64) -> i64 {
        let counted = self.counts.last().copied();
        let counted = counted.filter(|_| !self.counts.contains(&ours));
        counted.map_or(0, |counted| miscount(counted, ours))
    }

    /// Different rows that came.
    pub(super) fn found(&self) -> u64 {
        self.ids.len() as u64 + self.tally.rejected_rows
    }

    /// Whether no row of the link came. Rows of others are no reason to believe that it has none.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.tally.rejected_rows == self.tally.foreign_rows
    }

    /// Whether it gave rows of other links.
    pub(super) fn is_mixed(&self) -> bool {
        self.tally.foreign_rows > 0
    }

    pub(super) fn count_page(&mut self, page: &Page) {
        self.counts.extend(page.count);
    }

    /// Takes a row, and gives it back unless it may be stored under another date.
    pub(super) fn take(
        &mut self,
        row: ResourceRow,
        target: Target<'_>,
        index: &Index,
    ) -> Option<ResourceRow> {
        self.seen += 1;
        let is_new = self.ids.insert(row.id.clone());
        if is_new {
            self.add_up(&row);
        }
        if index.contains(&row.id) {
            return Some(row);
        }
        if target.may_be_known(&row) {
            self.relocated.push(row);
            return None;
        }
        self.tally.new_rows += u64::from(is_new);
        Some(row)
    }

    /// Takes an object that cannot be stored.
    pub(super) fn reject(&mut self, object: &RawValue, reason: Unstorable) {
        let reason = Code::lenient(&reason.to_string());
        self.leave_out(object.get(), id_of(object), reason);
    }

    /// Takes a row that is not JSON.
    pub(super) fn reject_spoiled(&mut self, row: &SpoiledRow) {
        let reason = Code::lenient(&Unstorable::NotJson.to_string());
        self.leave_out(row.text(), row.id(), reason);
    }

    /// Takes an object that is not believed to be the link's.
    pub(super) fn refuse(&mut self, object: &RawValue, refusal: Refusal) {
        let is_new = self.leave_out(object.get(), id_of(object), refusal.code());
        self.tally.foreign_rows += u64::from(is_new);
    }

    /// Refuses a row that was taken, because its account or investment is another link's.
    pub(super) fn refuse_taken(&mut self, row: &ResourceRow, index: &Index) {
        if !self.ids.remove(&row.id) {
            return;
        }
        if !index.contains(&row.id) {
            self.tally.new_rows = self.tally.new_rows.saturating_sub(1);
        }
        self.tally.rows = self.tally.rows.saturating_sub(1);
        self.tally.rejected_rows += 1;
        self.tally.foreign_rows += 1;
        self.name_refused(&row.id);
    }

    /// Names an object that is not in the list, and was refused all the same.
    pub(super) fn name_refused(&mut self, id: &str) {
        if self.tally.rejected.len() < MAX_REJECTED {
            let reason = Refusal::AnotherLink.code();
            self.tally.rejected.insert(id.to_owned(), reason);
        }
    }

    /// Names an object, and says whether it came for the first time.
    fn leave_out(&mut self, text: &str, id: Option<String>, reason: Code) -> bool {
        self.seen += 1;
        // A hash, because such rows are large.
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        if !self.rejects.insert(hasher.finish()) {
            return false;
        }
        self.tally.rejected_rows += 1;
        if self.tally.rejected.len() < MAX_REJECTED {
            // Neither an empty text nor a novel becomes a name on LINK.
            let name = id.filter(|id| (1..=64).contains(&id.len()));
            let name = name.unwrap_or_else(|| format!("row {}", self.seen));
            self.tally.rejected.insert(name, reason);
        }
        true
    }

    fn add_up(&mut self, row: &ResourceRow) {
        let (inflow, outflow) = match row.flow() {
            Some("INFLOW") => (1, 0),
            Some("OUTFLOW") => (0, 1),
            _ => (0, 0),
        };
        self.tally.add(Tally {
            rows: 1,
            inflow,
            outflow,
            first_date: row.value_date(),
            last_date: row.value_date(),
            ..Tally::default()
        });
        if let Some(day) = row.value_date().filter(|_| row.is_transaction()) {
            // Of one that names no account, no other link shows the days.
            let account = row.parent_id().unwrap_or_default();
            self.tally.observe_days(account, AccountDays::of(day));
        }
    }
}

/// How many more rows Belvo counts than there are here.
pub(super) fn miscount(counted: u64, ours: u64) -> i64 {
    let counted = i64::try_from(counted).unwrap_or(i64::MAX);
    counted.saturating_sub_unsigned(ours)
}

fn id_of(object: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let named: Option<Named> = serde_json::from_str(object.get()).ok();
    named.map(|named| named.id)
}
