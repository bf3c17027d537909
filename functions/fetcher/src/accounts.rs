//! The accounts of a link, compared with those of the other links of its person at its bank.
//!
//! What tells accounts apart is read into memory for the comparison, and dropped; LINK gets ids.

use domain::ResourceKind;
use domain::link::AccountIdentity;

use crate::error::Result;
use crate::leased::LeasedLink;

/// Links of one person at one bank that are compared; the newest ones, if there are more.
const MOST_COMPARED: usize = 20;

/// Compares the accounts that this job has read, unless nothing of them has changed since the last
/// comparison. `before` is the revision of ACCOUNTS before they were read.
pub(crate) async fn compare(link: &mut LeasedLink<'_>, before: Option<u64>) -> Result<()> {
    let own = std::mem::take(&mut link.accounts);
    let accounts = link.record.resources.get(&ResourceKind::Accounts);
    let is_changed = accounts.map(|it| it.revision) != before;
    let is_known = own.keys().all(|id| link.record.accounts.contains_key(id));
    let bound = link.lease.bound(&link.record);
    let Some((bound, user)) = bound.zip(link.record.external_id.as_ref()) else {
        return Ok(());
    };
    if is_known && !is_changed {
        return Ok(());
    }
    let fetcher = link.fetcher;
    let mut links = fetcher.links.of_user(&bound).await?;
    let id = link.record.link_id;
    links.retain(|it| it.link_id != id && link.record.has_renewed(it, user));
    links.sort_by_key(|it| std::cmp::Reverse((it.created_at, it.link_id)));
    let mut others = Vec::new();
    for other in links.iter().take(MOST_COMPARED) {
        let objects = fetcher.resources.accounts(&bound, other.link_id).await?;
        let identities = objects.iter().filter_map(|it| AccountIdentity::read(it));
        others.push((other.link_id, identities.collect()));
    }
    let own: Vec<AccountIdentity> = own.into_values().collect();
    link.record.observe_accounts(&own, &others);
    Ok(())
}
