//! `GET /links` and `GET /links/{link_id}`: what is connected, how far it is, what to do.

use domain::link::UserStatus;
use domain::{Link, Month};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use user_store::{ConsentDetails, Spent, StoreError};

use crate::attempts::{SHOWN, SessionView};
use crate::etag::{self, Tag};
use crate::handler::{Answer, Handler, UserRequest};
use crate::link_view::{Facts, LinkView};
use crate::polling::retry_after;

#[derive(Serialize)]
struct LinkList {
    links: Vec<LinkView>,
    sessions: Vec<SessionView>,
}

impl Handler {
    pub(crate) async fn links(&self, request: &UserRequest<'_>) -> Answer {
        request.query(&[])?;
        let now = self.clock.now();
        let since = now.saturating_sub(SHOWN).unwrap_or(Timestamp::MIN);
        let links = self.links.links(&request.scope);
        let attempts = self.connections.attempts(&request.scope, since);
        let (links, attempts) = futures::future::try_join(links, attempts).await?;
        let user = self.status_of(&links, now);
        let views = links
            .iter()
            .map(|link| self.view(request, link, &user, now));
        let views = try_join_all(views).await?;
        let sessions = SessionView::all(&attempts, &user);
        let visit = sessions.iter().any(SessionView::is_open).then_some(5);
        let waits = links.iter().filter_map(|it| retry_after(it, None, now));
        let retry_after = waits.chain(visit).min();
        let mut list = LinkList {
            links: views,
            sessions,
        };
        let is_read = links.iter().any(Link::is_being_read);
        let tag = (!is_read).then(|| tag(request, &list));
        let body = async {
            list.links.iter_mut().for_each(|it| it.grow_old(now));
            Ok(text(&list))
        };
        etag::unless_known(request.http, tag.as_ref(), retry_after, body).await
    }

    pub(crate) async fn link(&self, request: &UserRequest<'_>) -> Answer {
        request.query(&[])?;
        let now = self.clock.now();
        let link = self.own_link(request).await?;
        let links = self.links.links(&request.scope).await?;
        let user = self.status_of(&links, now);
        let mut view = self.view(request, &link, &user, now).await?;
        let tag = (!link.is_being_read()).then(|| tag(request, &view));
        let retry_after = retry_after(&link, None, now);
        let body = async {
            view.grow_old(now);
            Ok(text(&view))
        };
        etag::unless_known(request.http, tag.as_ref(), retry_after, body).await
    }

    /// How a link looks, with what is known of its consent and limits.
    pub(crate) async fn view(
        &self,
        request: &UserRequest<'_>,
        link: &Link,
        user: &UserStatus<'_>,
        now: Timestamp,
    ) -> Result<LinkView, StoreError> {
        let consent = self.consent(request, link);
        let (consent, spent) = futures::future::try_join(consent, self.spent(link, now)).await?;
        let facts = Facts {
            report: user.link(link),
            duplicate_of: user.duplicate_of(link.link_id),
            consent,
            spent,
            limits: &self.config.limits,
            now,
        };
        Ok(LinkView::new(link, facts))
    }

    async fn consent(
        &self,
        request: &UserRequest<'_>,
        link: &Link,
    ) -> Result<ConsentDetails, StoreError> {
        let id = link.consent.as_ref().and_then(|it| it.id);
        let Some(id) = id.filter(|_| link.is_served(self.config.proof_wanted)) else {
            return Ok(ConsentDetails::default());
        };
        let consent = self.links.consent(&request.scope, link.link_id, id);
        Ok(consent.await?.unwrap_or_default())
    }

    async fn spent(&self, link: &Link, now: Timestamp) -> Result<Spent, StoreError> {
        match &link.owner_document {
            Some(owner) if link.is_served(self.config.proof_wanted) => {
                self.connections.spent(owner, Month::of(now)).await
            }
            _ => Ok(Spent::default()),
        }
    }
}

fn tag(request: &UserRequest<'_>, answer: &impl Serialize) -> Tag {
    Tag::of([request.user().as_str(), &text(answer)])
}

fn text(answer: &impl Serialize) -> String {
    // What we answer always serializes.
    serde_json::to_string(answer).unwrap_or_default()
}
