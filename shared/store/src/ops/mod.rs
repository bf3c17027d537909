//! What the stores do, a file for each kind of record.
//!
//! | store | modules |
//! |---|---|
//! | [`LinkStore`](crate::LinkStore) | `links`, `accounts`, `due`, `webhook_log`, `consents`, `erasures` |
//! | [`ResourceStore`](crate::ResourceStore) | `accounts`, `row_index`, `row_writes`, `erasures` |
//! | [`ConnectionStore`](crate::ConnectionStore) | `attempts`, `receipts`, `usage`, `heard_codes` |

mod accounts;
mod attempts;
pub mod consents;
pub mod due;
mod erasures;
mod heard_codes;
pub mod links;
mod receipts;
pub mod row_index;
mod row_writes;
mod usage;
mod webhook_log;
