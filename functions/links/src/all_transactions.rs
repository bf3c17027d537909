//! `GET /transactions`: the statements of all links of a user in one, the latest first.
//!
//! Each link's statement is sorted already, so they are merged, and each is read only as far as the
//! page needs. Rows of one day are in the order of their ids, whatever their link.

use std::cmp::Reverse;

use domain::{Link, LinkId, ResourceKind, UserScope};
use futures::future::try_join_all;
use user_store::{Days, RowPage, Start, StoreError, StoredRow, UserRows};

use crate::cursor::Position;
use crate::etag::{self, Tag};
use crate::handler::{Answer, Handler, UserRequest};
use crate::{polling, rows};

const KIND: ResourceKind = ResourceKind::Transactions;

/// AWS Lambda answers with at most 6 MB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

impl Handler {
    pub(crate) async fn all_transactions(&self, request: &UserRequest<'_>) -> Answer {
        let query = request.query(&["limit", "cursor", "from", "to"])?;
        let list = format!("all {KIND} {:?} {:?}", query.days.from, query.days.to);
        let position = self.position(request, &list, &query).await?;
        let now = self.clock.now();
        let links = self.links.links(&request.scope).await?;
        let user = self.status_of(&links, now);
        let duplicate = |it: &Link| user.duplicate_of(it.link_id).is_some();
        let shown = |it: &&Link| it.is_served(self.config.proof_wanted) && !duplicate(it);
        let links: Vec<&Link> = links.iter().filter(shown).collect();
        let waits = links
            .iter()
            .filter_map(|it| polling::retry_after(it, Some(KIND), now));
        let retry_after = waits.min();
        let is_steady = !links.iter().any(|it| it.is_being_read());
        let days = self.days(query.days);
        let tag = tag(request, &links, days, &self.form().await?);
        let tag = Some(tag).filter(|_| is_steady);
        let body = async {
            let page = self.merge(request, &links, days, position.as_ref(), query.limit);
            let page = page.await?;
            let next = page.rows.last().filter(|_| page.more);
            let next = next.map(Position::behind);
            let next = self.cursor(request, &list, next.as_ref()).await?;
            Ok(rows::body(&page.rows, next.as_deref()))
        };
        etag::unless_known(request.http, tag.as_ref(), retry_after, body).await
    }

    async fn merge(
        &self,
        request: &UserRequest<'_>,
        links: &[&Link],
        days: Days,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        // A link's share, and some more: usually one read of each is enough.
        let share = limit / links.len().max(1) + 10;
        let statements = links.iter().map(async |link| {
            let mut statement = Statement {
                rows: &self.rows,
                scope: &request.scope,
                link: link.link_id,
                days,
                share,
                ahead: Vec::new(),
                more: false,
            };
            // A row of another link with the same key comes after that of the cursor if its link
            // does.
            let start = after.map(|after| Start {
                record: &after.record,
                inclusive: after.link_id.is_some_and(|last| link.link_id < last),
            });
            statement.read(start).await?;
            Ok(statement)
        });
        let mut statements = try_join_all(statements).await?;
        let mut rows: Vec<StoredRow> = Vec::new();
        let mut bytes = 0;
        while let Some(latest) = latest(&mut statements) {
            if rows.len() >= limit || (bytes > PAGE_BYTES && !rows.is_empty()) {
                return Ok(RowPage { rows, more: true });
            }
            if let Some(row) = latest.next().await? {
                bytes += row.data.len();
                rows.push(row);
            }
        }
        Ok(RowPage { rows, more: false })
    }
}

/// The statement of one link, read bit by bit; the latest row is the last of `ahead`.
struct Statement<'a> {
    rows: &'a UserRows,
    scope: &'a UserScope,
    link: LinkId,
    days: Days,
    /// Rows read at once.
    share: usize,
    ahead: Vec<StoredRow>,
    more: bool,
}

impl Statement<'_> {
    /// Reads a share of rows from this one on.
    async fn read(&mut self, start: Option<Start<'_>>) -> Result<(), StoreError> {
        let (link, days, share) = (self.link, self.days, self.share);
        let page = self
            .rows
            .rows(self.scope, link, KIND, days, start, share)
            .await?;
        self.ahead = page.rows.into_iter().rev().collect();
        self.more = page.more;
        Ok(())
    }

    /// Takes the latest row, and reads on if it was the last one at hand.
    async fn next(&mut self) -> Result<Option<StoredRow>, StoreError> {
        let row = self.ahead.pop();
        if let Some(row) = row.as_ref().filter(|_| self.ahead.is_empty() && self.more) {
            let start = Start {
                record: &row.record,
                inclusive: false,
            };
            self.read(Some(start)).await?;
        }
        Ok(row)
    }
}

/// The statement whose next row is the latest; one without a date is later than all others; of equal
/// keys, that of the greater link.
fn latest<'s, 'a>(statements: &'s mut [Statement<'a>]) -> Option<&'s mut Statement<'a>> {
    let open = statements.iter_mut().filter(|it| !it.ahead.is_empty());
    open.min_by_key(|it| {
        let next = it
            .ahead
            .last()
            .map(|row| (row.is_undated(), row.record.clone()));
        (Reverse(next), Reverse(it.link))
    })
}

/// It changes with any of the statements, and with which of them count.
fn tag(request: &UserRequest<'_>, links: &[&Link], days: Days, form: &str) -> Tag {
    let query = request.http.uri().query().unwrap_or_default();
    let states = links.iter().map(|link| rows::state(link, KIND));
    let states: Vec<String> = states.collect();
    let fixed = [
        request.user().as_str(),
        "all",
        query,
        rows::name(days),
        form,
    ];
    Tag::of(fixed.into_iter().chain(states.iter().map(String::as_str)))
}
