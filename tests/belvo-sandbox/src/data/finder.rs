//! Finding the rows that match a query, without looking at each of a million of them for every page.
//!
//! Days are looked up in an index, and the last answers are kept, because a reader asks for one page of
//! a list after the other. Both are forgotten as soon as anything changes, and never copied along.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, OnceLock},
};

use jiff::civil::Date;

use crate::{data::transactions::Transaction, locked};

/// How many answers are kept: a reader or two, and for each a query or two. Each takes up to four bytes a row.
const ANSWERS: usize = 4;

/// Positions of rows, in the order of the list.
pub type Positions = Arc<Vec<u32>>;

/// What is known about one state of a link.
#[derive(Debug, Default)]
pub struct Finder {
    days: OnceLock<BTreeMap<Date, Vec<u32>>>,
    answers: Mutex<VecDeque<(String, Positions)>>,
}

impl Finder {
    /// The positions that match a query, which are looked for only the first time.
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

    /// The positions of the rows from one day to another, both included.
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
        // Rows that came later may be of an earlier day.
        positions.sort_unstable();
        positions
    }
}

/// Nothing that was found in one state of a link is true of a copy that is about to change.
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
