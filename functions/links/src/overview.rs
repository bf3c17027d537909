//! `GET /links` and `GET /links/{link_id}`: what is connected, how far it is, what to do.

use domain::resource::LOADING;
use domain::{Month, ResourceKind};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::Response;
use runtime::Problem;
use serde::Serialize;
use store::{ConsentDetails, Due, LinkRecord, LinkStatus, ResourceState, Spent, StoreError};

use crate::answer::{self, Tag};
use crate::duplicates::Duplicates;
use crate::handler::{Asked, Handler};
use crate::sessions::{SHOWN, SessionView};
use crate::standing::{is_refreshing, standing};
use crate::view::{Facts, LinkView};

/// Soonest and latest time to come back while something is on its way, in seconds.
const SOONEST: i64 = 2;
const LATEST: i64 = 600;

#[derive(Serialize)]
struct Overview {
    links: Vec<LinkView>,
    sessions: Vec<SessionView>,
}

impl Handler {
    pub(crate) async fn links(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        asked.query(&[])?;
        let now = self.clock.now();
        let since = now.saturating_sub(SHOWN).unwrap_or(Timestamp::MIN);
        let links = self.resources.links_of(&asked.user);
        let attempts = self.connections.attempts(&asked.user, since);
        let (links, attempts) = futures::future::try_join(links, attempts)
            .await
            .map_err(|error| asked.unavailable(&error))?;
        let duplicates = Duplicates::among(&links, self.config.proof_wanted, now);
        let views = links.iter().map(|link| self.view(link, &duplicates, now));
        let views = try_join_all(views).await;
        let mut sessions: Vec<_> = attempts
            .iter()
            .map(|it| SessionView::new(it, now))
            .collect();
        SessionView::sort(&mut sessions);
        let visit = sessions.iter().any(SessionView::is_open).then_some(5);
        let waits = links.iter().filter_map(|it| retry_after(it, None, now));
        let retry_after = waits.chain(visit).min();
        let mut overview = Overview {
            links: views.map_err(|error| asked.unavailable(&error))?,
            sessions,
        };
        let tag = tag(asked, &overview);
        Ok(answer::unless_known(
            asked.request,
            &tag,
            retry_after,
            || {
                overview.links.iter_mut().for_each(|it| it.grow_old(now));
                text(&overview)
            },
        ))
    }

    pub(crate) async fn link(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        asked.query(&[])?;
        let now = self.clock.now();
        let link = self.own_link(asked).await?;
        let links = self.resources.links_of(&asked.user).await;
        let links = links.map_err(|error| asked.unavailable(&error))?;
        let duplicates = Duplicates::among(&links, self.config.proof_wanted, now);
        let view = self.view(&link, &duplicates, now).await;
        let mut view = view.map_err(|error| asked.unavailable(&error))?;
        let tag = tag(asked, &view);
        let retry_after = retry_after(&link, None, now);
        Ok(answer::unless_known(
            asked.request,
            &tag,
            retry_after,
            || {
                view.grow_old(now);
                text(&view)
            },
        ))
    }

    /// How a link looks, with what is known of its consent and limits.
    pub(crate) async fn view(
        &self,
        link: &LinkRecord,
        duplicates: &Duplicates,
        now: Timestamp,
    ) -> Result<LinkView, StoreError> {
        let (consent, spent) =
            futures::future::try_join(self.consent(link), self.spent(link, now)).await?;
        let facts = Facts {
            standing: standing(link, self.config.proof_wanted, now),
            duplicate_of: duplicates.of(link.link_id),
            consent,
            spent,
            limits: &self.config.limits,
            now,
        };
        Ok(LinkView::new(link, facts))
    }

    async fn consent(&self, link: &LinkRecord) -> Result<ConsentDetails, StoreError> {
        let id = link.consent.as_ref().and_then(|it| it.id);
        match id.filter(|_| link.is_served(self.config.proof_wanted)) {
            Some(id) => Ok(self
                .resources
                .consent(link.link_id, id)
                .await?
                .unwrap_or_default()),
            None => Ok(ConsentDetails::default()),
        }
    }

    async fn spent(&self, link: &LinkRecord, now: Timestamp) -> Result<Spent, StoreError> {
        match &link.owner {
            Some(owner) if link.is_served(self.config.proof_wanted) => {
                self.connections.spent(owner, Month::of(now)).await
            }
            _ => Ok(Spent::default()),
        }
    }
}

/// In how many seconds there may be news of a link, or of one resource; `None` when nothing is on
/// its way.
pub(crate) fn retry_after(
    link: &LinkRecord,
    kind: Option<ResourceKind>,
    now: Timestamp,
) -> Option<u32> {
    let seconds = match link.status {
        LinkStatus::AwaitingOwner | LinkStatus::Announced => patience(link.created_at, now),
        LinkStatus::Bound => on_its_way(link, kind, now)?,
        LinkStatus::Quarantined | LinkStatus::Unclaimed | LinkStatus::Gone => return None,
    };
    u32::try_from(seconds.clamp(SOONEST, LATEST)).ok()
}

fn on_its_way(link: &LinkRecord, kind: Option<ResourceKind>, now: Timestamp) -> Option<i64> {
    if let Some(retry) = link.agenda.get(Due::Retry).filter(|at| *at > now) {
        // A sweep queues it within a minute of its time.
        return Some(retry.duration_since(now).as_secs() + 30);
    }
    let of_interest = |it: &ResourceKind| kind.is_none_or(|kind| kind == *it);
    let states = link.resources.iter().filter(|(kind, _)| of_interest(kind));
    let mut states = states.map(|(_, it)| it);
    if states.any(|it| it.state == ResourceState::Syncing || it.pass.is_some()) {
        return Some(SOONEST);
    }
    let born = link.created_at.unwrap_or(now);
    if !link.has_loaded() && now.duration_since(born) < LOADING {
        return Some(patience(link.created_at, now));
    }
    let refresh = link.refresh.as_ref().filter(|_| is_refreshing(link, now));
    refresh.map(|it| patience(Some(it.asked_at), now))
}

/// What has taken a while will take another: a quarter of the time so far.
fn patience(since: Option<Timestamp>, now: Timestamp) -> i64 {
    let so_far = since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
    so_far.as_secs() / 4
}

fn tag(asked: &Asked<'_>, answer: &impl Serialize) -> Tag {
    Tag::of([asked.user.as_str(), &text(answer)])
}

fn text(answer: &impl Serialize) -> String {
    // What we answer always serializes.
    serde_json::to_string(answer).unwrap_or_default()
}
