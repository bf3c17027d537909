//! Every link and every row, out of and into DynamoDB: what the fetcher and the sweeper are built
//! with. It reads LINK by `link_id` alone, of any user; a list of links is of the user of a link that
//! a job works on.
//!
//! What answers a user is built with `user-store` instead, where every read takes the user's scope.
//!
//! | module | does |
//! |---|---|
//! | `lease` | [`Lease`]: the right of a job to a link; [`BoundLink`]: to the rows of its user |
//! | `stores` | [`LinkStore`], [`ResourceStore`], [`ConnectionStore`]: a table each |
//! | `fence` | changes that a later job makes impossible |
//! | `ops` | operations, a file for each kind of record |
//!
//! **Invariant:** a row lies under the user its link is bound to, and a link never changes its user.

mod fence;
mod lease;
mod ops;
mod stores;

pub use lease::{BoundLink, Lease};
pub use ops::consents::ConsentIndex;
pub use ops::due::DueLink;
pub use ops::links::Acquired;
pub use ops::row_index::Index;
pub use stores::{ConnectionStore, LinkStore, ResourceStore};
pub use table::StoreError;
pub use table::record::consent::ConsentDetails;
pub use table::record::due::SHARDS;
pub use table::record::receipt::{Erased, Erasure, ErasureScope, Receipt};
pub use table::record::tombstone::Tombstone;
pub use table::record::usage::Spent;
pub use table::row::ResourceRow;
pub use table::value::Unstorable;
