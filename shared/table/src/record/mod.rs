//! The stored records, plain, with the key of each, and what both stores do with them. That takes
//! any user's id: the store that calls it has found out whose it is.
//!
//! | module | record | table |
//! |---|---|---|
//! | `link` | `LINK`: whose a link is and what is known of its resources | `LinkTable` |
//! | `erase_mark` | the part of LINK that its user sets | `LinkTable` |
//! | `due` | when LINK or TOMBSTONE is due | in both |
//! | `consent` | `CONSENT#…` | `LinkTable` |
//! | `webhook_log` | `EVENT#…`: which webhooks came and what they led to | `LinkTable` |
//! | `tombstone` | `TOMBSTONE`: what remains of an erased link | `LinkTable` |
//! | `attempt` | attempts to connect and their outcomes | `ConnectionTable` |
//! | `receipt` | what became of erasures | `ConnectionTable` |
//! | `heard_code` | that an operator has heard of a code today | `ConnectionTable` |
//! | `usage` | what was spent of the monthly Open Finance limits | `ConnectionTable` |
//!
//! Belvo's objects, all that `ResourceTable` holds, are in [`row`](crate::row).

pub mod attempt;
pub mod consent;
pub mod due;
pub mod erase_mark;
pub mod heard_code;
pub mod link;
pub mod receipt;
pub mod tombstone;
pub mod usage;
pub mod webhook_log;
