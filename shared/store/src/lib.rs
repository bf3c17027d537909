//! Records, into and out of DynamoDB.
//!
//! [`ResourceStore`] is the table of links and what belongs to them; [`ConnectionStore`] is the
//! table of attempts to connect. Each is split by what is stored:
//!
//! | module | records |
//! |---|---|
//! | `link` | `LINK`: whose a link is and what is known of its resources |
//! | `resources` | `OWNERS#…` to `INVESTMENT_TRANSACTIONS#…`: Belvo's objects |
//! | `consents` | `CONSENT#…` |
//! | `journal` | `EVENT#…`: which webhooks came and what they led to |
//! | `attempts` | attempts and their outcomes, and the hourly caps |
//!
//! `value` turns Belvo's JSON into DynamoDB's types without losing a digit, `row` gives an object
//! its key and its hash. How items look is private to this crate.

mod attempts;
mod batch;
mod consents;
mod error;
mod journal;
mod link;
mod resources;
mod row;
mod value;

pub use attempts::{AttemptRecord, Cap, ConnectionStore};
pub use consents::ConsentFacts;
pub use error::StoreError;
pub use journal::JournalEntry;
pub use link::{
    LinkRecord, LinkStatus, OwnerVerdict, ResourceRecord, ResourceState, TotalsVerdict,
};
pub use resources::{Index, ResourceStore};
pub use row::ResourceRow;
pub use value::Unstorable;
