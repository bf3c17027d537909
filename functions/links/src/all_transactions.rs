//! `GET /transactions`: the statements of all links of a user in one, the latest first.
//!
//! Each link's statement is sorted already, so they are merged, and each is read only as far as the
//! page needs. Rows of one day are in the order of their ids, whatever their link.
//!
//! Of an account that several links hold, each day is shown by one of them
//! ([`UserStatus::shown_elsewhere`]).

use std::cmp::Reverse;

use domain::link::{ShownElsewhere, UserStatus};
use domain::{Link, LinkId, ResourceKind, UserScope};
use futures::future::try_join_all;
use serde::Deserialize;
use user_store::{Days, Start, StoreError, StoredRow, UserRows};

use crate::cursor::Position;
use crate::etag::{self, Tag};
use crate::handler::{Answer, Handler, UserRequest};
use crate::{polling, rows};

const KIND: ResourceKind = ResourceKind::Transactions;

/// AWS Lambda answers with at most 6 MB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Rows that another link shows, and that are passed over for one page: it ends after as many,
/// however few it has, so that its time does not grow with the statements.
const MOST_PASSED: usize = 1000;

/// Some rows, and where to go on.
struct Merged {
    rows: Vec<StoredRow>,
    next: Option<Position>,
}

impl Handler {
    pub(crate) async fn all_transactions(&self, request: &UserRequest<'_>) -> Answer {
        let query = request.query(&["limit", "cursor", "from", "to"])?;
        let list = format!("all {KIND} {:?} {:?}", query.days.from, query.days.to);
        let position: Option<Position> = self.position(request, &list, &query).await?;
        let now = self.clock.now();
        let links = self.links.links(&request.scope).await?;
        let user = self.status_of(&links, now);
        let shown = |it: &&Link| it.is_served(self.config.proof_wanted);
        let links: Vec<&Link> = links.iter().filter(shown).collect();
        let waits = links
            .iter()
            .filter_map(|it| polling::retry_after(it, Some(KIND), now));
        let retry_after = waits.min();
        let is_steady = !links.iter().any(|it| it.is_being_read());
        let days = self.days(query.days);
        let tag = tag(request, &links, &user, days, &self.form().await?);
        let tag = Some(tag).filter(|_| is_steady);
        let body = async {
            let statements = self.begin(request, &links, &user, days, position, query.limit);
            let page = merge(statements.await?, query.limit).await?;
            let next = self.cursor(request, &list, page.next.as_ref()).await?;
            Ok(rows::body(&page.rows, next.as_deref()))
        };
        etag::unless_known(request.http, tag.as_ref(), retry_after, body).await
    }

    /// Reads the beginning of each link's statement.
    async fn begin<'s>(
        &'s self,
        request: &'s UserRequest<'_>,
        links: &[&Link],
        user: &'s UserStatus<'_>,
        days: Days,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Statement<'s>>, StoreError> {
        // A link's share, and some more: usually one read of each is enough.
        let share = limit / links.len().max(1) + 10;
        let after = after.as_ref();
        let statements = links.iter().map(async |link| {
            let elsewhere = user.shown_elsewhere(link.link_id);
            let last_day = elsewhere.and_then(ShownElsewhere::last_day);
            let mut statement = Statement {
                rows: &self.rows,
                scope: &request.scope,
                link: link.link_id,
                days: last_day.map_or(days, |last| days.until(last)),
                elsewhere,
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
        try_join_all(statements).await
    }
}

/// The latest rows of all statements, but for those that another link shows.
async fn merge(mut statements: Vec<Statement<'_>>, limit: usize) -> Result<Merged, StoreError> {
    let (mut rows, mut next) = (Vec::new(), None);
    let (mut bytes, mut passed) = (0, 0);
    while let Some(latest) = latest(&mut statements) {
        let is_full = rows.len() >= limit || (bytes > PAGE_BYTES && !rows.is_empty());
        if is_full || passed >= MOST_PASSED {
            return Ok(Merged { rows, next });
        }
        let elsewhere = latest.elsewhere;
        let Some(row) = latest.next().await? else {
            continue;
        };
        next = Some(Position::behind(&row));
        if elsewhere.is_some_and(|it| is_shown_by(it, &row)) {
            passed += 1;
        } else {
            bytes += row.data.len();
            rows.push(row);
        }
    }
    let next = None;
    Ok(Merged { rows, next })
}

/// Whether another link shows the day of this row's account.
fn is_shown_by(elsewhere: &ShownElsewhere, row: &StoredRow) -> bool {
    #[derive(Deserialize)]
    struct OfAccount {
        account_id: String,
    }
    // One that names no account is compared with nothing.
    let row_of: Option<OfAccount> = serde_json::from_str(&row.data).ok();
    row_of.is_some_and(|it| elsewhere.has(&it.account_id, row.day()))
}

/// The statement of one link, read bit by bit; the latest row is the last of `ahead`.
struct Statement<'a> {
    rows: &'a UserRows,
    scope: &'a UserScope,
    link: LinkId,
    days: Days,
    /// What other links show of its accounts.
    elsewhere: Option<&'a ShownElsewhere>,
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

/// It changes with any of the statements, and with which of them shows what.
fn tag(
    request: &UserRequest<'_>,
    links: &[&Link],
    user: &UserStatus<'_>,
    days: Days,
    form: &str,
) -> Tag {
    let query = request.http.uri().query().unwrap_or_default();
    let states = links.iter().map(|link| {
        let elsewhere = user.shown_elsewhere(link.link_id);
        let elsewhere = elsewhere.map(|it| format!("{it:?}")).unwrap_or_default();
        rows::state(link, KIND) + &elsewhere
    });
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
