//! Which rows of a page are believed to be of the link that was asked for.

use belvo::Row;
use domain::link::RowOrigin;

use super::Target;
use super::list_read::{ListRead, Refusal};
use crate::error::Result;
use crate::leased::LeasedLink;

/// Gives, for each row of a page in its order, why it is refused, if it is.
///
/// A row that does not name the link is not believed among rows of others either, even if Belvo
/// filters a moment later.
pub(super) async fn refusals(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    read: &mut ListRead,
    rows: &[Row],
) -> Result<Vec<Option<Refusal>>> {
    let found = link.origins_of(rows).await?;
    read.filter.observe(&found);
    read.names_link |= found.contains(&RowOrigin::Own);
    link.asked().1.observe(target.kind, &found);
    let mixed = read.is_mixed() || found.contains(&RowOrigin::Foreign);
    let mut refusals = Vec::with_capacity(rows.len());
    for origin in found {
        let (asked, origins) = link.asked();
        let vouched = match origin {
            RowOrigin::Own => true,
            RowOrigin::Foreign => false,
            RowOrigin::Renewed | RowOrigin::Unnamed => {
                let vouches = read.filter.vouches_for(origin, asked, target.kind, origins);
                !mixed && vouches.await?
            }
        };
        let refusal = match origin {
            _ if vouched => None,
            RowOrigin::Unnamed => Some(Refusal::NoLink),
            RowOrigin::Own | RowOrigin::Renewed | RowOrigin::Foreign => Some(Refusal::AnotherLink),
        };
        // Without rows of others, only Belvo's filter is in doubt.
        read.is_doubtful |= refusal.is_some() && !mixed;
        refusals.push(refusal);
    }
    Ok(refusals)
}
