//! What both stores know of DynamoDB, and nothing else.
//!
//! `store` is what the fetcher and the sweeper are built with, `user-store` what `links` and
//! `token` are built with. No other crate may depend on this one: it reads by any key.
//!
//! | module | does |
//! |---|---|
//! | `table` | a table: a client and a name; reads and writes of single items |
//! | `item` | the one codec between records and items |
//! | `value` | Belvo's JSON into DynamoDB's types and back, without losing a digit |
//! | `row` | a Belvo object: its key, its hash, its references |
//! | `signed_address` | addresses without the signatures that differ at every read |
//! | `record` | the stored records, plain, with their keys |
//! | `query` | queries, read to their end |
//! | `update` | updates of an item, member by member |
//! | `retry` | backoffs and conditions |
//! | `transaction` | many changes or none |
//! | `pace`, `batch` | many writes in few calls, paced by the partition they go to |

mod batch;
pub mod error;
pub mod item;
mod pace;
pub mod query;
pub mod record;
pub mod retry;
pub mod row;
mod signed_address;
mod table;
pub mod transaction;
mod update;
pub mod value;

pub use error::{Result, StoreError};
pub use item::Item;
pub use table::{Consistency, Table};
pub use update::Update;
