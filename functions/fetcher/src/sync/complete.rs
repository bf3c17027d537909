//! Reads a list until it agrees with itself, and every stored row it did not give is accounted for.

use belvo::{BelvoError, Page};
use domain::link::{RunEnd, Tally};
use runtime::Metric;

use super::Target;
use super::list_read::ListRead;
use super::pages::Reading;
use crate::error::Result;
use crate::leased::LeasedLink;

/// Pages are numbered, so rows shift when Belvo writes meanwhile. A list is read so often.
const READS: usize = 3;

/// Reads until a read is complete and what did not come back is accounted for.
pub(super) async fn read_completely(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    mut first: Option<Page>,
) -> Result<ListRead> {
    let (bound, kind, days) = (target.bound, target.kind, target.days);
    let index = link.fetcher.resources.index(bound, kind, days).await?;
    let mut reading = Reading {
        link,
        target,
        index,
        read: ListRead::default(),
    };
    let mut read_again = false;
    for _ in 0..READS {
        reading.read_pages(first.take()).await?;
        if !reading.read.is_complete() {
            continue;
        }
        let given = &reading.read.ids;
        reading.link.record.observe_list(kind, given);
        let doubted = reading.doubts_missing(read_again).await?;
        let mut read = std::mem::take(&mut reading.read);
        if read_again || !doubted || read.is_empty() {
            read.doubted = doubted;
            read.stored = reading.index.count();
            return Ok(read);
        }
        read_again = true;
    }
    let what = "as many rows as it counts";
    Err(BelvoError::Unexpected { what }.into())
}

/// Reads the whole list in one go.
pub(super) async fn read_at_once(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    first: Option<Page>,
) -> Result<RunEnd> {
    let read = read_completely(link, target, first).await?;
    let doubts_empty = read.doubted && read.is_empty();
    let resource = link.record.resource(target.kind);
    resource.rows = read.stored;
    if let Some(run) = &mut resource.run {
        run.tally = Tally {
            added: read.added,
            ..read.tally
        };
    }
    if doubts_empty {
        runtime::count(Metric::ListEmpty, link.fetcher.clock.now());
        // The rows are kept, and Belvo may have lost the link as well.
        link.record.pending.link = true;
    } else {
        resource.empty_since = None;
    }
    Ok(RunEnd::Complete)
}
