//! `GET /export`: everything that is kept of a user, page by page.
//!
//! First the attempts to connect and the links as the user sees them; then the consents and the
//! webhook log of one link after the other; then the user's rows, which are one partition. What is
//! not shown of a link is not exported either: there is none.

use std::collections::BTreeSet;
use std::fmt::Display;

use domain::{Link, LinkId};
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use user_store::{RowPage, StoreError};

use crate::attempts::SessionView;
use crate::cursor::Position;
use crate::handler::{Answer, Handler, UserRequest};

const LIST: &str = "export";

/// What the next page holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Next {
    /// What lies beside LINK, behind this sort key.
    Records(LinkId, String),
    /// Rows, behind this one; from the first on, if there is none.
    Rows(Option<Position>),
}

struct Page {
    items: Vec<String>,
    next: Option<Next>,
}

impl Handler {
    pub(crate) async fn export(&self, request: &UserRequest<'_>) -> Answer {
        let query = request.query(&["limit", "cursor"])?;
        let page = match self.position(request, LIST, &query).await? {
            None => self.beginning(request).await,
            Some(Next::Records(link, after)) => {
                self.records(request, link, &after, query.limit).await
            }
            Some(Next::Rows(after)) => self.all_rows(request, after.as_ref(), query.limit).await,
        };
        let Page { items, next } = page?;
        let next = self.cursor(request, LIST, next.as_ref()).await?;
        let (items, next) = (items.join(","), json!(next));
        let body = format!(r#"{{"items":[{items}],"next_cursor":{next}}}"#);
        Ok(gateway::json_text(StatusCode::OK, body))
    }

    /// What is not a record of one link.
    async fn beginning(&self, request: &UserRequest<'_>) -> Result<Page, StoreError> {
        let now = self.clock.now();
        let links = self.links.links(&request.scope).await?;
        let attempts = self.connections.attempts(&request.scope, Timestamp::MIN);
        let attempts = attempts.await?;
        let user = self.status_of(&links, now);
        let sessions = SessionView::all(&attempts, &user).into_iter();
        let sessions = sessions.map(|it| item("SESSIONS", None, json!(it)));
        let mut items: Vec<String> = sessions.collect();
        for link in &links {
            let view = self.view(request, link, &user, now).await?;
            items.push(item("LINK", Some(link.link_id), json!(view)));
        }
        let next = Some(self.records_of(&links, None));
        Ok(Page { items, next })
    }

    /// The consents and the webhook log of a link. A page is of one link: a record may be as large
    /// as DynamoDB takes.
    async fn records(
        &self,
        request: &UserRequest<'_>,
        link: LinkId,
        after: &str,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let links = self.links.links(&request.scope).await?;
        let served = links.iter().find(|it| it.link_id == link);
        let page = match served.is_some_and(|it| it.is_served(self.config.proof_wanted)) {
            true => {
                self.links
                    .records(&request.scope, link, after, limit)
                    .await?
            }
            false => RowPage::default(),
        };
        let items = page.rows.iter().map(|record| {
            let kind = match record.kind() {
                "CONSENT" => "CONSENTS",
                _ => "EVENTS",
            };
            item(kind, Some(link), &record.data)
        });
        let next = match page.rows.last().filter(|_| page.more) {
            Some(last) => Next::Records(link, last.record.clone()),
            None => self.records_of(&links, Some(link)),
        };
        Ok(Page {
            items: items.collect(),
            next: Some(next),
        })
    }

    /// Before the first record of the next link that is served; before the rows, after the last.
    fn records_of(&self, links: &[Link], after: Option<LinkId>) -> Next {
        let mut behind = links.iter().filter(|it| after < Some(it.link_id));
        match behind.find(|it| it.is_served(self.config.proof_wanted)) {
            Some(link) => Next::Records(link.link_id, String::new()),
            None => Next::Rows(None),
        }
    }

    /// Rows of whatever links. Whether each may be shown is read as of now: an index may lag behind.
    async fn all_rows(
        &self,
        request: &UserRequest<'_>,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let after = after.and_then(|it| Some((it.link_id?, it.record.as_str())));
        let page = self.rows.all(&request.scope, after, limit).await?;
        let links: BTreeSet<LinkId> = page.rows.iter().map(|row| row.link_id).collect();
        let mut served = BTreeSet::new();
        for id in links {
            let link = self.links.link(&request.scope, id).await?;
            if link.is_some_and(|it| it.is_served(self.config.proof_wanted)) {
                served.insert(id);
            }
        }
        let shown = page.rows.iter();
        let shown = shown.filter(|row| served.contains(&row.link_id));
        let items = shown.map(|row| item(row.kind(), Some(row.link_id), &row.data));
        let last = page.rows.last().filter(|_| page.more);
        let next = last.map(|last| Next::Rows(Some(Position::behind(last))));
        Ok(Page {
            items: items.collect(),
            next,
        })
    }
}

/// The data is JSON already, and keeps every digit.
fn item(kind: &str, link: Option<LinkId>, data: impl Display) -> String {
    let (kind, link) = (json!(kind), json!(link));
    format!(r#"{{"kind":{kind},"link_id":{link},"data":{data}}}"#)
}
