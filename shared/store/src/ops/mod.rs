//! What the stores do, a file for each kind of record.
//!
//! | store | modules |
//! |---|---|
//! | [`LinkStore`](crate::LinkStore) | `links`, `due`, `webhook_log`, `consents`, `erasures` |
//! | [`ResourceStore`](crate::ResourceStore) | `row_index`, `row_writes`, `erasures` |
//! | [`ConnectionStore`](crate::ConnectionStore) | `attempts`, `receipts`, `usage` |

mod attempts;
pub mod consents;
pub mod due;
mod erasures;
pub mod links;
mod receipts;
pub mod row_index;
mod row_writes;
mod usage;
mod webhook_log;
