//! `GET /transactions`: the statements of all links of a user in one, the latest first.
//!
//! Each link's statement is sorted already, so they are merged, and each is read only as far as the
//! page needs. Rows of one day are in the order of their ids, whatever their link.

use std::cmp::Reverse;

use domain::{DateRange, LinkId, ResourceKind};
use futures::future::try_join_all;
use lambda_http::http::Response;
use runtime::Problem;
use store::{LinkRecord, Order, Start, StoreError, StoredRow};

use crate::answer::{self, Tag};
use crate::cursor::Position;
use crate::duplicates::Duplicates;
use crate::handler::{Asked, Handler};
use crate::{overview, rows};

const KIND: ResourceKind = ResourceKind::Transactions;

/// AWS Lambda answers with at most 6 MB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

impl Handler {
    pub(crate) async fn statement(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        let query = asked.query(&["limit", "cursor", "from", "to"])?;
        let list = format!("all {KIND} {:?} {:?}", query.days.from, query.days.to);
        let position = match &query.cursor {
            Some(cursor) => Some(self.position(asked, &list, cursor).await?),
            None => None,
        };
        let unavailable = |error: StoreError| asked.unavailable(&error);
        let now = self.clock.now();
        let links = self.resources.links_of(&asked.user).await;
        let mut links = links.map_err(unavailable)?;
        let duplicates = Duplicates::among(&links, self.config.proof_wanted, now);
        links.retain(|it| {
            it.is_served(self.config.proof_wanted) && duplicates.of(it.link_id).is_none()
        });
        let waits = links
            .iter()
            .filter_map(|it| overview::retry_after(it, Some(KIND), now));
        let retry_after = waits.min();
        let tag = tag(asked, &links, &self.form(asked).await?);
        if tag.is_known_to(asked.request) {
            return Ok(answer::unless_known(
                asked.request,
                &tag,
                retry_after,
                String::new,
            ));
        }
        let page = self.merge(&links, query.days, position.as_ref(), query.limit);
        let Page { rows, more } = page.await.map_err(unavailable)?;
        let next = match rows.last().filter(|_| more) {
            Some((link_id, last)) => {
                let position = Position {
                    link_id: Some(*link_id),
                    record: last.record.clone(),
                };
                Some(self.cursor(asked, &list, &position).await?)
            }
            None => None,
        };
        let rows = rows.iter().map(|(link, row)| (*link, row));
        let body = || rows::body(rows, next.as_deref());
        Ok(answer::unless_known(asked.request, &tag, retry_after, body))
    }

    async fn merge(
        &self,
        links: &[LinkRecord],
        days: DateRange,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        // A link's share, and some more: usually one read of each is enough.
        let share = limit / links.len().max(1) + 10;
        let statements = links
            .iter()
            .map(|link| Statement::open(self, link.link_id, days, after, share));
        let mut statements = try_join_all(statements).await?;
        let mut rows: Vec<(LinkId, StoredRow)> = Vec::new();
        let mut bytes = 0;
        while let Some(latest) = latest(&mut statements) {
            let full = rows.len() >= limit || (bytes > PAGE_BYTES && !rows.is_empty());
            if full {
                return Ok(Page { rows, more: true });
            }
            if let Some(row) = latest.next(self, days, share).await? {
                bytes += row.data.len();
                rows.push((latest.link, row));
            }
        }
        Ok(Page { rows, more: false })
    }
}

struct Page {
    rows: Vec<(LinkId, StoredRow)>,
    more: bool,
}

/// The statement of one link, read bit by bit; the latest row is the last of `ahead`.
struct Statement {
    link: LinkId,
    ahead: Vec<StoredRow>,
    more: bool,
}

impl Statement {
    async fn open(
        handler: &Handler,
        link: LinkId,
        days: DateRange,
        after: Option<&Position>,
        share: usize,
    ) -> Result<Self, StoreError> {
        // A row of another link with the same key comes after that of the cursor if its link does.
        let start = after.map(|after| Start {
            record: &after.record,
            inclusive: after.link_id.is_some_and(|last| link < last),
        });
        let page = handler
            .resources
            .rows(link, KIND, days, Order::Descending, start, share)
            .await?;
        Ok(Self {
            link,
            ahead: page.rows.into_iter().rev().collect(),
            more: page.more,
        })
    }

    /// Takes the latest row, and reads on if it was the last one at hand.
    async fn next(
        &mut self,
        handler: &Handler,
        days: DateRange,
        share: usize,
    ) -> Result<Option<StoredRow>, StoreError> {
        let Some(row) = self.ahead.pop() else {
            return Ok(None);
        };
        if self.ahead.is_empty() && self.more {
            let start = Start {
                record: &row.record,
                inclusive: false,
            };
            let page = handler
                .resources
                .rows(self.link, KIND, days, Order::Descending, Some(start), share)
                .await?;
            self.ahead = page.rows.into_iter().rev().collect();
            self.more = page.more;
        }
        Ok(Some(row))
    }
}

/// The statement whose next row is the latest; of equal keys, that of the greater link.
fn latest(statements: &mut [Statement]) -> Option<&mut Statement> {
    let open = statements.iter_mut().filter(|it| !it.ahead.is_empty());
    open.min_by_key(|it| {
        let next = it.ahead.last().map(|row| row.record.clone());
        (Reverse(next), Reverse(it.link))
    })
}

/// It changes with any of the statements, and with which of them count.
fn tag(asked: &Asked<'_>, links: &[LinkRecord], form: &str) -> Tag {
    let query = asked.request.uri().query().unwrap_or_default();
    let states: Vec<String> = links.iter().map(rows::state).collect();
    let fixed = [asked.user.as_str(), "all", query, form];
    Tag::of(fixed.into_iter().chain(states.iter().map(String::as_str)))
}
