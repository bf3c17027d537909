//! What connecting and refreshing spend of the user's monthly Open Finance limits.

use domain::{Link, Month, Quota};
use jiff::Timestamp;

use crate::error::Result;
use crate::fetcher::Fetcher;

/// Counts what was spent of the month, for the person whose accounts the link holds. It is counted
/// once for an occasion, however often this runs.
pub(crate) async fn count(
    fetcher: &Fetcher,
    link: &Link,
    occasion: &str,
    at: Timestamp,
    spent: impl Iterator<Item = Quota>,
) -> Result<()> {
    let Some(owner) = &link.owner_document else {
        return Ok(());
    };
    let counted = fetcher
        .connections
        .spend(owner, Month::of(at), occasion, spent);
    Ok(counted.await?)
}
