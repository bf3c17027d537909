//! Records, into and out of DynamoDB.
//!
//! [`ResourceStore`] is the table of links and what belongs to them; [`ConnectionStore`] is the
//! table of attempts to connect. Each is split by what is stored:
//!
//! | module | records |
//! |---|---|
//! | `link` | `LINK`: whose a link is and what is known of its resources |
//! | `links` | the same, in and out |
//! | `agenda` | what a link waits for, and the index of links that wait |
//! | `resources` | `OWNERS#…` to `INVESTMENT_TRANSACTIONS#…`: Belvo's objects |
//! | `consents` | `CONSENT#…` |
//! | `journal` | `EVENT#…`: which webhooks came and what they led to |
//! | `attempts` | attempts and their outcomes, and the hourly caps |
//!
//! `value` turns Belvo's JSON into DynamoDB's types without losing a digit, `row` gives an object
//! its key and its hash. How items look is private to this crate.

mod agenda;
mod attempts;
mod batch;
mod consents;
mod error;
mod index;
mod journal;
mod link;
mod links;
mod resources;
mod row;
mod value;

pub use agenda::{Agenda, Due, DueLink, SHARDS};
pub use attempts::{AttemptRecord, Cap, ConnectionStore};
pub use consents::{ConsentFacts, StoredConsents};
pub use error::StoreError;
pub use index::Index;
pub use journal::JournalEntry;
pub use link::{
    Found, LinkRecord, LinkStatus, OwnerVerdict, Pass, ResourceRecord, ResourceState, Scope,
    TotalsVerdict, Trouble,
};
pub use resources::{Hold, ResourceStore};
pub use row::{ResourceRow, parent_of};
pub use value::Unstorable;
