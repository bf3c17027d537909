//! Finds the rows that match a query without examining a million rows for every page.
//!
//! Dates have an index, and the last results are cached, because a reader asks for one page after
//! the other. Any change drops both; a copy of the data starts with neither.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, OnceLock},
};

use jiff::civil::Date;

use crate::{data::transactions::Transaction, locked};

/// Cached results: one or two readers with one or two queries each. A result takes up to four bytes
/// a row.
const ANSWERS: usize = 4;

/// Row positions, in the order of the list.
pub type Positions = Arc<Vec<u32>>;

/// Index and cache for one state of a link.
#[derive(Debug, Default)]
pub struct Finder {
    days: OnceLock<BTreeMap<Date, Vec<u32>>>,
    answers: Mutex<VecDeque<(String, Positions)>>,
}

impl Finder {
    /// Positions of the rows that match a query; computed the first time only.
    pub fn answer(&self, query: String, look: impl FnOnce() -> Vec<u32>) -> Positions {
        let known = |answers: &VecDeque<(String, Positions)>| {
            let mut all = answers.iter();
            all.find_map(|(known, found)| (*known == query).then(|| found.clone()))
        };
        if let Some(found) = known(&locked(&self.answers)) {
            return found;
        }
        let found = Arc::new(look());
        let mut answers = locked(&self.answers);
        answers.push_back((query, found.clone()));
        if answers.len() > ANSWERS {
            answers.pop_front();
        }
        found
    }

    /// Positions of the rows between two dates, both included.
    pub fn between(&self, rows: &[Transaction], first: Date, last: Date) -> Vec<u32> {
        if first > last {
            return Vec::new();
        }
        let days = self.days.get_or_init(|| index(rows));
        let mut positions: Vec<u32> = days
            .range(first..=last)
            .flat_map(|(_, positions)| positions)
            .copied()
            .collect();
        // A row that was created later may have an earlier date.
        positions.sort_unstable();
        positions
    }
}

/// A copy starts empty, because it is about to change and the results would no longer hold.
impl Clone for Finder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

fn index(rows: &[Transaction]) -> BTreeMap<Date, Vec<u32>> {
    let mut days: BTreeMap<Date, Vec<u32>> = BTreeMap::new();
    for (position, row) in (0_u32..).zip(rows) {
        if let Some(day) = row.value_date {
            days.entry(day).or_default().push(position);
        }
    }
    days
}
