//! What belongs to one user, out of DynamoDB: what `links` and `token` are built with.
//!
//! Every read takes a [`UserScope`], and only verified claims make one. So a handler cannot read
//! another user's data by mistake: the `external_id` that stands on a LINK record is no scope. Only
//! the monthly counters lie under a document: a LINK that was read by a scope gives its hash.
//!
//! ```no_run
//! use domain::{DateRange, LinkId, ResourceKind, UserScope};
//! use user_store::{RowPage, StoreError, UserLinks, UserRows};
//!
//! async fn handler(
//!     scope: &UserScope,
//!     links: &UserLinks,
//!     rows: &UserRows,
//!     id: LinkId,
//! ) -> Result<Option<RowPage>, StoreError> {
//!     let Some(link) = links.link(scope, id).await? else {
//!         return Ok(None);
//!     };
//!     let Some(external_id) = &link.external_id else {
//!         return Ok(None);
//!     };
//!     let (kind, days) = (ResourceKind::Accounts, DateRange::ALL);
//!     let page = rows.rows(scope, id, kind, days, None, 100);
//!     Ok(Some(page.await?))
//! }
//! ```
//!
//! The same handler with the user of the link that was loaded does not compile:
//!
//! ```compile_fail
//! use domain::{DateRange, LinkId, ResourceKind, UserScope};
//! use user_store::{RowPage, StoreError, UserLinks, UserRows};
//!
//! async fn handler(
//!     scope: &UserScope,
//!     links: &UserLinks,
//!     rows: &UserRows,
//!     id: LinkId,
//! ) -> Result<Option<RowPage>, StoreError> {
//!     let Some(link) = links.link(scope, id).await? else {
//!         return Ok(None);
//!     };
//!     let Some(external_id) = &link.external_id else {
//!         return Ok(None);
//!     };
//!     let (kind, days) = (ResourceKind::Accounts, DateRange::ALL);
//!     let page = rows.rows(external_id, id, kind, days, None, 100);
//!     Ok(Some(page.await?))
//! }
//! ```
//!
//! | module | table | gives |
//! |---|---|---|
//! | `links` | `LinkTable` | [`UserLinks`]: LINK, CONSENT, the webhook log, the mark of an erasure |
//! | `rows` | `ResourceTable` | [`UserRows`]: Belvo's objects |
//! | `connections` | `ConnectionTable` | [`UserConnections`]: attempts, receipts, counters |

mod connections;
mod links;
mod page;
mod rows;

pub use connections::{Cap, UserConnections};
pub use links::UserLinks;
pub use page::{RowPage, Start, StoredRow};
pub use rows::{Days, UserRows};
pub use table::record::consent::ConsentDetails;
pub use table::record::receipt::{Erasure, ErasureScope, Receipt};
pub use table::record::usage::Spent;
pub use table::{Result, StoreError};
