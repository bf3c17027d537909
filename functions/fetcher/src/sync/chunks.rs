//! A long statement, read in chunks by `value_date`.
//!
//! Each chunk is read, compared and completed alone, so that memory stays flat however long the
//! statement is, and a later job goes on where this one stops.

use domain::link::{RunEnd, SyncRun, utc_day};
use domain::{Code, DateRange, ResourceKind};
use jiff::civil::Date;

use super::Target;
use super::complete::{read_at_once, read_completely};
use super::list_read::miscount;
use crate::error::Result;
use crate::leased::LeasedLink;

/// So many pages fit well into an invocation.
const FEW_PAGES: u64 = 20;

/// Reads a statement from its end to its beginning: the latest movements are wanted first.
pub(super) async fn read_chunks(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    mut run: SyncRun,
) -> Result<RunEnd> {
    let kind = target.kind;
    let resource = link.record.resource(kind);
    let last = resource.last_full_sync.and(resource.last_sync);
    let known_before = run.rows_known_at.or(last.map(|it| it.ended_at));
    loop {
        link.batch.deadline.check()?;
        let (days, is_last) = next_chunk(link, kind, &run).await?;
        let target = Target {
            days,
            known_before,
            ..target
        };
        let resources = &link.fetcher.resources;
        let index = resources.index(target.bound, kind, days).await?;
        let read = Box::pin(read_completely(link, target, index, None)).await?;
        run.tally.add(read.tally);
        run.cursor = days.from.or(run.cursor);
        if let Some(noted) = &link.record.resource(kind).run {
            run.missing.clone_from(&noted.missing);
            run.settling = noted.settling;
        }
        link.progressed = true;
        if is_last {
            break;
        }
        link.record.resource(kind).run = Some(run.clone());
        link.save_on_the_way().await?;
    }
    finish_chunks(link, target, run).await
}

/// Compares the sum of all chunks with what Belvo counts and with what is stored.
async fn finish_chunks(
    link: &mut LeasedLink<'_>,
    target: Target<'_>,
    mut run: SyncRun,
) -> Result<RunEnd> {
    let (belvo, kind, link_id) = (&link.fetcher.belvo, target.kind, link.record.link_id);
    let all = belvo.count(kind, link_id, DateRange::ALL).await?;
    let found = run.tally.rows + run.tally.rejected_rows;
    let all = all.unwrap_or(found);
    let stored = link.fetcher.resources.count(target.bound, kind).await?;
    let missing: u64 = run.missing.values().map(|it| it.missing).sum();
    run.tally.miscount = 0;
    if all != found {
        let dated = DateRange::since(Date::constant(1, 1, 1));
        let dated = belvo.count(kind, link_id, dated).await?;
        if dated != Some(found) {
            // Belvo may have written into chunks that were read already.
            let is_news = link.record.resource(kind).miscount.is_none();
            if is_news && !run.retried {
                link.record.resource(kind).run = Some(run);
                return Ok(RunEnd::Repeat);
            }
            run.tally.rows = stored.saturating_sub(missing);
            run.tally.miscount = miscount(all, run.tally.rows + run.tally.rejected_rows);
        } else {
            // The others have no date, and no filter by date finds them. If there is no time for all
            // rows at once, the chunks become smaller, and these rows are left out.
            let has_time = run.chunk_size == link.fetcher.chunk_size;
            if has_time && all <= FEW_PAGES * u64::from(belvo.page_size().rows()) {
                link.progressed = false;
                return Box::pin(read_at_once(link, target, None)).await;
            }
            run.tally.rejected_rows += all.saturating_sub(found);
            let undated = Code::lenient("undated");
            let name = "rows without a date".to_owned();
            run.tally.rejected.insert(name, undated);
        }
    }
    let moved = stored != run.tally.rows + missing && !run.retried;
    if moved {
        // Rows have moved from one chunk to another while those were read. Each is stored
        // under some key now, so the second try looks for those it does not find in a chunk.
        run.rows_known_at = Some(link.fetcher.clock.now());
    }
    let resource = link.record.resource(kind);
    resource.rows = stored;
    resource.run = Some(run);
    Ok(match moved {
        true => RunEnd::Repeat,
        false => RunEnd::Complete,
    })
}

/// The days to read next, and whether no rows are left before them.
async fn next_chunk(
    link: &LeasedLink<'_>,
    kind: ResourceKind,
    run: &SyncRun,
) -> Result<(DateRange, bool)> {
    let today = utc_day(link.fetcher.clock.now());
    let to = run.cursor.and_then(|cursor| cursor.yesterday().ok());
    let rest = DateRange { from: None, to };
    if run.cursor.is_some() && !link.has_more(kind, rest, run.chunk_size).await? {
        return Ok((rest, true));
    }
    let mut days = DateRange {
        from: Some(to.unwrap_or(today).first_of_month()),
        to,
    };
    while link.has_more(kind, days, run.chunk_size).await? {
        match days.later_half(today) {
            Some(half) => days = half,
            None => break,
        }
    }
    Ok((days, false))
}
