//! `GET /export`: everything that is kept of a user, page by page.
//!
//! First the attempts to connect and the links as the user sees them, then the records of one link
//! after the other. What is not shown of a link is not exported either: there is none.

use domain::LinkId;
use jiff::Timestamp;
use lambda_http::http::{Response, StatusCode};
use runtime::Problem;
use serde_json::json;
use store::{LinkRecord, StoreError, StoredRow};

use crate::cursor::Position;
use crate::duplicates::Duplicates;
use crate::handler::{Asked, Handler};
use crate::sessions::SessionView;

const LIST: &str = "export";

impl Handler {
    pub(crate) async fn export(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        let query = asked.query(&["limit", "cursor"])?;
        let position = match &query.cursor {
            Some(cursor) => Some(self.position(asked, LIST, cursor).await?),
            None => None,
        };
        let unavailable = |error: StoreError| asked.unavailable(&error);
        let links = self.resources.links_of(&asked.user).await;
        let links = links.map_err(unavailable)?;
        let mut served = links
            .iter()
            .filter(|it| it.is_served(self.config.proof_wanted));
        let (items, next) = match position {
            None => {
                let items = self.beginning(asked, &links).await.map_err(unavailable)?;
                (items, served.next().map(first_of))
            }
            Some(position) => {
                // A page is of one link: each of its rows may be as large as DynamoDB takes.
                let here = |it: &&LinkRecord| position.link_id.is_none_or(|at| it.link_id >= at);
                match served.find(here) {
                    None => (Vec::new(), None),
                    Some(link) => {
                        let after = match position.link_id == Some(link.link_id) {
                            true => position.record.as_str(),
                            false => "",
                        };
                        let page = self
                            .resources
                            .everything(link.link_id, after, query.limit)
                            .await
                            .map_err(unavailable)?;
                        let items = page.rows.iter().map(|row| item(link.link_id, row));
                        let last = page.rows.last().filter(|_| page.more);
                        let next = match last {
                            Some(row) => Some(Position {
                                link_id: Some(link.link_id),
                                record: row.record.clone(),
                            }),
                            None => served.next().map(first_of),
                        };
                        (items.collect(), next)
                    }
                }
            }
        };
        let next = match next {
            Some(position) => Some(self.cursor(asked, LIST, &position).await?),
            None => None,
        };
        let body = format!(
            r#"{{"items":[{}],"next_cursor":{}}}"#,
            items.join(","),
            json!(next)
        );
        Ok(gateway::json_text(StatusCode::OK, body))
    }

    /// What is not a record of one link.
    async fn beginning(
        &self,
        asked: &Asked<'_>,
        links: &[LinkRecord],
    ) -> Result<Vec<String>, StoreError> {
        let now = self.clock.now();
        let attempts = self
            .connections
            .attempts(&asked.user, Timestamp::MIN)
            .await?;
        let sessions = attempts.iter().map(|attempt| {
            let data = SessionView::new(attempt, now);
            json!({"kind": "SESSIONS", "link_id": null, "data": data}).to_string()
        });
        let mut items: Vec<String> = sessions.collect();
        let duplicates = Duplicates::among(links, self.config.proof_wanted, now);
        for link in links {
            let view = self.view(link, &duplicates, now).await?;
            let item = json!({"kind": "LINK", "link_id": link.link_id, "data": view});
            items.push(item.to_string());
        }
        Ok(items)
    }
}

/// Before the first record of a link.
fn first_of(link: &LinkRecord) -> Position {
    Position {
        link_id: Some(link.link_id),
        record: String::new(),
    }
}

fn item(link: LinkId, row: &StoredRow) -> String {
    let kind = match row.kind() {
        "CONSENT" => "CONSENTS",
        "EVENT" => "EVENTS",
        resource => resource,
    };
    // The data is JSON already, and keeps every digit.
    format!(
        r#"{{"kind":{},"link_id":"{link}","data":{}}}"#,
        json!(kind),
        row.data
    )
}
