//! Records, into and out of DynamoDB.
//!
//! [`ResourceStore`] is the table of links and what belongs to them; [`ConnectionStore`] is the
//! table of attempts to connect. Each is split by what is stored:
//!
//! | module | records |
//! |---|---|
//! | `link` | `LINK`: whose a link is and what is known of its resources |
//! | `links` | the same, in and out |
//! | `change` | what other services are told of a link |
//! | `agenda` | what a link waits for, and the index of links that wait |
//! | `resources` | `OWNERS#…` to `INVESTMENT_TRANSACTIONS#…`: Belvo's objects |
//! | `rows` | the same on their way out, page by page |
//! | `consents` | `CONSENT#…` |
//! | `erasure` | the mark of a link that its user wants erased |
//! | `tombstone` | `TOMBSTONE`: what remains of it then |
//! | `journal` | `EVENT#…`: which webhooks came and what they led to |
//! | `attempts` | attempts and their outcomes, and the hourly caps |
//! | `receipts` | what became of erasures |
//! | `allowances` | what was spent of the monthly Open Finance limits |
//!
//! `value` turns Belvo's JSON into DynamoDB's types without losing a digit, `row` gives an object
//! its key and its hash. How items look is private to this crate.

mod agenda;
mod allowances;
mod attempts;
mod batch;
mod change;
mod consents;
mod erasure;
mod error;
mod index;
mod journal;
mod link;
mod links;
mod receipts;
mod resources;
mod row;
mod rows;
mod tombstone;
mod value;

pub use agenda::{Agenda, Due, DueLink, SHARDS};
pub use allowances::Spent;
pub use attempts::{AttemptRecord, Cap, ConnectionStore};
pub use change::{Change, ChangeKind};
pub use consents::{ConsentDetails, ConsentEnd, ConsentFacts, StoredConsents};
pub use erasure::Marked;
pub use error::StoreError;
pub use index::Index;
pub use journal::JournalEntry;
pub use link::{
    EraseMark, Found, LinkRecord, LinkStatus, OwnerVerdict, Pass, Refresh, ResourceRecord,
    ResourceState, Scope, TotalsVerdict, Trouble,
};
pub use links::Begun;
pub use receipts::{Erased, Erasure, ErasureScope, Receipt};
pub use resources::{Hold, ResourceStore};
pub use row::{ResourceRow, parent_of};
pub use rows::{Order, RowPage, Start, StoredRow};
pub use tombstone::Tombstone;
pub use value::Unstorable;
