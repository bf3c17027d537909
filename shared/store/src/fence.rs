//! Changes that are made only while no later job has acquired the link.
//!
//! The fencing token is on LINK, in `LinkTable`; what it guards may lie in either table.

use aws_sdk_dynamodb::types::TransactWriteItem;
use table::item::{self, number};
use table::record::link;
use table::retry::Backoff;
use table::transaction::TRANSACTION;
use table::{Item, Result, StoreError, Table};

use crate::lease::Lease;

/// Changes that fit into one transaction beside the check of the fencing token.
pub(crate) const CHANGES: usize = TRANSACTION - 1;

/// No later job has acquired the link. `:token` is in [`token`].
const NOT_SUPERSEDED: &str = "fencing_token = :token";

/// Makes all changes or none, and none once a later job has acquired the link. At most
/// [`CHANGES`], and no record twice.
///
/// # Errors
/// [`StoreError::Superseded`] when a later job has.
pub(crate) async fn change(
    links: &Table,
    lease: Lease,
    changes: Vec<TransactWriteItem>,
    doing: &'static str,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let key = link::key(lease.link_id);
    let check = links.checking(key, NOT_SUPERSEDED, Some(token(lease)))?;
    transact(links, check, changes, doing).await
}

/// Deletes LINK together with other changes of its partition, unless a later job has acquired it.
/// The condition takes the place of the check: a transaction takes no record twice.
///
/// # Errors
/// [`StoreError::Superseded`] when a later job has.
pub(crate) async fn delete_link(
    links: &Table,
    lease: Lease,
    changes: Vec<TransactWriteItem>,
    doing: &'static str,
) -> Result<()> {
    let condition = (NOT_SUPERSEDED, token(lease));
    let delete = links.deleting(link::key(lease.link_id), Some(condition))?;
    transact(links, delete, changes, doing).await
}

fn token(lease: Lease) -> Item {
    item::of([(":token", number(lease.fencing_token))])
}

/// The first item, and no other, depends on the fencing token.
async fn transact(
    links: &Table,
    first: TransactWriteItem,
    changes: Vec<TransactWriteItem>,
    doing: &'static str,
) -> Result<()> {
    let items = std::iter::once(first).chain(changes).collect();
    match links.transact(items, Backoff::Job, doing).await? {
        true => Ok(()),
        false => Err(StoreError::Superseded),
    }
}
