//! The log of webhooks. It is of links that were bound; a webhook that came before waits on LINK.

use domain::link::LoggedWebhook;

use crate::error::Result;
use crate::leased::LeasedLink;
use crate::outcome::JobOutcome;

/// How a webhook is logged that came before its link was bound.
const LOGGED_ONCE_BOUND: &str = "synced_once_bound";

/// Logs a webhook and what it led to, or keeps it on LINK.
pub(crate) async fn write(
    link: &mut LeasedLink<'_>,
    webhook: LoggedWebhook,
    outcome: JobOutcome,
) -> Result<()> {
    if link.record.bound_at.is_none() {
        if link.record.keep_for_log(webhook) {
            link.save().await?;
        }
        return Ok(());
    }
    let (link_id, links) = (link.record.link_id, &link.fetcher.links);
    Ok(links.put_webhook(link_id, &webhook, outcome.name()).await?)
}

/// Logs what was kept on LINK, because the link is bound now: no other webhook may ever come. LINK is
/// saved by the caller; until then the same is logged again under the same keys.
pub(crate) async fn catch_up(link: &mut LeasedLink<'_>) -> Result<()> {
    let (link_id, links) = (link.record.link_id, &link.fetcher.links);
    for webhook in &link.record.unlogged {
        let logged = links.put_webhook(link_id, webhook, LOGGED_ONCE_BOUND);
        logged.await?;
    }
    link.record.unlogged.clear();
    Ok(())
}
