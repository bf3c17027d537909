//! Makes what is stored of a resource what Belvo holds. The rules of a run are in
//! [`domain::link`]; here lists are read and rows written.
//!
//! | module | does |
//! |---|---|
//! | `run` | does the run that is pending of a resource: over some days, or the whole list |
//! | `chunks` | a long statement, read in chunks by date |
//! | `complete` | reads a list until it agrees with itself |
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

use domain::{DateRange, ResourceKind};
use jiff::Timestamp;
use store::BoundLink;

pub(crate) use run::run;

/// What is read.
#[derive(Clone, Copy)]
struct Target<'a> {
    bound: &'a BoundLink,
    kind: ResourceKind,
    /// Which movements.
    days: DateRange,
    /// A row made before this time and not stored among these days may be stored elsewhere.
    known_before: Option<Timestamp>,
}
