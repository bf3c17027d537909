//! Makes what is stored of a resource what Belvo holds. The rules of a run are in
//! [`domain::link`]; here lists are read and rows written.
//!
//! | module | does |
//! |---|---|
//! | `run` | does the run that is pending of a resource: over some days, or the whole list |
//! | `chunks` | a long statement, read in chunks by date |
//! | `complete` | reads a list until it agrees with itself |
//! | `slices` | reads a list a second way that never does |
//! | `removals` | stored rows that a list did not give |
//! | `belief` | which rows of a page are believed to be of the link |
//! | `pages` | reads pages and writes rows that differ |
//! | `list_read` | what one read of a list has found |

mod belief;
mod chunks;
mod complete;
mod list_read;
mod pages;
mod removals;
mod run;
mod slices;

use domain::link::later;
use domain::{DateRange, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use store::{BoundLink, ResourceRow};

pub(crate) use run::run;

/// What is read.
#[derive(Clone, Copy)]
struct Target<'a> {
    bound: &'a BoundLink,
    kind: ResourceKind,
    /// Which movements.
    days: DateRange,
    /// Every row that Belvo had made before this time was stored under some key.
    known_before: Option<Timestamp>,
}

/// Belvo says when it made a row, and we when we were done with reading. The clocks agree within
/// this time.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(2);

impl Target<'_> {
    /// Whether a row was made so early that it was stored.
    fn was_known(&self, row: &ResourceRow) -> bool {
        self.was_made_by(row, SignedDuration::ZERO)
    }

    /// Whether it may have been.
    fn may_be_known(&self, row: &ResourceRow) -> bool {
        self.was_made_by(row, CLOCKS_DIFFER)
    }

    fn was_made_by(&self, row: &ResourceRow, clocks_differ: SignedDuration) -> bool {
        self.known_before.is_some_and(|known_before| {
            let latest = later(known_before, clocks_differ);
            row.created_at().is_none_or(|created| created <= latest)
        })
    }
}
