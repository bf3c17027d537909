//! Tells other services what has changed, through the stream of LinkTable.

use domain::link::{ChangeEvent, ChangeKind};
use runtime::Metric;

use crate::error::Result;
use crate::leased::LeasedLink;

/// Saves LINK. Each change that other services are to be told has a write of its own, because the
/// pipe makes one event of one write.
pub(crate) async fn save_and_tell(link: &mut LeasedLink<'_>) -> Result<()> {
    link.record.change = next_change(link);
    loop {
        link.save().await?;
        link.record.change = next_change(link);
        if link.record.change.is_none() {
            return Ok(());
        }
    }
}

fn next_change(link: &mut LeasedLink<'_>) -> Option<ChangeEvent> {
    let now = link.fetcher.clock.now();
    let kind = link.record.next_change(now)?;
    if kind == ChangeKind::ConsentExpiring {
        runtime::count(Metric::ConsentExpiring, now);
    }
    let job = (link.record.link_id, link.record.fencing_token);
    let external_id = link.record.external_id.clone()?;
    let change = ChangeEvent::new(job, external_id, kind, now);
    Some(change.lacking(link.record.unavailable()))
}
