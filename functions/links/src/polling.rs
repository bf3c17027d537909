//! When a client that waits for news of a link should ask again.

use domain::link::{LinkStatus, Reason, Resource, ResourceState};
use domain::resource::LOADING;
use domain::{Link, ResourceKind};
use jiff::{SignedDuration, Timestamp};

/// Soonest and latest time to come back while something is on its way, in seconds.
const SOONEST: i64 = 2;
const LATEST: i64 = 600;

/// In how many seconds there may be news of a link, or of one resource; `None` when nothing is on
/// its way.
pub(crate) fn retry_after(link: &Link, kind: Option<ResourceKind>, now: Timestamp) -> Option<u32> {
    let seconds = match link.status {
        LinkStatus::AwaitingOwner | LinkStatus::Announced => {
            quarter_of_time_since(link.created_at, now)
        }
        LinkStatus::Bound => on_its_way(link, kind, now)?,
        LinkStatus::Quarantined | LinkStatus::Unclaimed | LinkStatus::Gone => return None,
    };
    u32::try_from(seconds.clamp(SOONEST, LATEST)).ok()
}

fn on_its_way(link: &Link, kind: Option<ResourceKind>, now: Timestamp) -> Option<i64> {
    if let Some(retry) = link.schedule.get(Reason::Retry).filter(|at| *at > now) {
        // A sweep queues it within a minute of its time.
        return Some(retry.duration_since(now).as_secs() + 30);
    }
    let of_interest = |it: &ResourceKind| kind.is_none_or(|kind| kind == *it);
    let resources = link.resources.iter().filter(|(kind, _)| of_interest(kind));
    let resources = resources.map(|(_, it)| it);
    let is_read = |it: &Resource| it.state == ResourceState::Syncing || it.run.is_some();
    if resources
        .clone()
        .any(|it| is_read(it) && it.deferred.is_none())
    {
        return Some(SOONEST);
    }
    if let Some(first) = resources
        .clone()
        .filter_map(|it| it.deferred)
        .map(|it| it.until)
        .min()
    {
        return Some(first.duration_since(now).as_secs() + 30);
    }
    if let Some(at) = link.schedule.get(Reason::Settling)
        && resources.clone().any(Resource::is_settling)
    {
        return Some(at.duration_since(now).as_secs() + 30);
    }
    let born = link.created_at.unwrap_or(now);
    if !link.has_loaded() && now.duration_since(born) < LOADING {
        return Some(quarter_of_time_since(link.created_at, now));
    }
    let refresh = link.refresh.as_ref().filter(|_| link.is_refreshing(now));
    refresh.map(|it| quarter_of_time_since(Some(it.asked_at), now))
}

/// What has taken a while will take another: a quarter of the time so far.
fn quarter_of_time_since(since: Option<Timestamp>, now: Timestamp) -> i64 {
    let so_far = since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
    so_far.as_secs() / 4
}
