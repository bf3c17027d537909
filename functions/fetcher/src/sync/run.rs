//! One run of a resource, from what is pending to a conclusion. It reads some days, or the whole
//! list.

use domain::link::{RunEnd, SyncMode, SyncRun, Synced};
use domain::{DateRange, ResourceKind};
use store::BoundLink;

use super::Target;
use super::chunks::read_chunks;
use super::complete::{read_at_once, read_completely};
use crate::error::Result;
use crate::leased::LeasedLink;

/// Does the run that is pending or under way. What it cannot finish stays on LINK.
pub(crate) async fn run(link: &mut LeasedLink<'_>, kind: ResourceKind) -> Result<Option<Synced>> {
    let (chunk_size, now) = (link.fetcher.chunk_size, link.fetcher.clock.now());
    let received_at = link.batch.received_at;
    if link.record.start_run(kind, chunk_size, received_at, now) {
        link.save_on_the_way().await?;
    }
    let end = match link.lease.bound(&link.record) {
        Some(bound) => read(link, &bound, kind).await?,
        // Only bound links are synced.
        None => RunEnd::Complete,
    };
    // What rows refer to may have changed.
    link.parents.remove(&kind);
    let now = link.fetcher.clock.now();
    Ok(link.record.conclude_run(kind, end, now))
}

/// Reads what the run on LINK is about.
pub(super) async fn read(
    link: &mut LeasedLink<'_>,
    bound: &BoundLink,
    kind: ResourceKind,
) -> Result<RunEnd> {
    let Some(run) = link.record.resource(kind).run.clone() else {
        return Ok(RunEnd::Complete);
    };
    let target = Target {
        bound,
        kind,
        days: DateRange::ALL,
        known_before: None,
    };
    match run.mode {
        SyncMode::Incremental => Box::pin(read_recent(link, target, run)).await,
        SyncMode::Full => Box::pin(read_full(link, target, run)).await,
    }
}

/// Reads what can have changed since the last sync, and asks how many rows there are in all: what came
/// or went before those days shows in that number, or in what the webhook has announced. A statement
/// that costs no more requests so is read whole.
async fn read_recent(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    run: SyncRun,
) -> Result<RunEnd> {
    let (kind, now) = (target.kind, link.fetcher.clock.now());
    let window_days = link.fetcher.config.policy.transaction_window_days;
    let last = link.record.resource(kind).last_sync;
    let recent = Target {
        days: link.record.incremental_range(kind, window_days, now),
        known_before: last.map(|it| it.ended_at),
        ..target
    };
    let resources = &link.fetcher.resources;
    let index = resources.index(target.bound, kind, recent.days).await?;
    let page_size = link.fetcher.belvo.page_size().rows();
    if link.record.is_cheaper_whole(kind, index.count(), page_size) {
        let mode = SyncMode::Full;
        return Box::pin(read_full(link, target, SyncRun { mode, ..run })).await;
    }
    let read = Box::pin(read_completely(link, recent, index, None)).await?;
    if read.doubted || read.missed || read.disagrees {
        return Ok(RunEnd::NeedsFull);
    }
    let resource = link.record.resource(kind);
    resource.rows = (resource.rows + read.tally.new_rows).saturating_sub(read.removed);
    let lacks_new = read.tally.new_rows < run.announced_new;
    if let Some(run) = &mut resource.run {
        run.tally.add(read.tally);
    }
    let (belvo, link_id) = (&link.fetcher.belvo, link.record.link_id);
    let all = belvo.count(kind, link_id, DateRange::ALL).await?;
    Ok(match all == Some(link.record.expected_count(kind)) {
        true if lacks_new => RunEnd::Unfound,
        true => RunEnd::Complete,
        false => RunEnd::NeedsFull,
    })
}

/// Reads the whole list, at once if that is not too much.
async fn read_full(link: &mut LeasedLink<'_>, target: Target<'_>, run: SyncRun) -> Result<RunEnd> {
    if run.cursor.is_none() {
        let kind = target.kind;
        let first = link.begin_list(kind, DateRange::ALL).await?;
        // Only transactions can be divided: Belvo filters no other list by date.
        let divisible = kind == ResourceKind::Transactions;
        let is_short = first.count.is_some_and(|count| count <= run.chunk_size);
        if !divisible || is_short || !link.has_more(kind, target.days, run.chunk_size).await? {
            return Box::pin(read_at_once(link, target, Some(first))).await;
        }
    }
    Box::pin(read_chunks(link, target, run)).await
}
