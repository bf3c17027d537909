//! Reads a list until it agrees with itself, and every stored row it did not give is accounted for.

use std::collections::{BTreeSet, HashSet};

use belvo::Page;
use domain::link::{RunEnd, SyncMode};
use runtime::Metric;
use store::Index;

use super::Target;
use super::list_read::ListRead;
use super::pages::Reading;
use crate::error::Result;
use crate::leased::LeasedLink;

/// Pages are numbered, so rows shift when Belvo writes meanwhile. A list is read so often.
const READS: usize = 3;

/// Reads until a read is complete and what did not come back is accounted for. A list that never gives
/// as many rows as it counts is read a second way; what that gives is all there is to be had.
///
/// `index` is what is stored of the target.
pub(super) async fn read_completely(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    index: Index,
    mut first: Option<Page>,
) -> Result<ListRead> {
    let resource = link.record.resource(target.kind);
    let in_full = resource
        .run
        .as_ref()
        .is_some_and(|it| it.mode == SyncMode::Full);
    let reads = match resource.miscount {
        // It has disagreed before, so another read will hardly be better.
        Some(_) => READS - 1,
        None => READS,
    };
    let mut reading = Reading {
        link,
        target,
        index,
        read: ListRead::default(),
    };
    let mut read_again = false;
    let (mut seen, mut counts) = (HashSet::new(), BTreeSet::new());
    for _ in 0..reads {
        Box::pin(reading.read_pages(first.take())).await?;
        if reading.read.is_complete() {
            let given = &reading.read.ids;
            reading.link.record.observe_list(target.kind, given);
            let doubted = Box::pin(reading.doubts_missing(read_again)).await?;
            if read_again || !doubted || reading.read.is_empty() {
                reading.read.doubted = doubted;
                return Ok(reading.into_read());
            }
            read_again = true;
        }
        seen.extend(reading.read.ids.iter().cloned());
        counts.append(&mut reading.read.counts);
    }
    if !in_full {
        reading.read.disagrees = true;
        return Ok(reading.into_read());
    }
    Box::pin(reading.read_slices()).await?;
    reading.read.ids.extend(seen);
    reading.read.counts.append(&mut counts);
    let given = &reading.read.ids;
    reading.link.record.observe_list(target.kind, given);
    reading.read.doubted = Box::pin(reading.doubts_missing(true)).await?;
    let mut read = reading.into_read();
    if read.is_complete() {
        return Ok(read);
    }
    if !read.is_empty() {
        // Each stored row has come, or was asked for.
        read.tally.rows = read.stored;
    }
    let ours = read.stored + read.tally.rejected_rows;
    read.tally.miscount = read.miscount(ours);
    Ok(read)
}

/// Reads the whole list in one go.
pub(super) async fn read_at_once(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    first: Option<Page>,
) -> Result<RunEnd> {
    let resources = &link.fetcher.resources;
    let index = resources
        .index(target.bound, target.kind, target.days)
        .await?;
    let read = Box::pin(read_completely(link, target, index, first)).await?;
    let doubts_empty = read.doubted && read.is_empty();
    let resource = link.record.resource(target.kind);
    resource.rows = read.stored;
    if let Some(run) = &mut resource.run {
        run.tally = read.tally;
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
