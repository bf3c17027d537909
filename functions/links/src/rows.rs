//! `GET /links/{link_id}/{resource}`: the rows of one resource of a link.

use domain::key::Purpose;
use domain::{DateRange, LinkId, ResourceKind};
use lambda_http::http::Response;
use runtime::Problem;
use store::{LinkRecord, Order, Start, StoredRow};

use crate::answer::{self, Tag};
use crate::cursor::Position;
use crate::handler::{Asked, Handler};
use crate::overview;

impl Handler {
    pub(crate) async fn rows(
        &self,
        asked: &Asked<'_>,
        kind: ResourceKind,
    ) -> Result<Response<String>, Problem> {
        let link = self.served_link(asked).await?;
        let query = asked.query(match has_days(kind) {
            true => &["limit", "cursor", "from", "to"],
            false => &["limit", "cursor"],
        })?;
        let list = list(link.link_id, kind, query.days);
        let position = match &query.cursor {
            Some(cursor) => Some(self.position(asked, &list, cursor).await?),
            None => None,
        };
        let tag = tag(self, asked, &link, kind).await?;
        let retry_after = overview::retry_after(&link, Some(kind), self.clock.now());
        if tag.is_known_to(asked.request) {
            return Ok(answer::unless_known(
                asked.request,
                &tag,
                retry_after,
                String::new,
            ));
        }
        let from = position.as_ref().map(|it| Start {
            record: &it.record,
            inclusive: false,
        });
        let (order, limit) = (order(kind), query.limit);
        let page = self
            .resources
            .rows(link.link_id, kind, query.days, order, from, limit)
            .await
            .map_err(|error| asked.unavailable(&error))?;
        let next = match page.rows.last().filter(|_| page.more) {
            Some(last) => {
                let position = Position {
                    link_id: None,
                    record: last.record.clone(),
                };
                Some(self.cursor(asked, &list, &position).await?)
            }
            None => None,
        };
        let rows = page.rows.iter().map(|row| (link.link_id, row));
        let body = || body(rows, next.as_deref());
        Ok(answer::unless_known(asked.request, &tag, retry_after, body))
    }
}

/// Over what decides which rows these are, and how they leave.
async fn tag(
    handler: &Handler,
    asked: &Asked<'_>,
    link: &LinkRecord,
    kind: ResourceKind,
) -> Result<Tag, Problem> {
    let query = asked.request.uri().query().unwrap_or_default();
    let (form, state) = (handler.form(asked).await?, state(link));
    let parts = [asked.user.as_str(), kind.name(), query, &form, &state];
    Ok(Tag::of(parts))
}

/// Which state of a link's rows is stored. A job raises the epoch before it writes, and saves LINK
/// when it is done.
pub(crate) fn state(link: &LinkRecord) -> String {
    format!("{} {} {:?}", link.link_id, link.epoch, link.updated_at)
}

impl Handler {
    /// How lists look: the form of this release, and the key its cursors are signed with. A page
    /// somebody has kept must not lead to a cursor that nobody accepts.
    pub(crate) async fn form(&self, asked: &Asked<'_>) -> Result<String, Problem> {
        let keys = self.keys.get().await;
        let keys = keys.map_err(|error| asked.no_key(&error))?;
        Ok(keys.sign(Purpose::Cursor, b"1"))
    }
}

/// What a cursor is good for. Its limit may change from page to page.
fn list(link: LinkId, kind: ResourceKind, days: DateRange) -> String {
    format!("{link} {kind} {:?} {:?}", days.from, days.to)
}

fn has_days(kind: ResourceKind) -> bool {
    order(kind) == Order::Descending
}

/// Movements the latest first; of the others, none is later than another.
fn order(kind: ResourceKind) -> Order {
    match kind {
        ResourceKind::Transactions | ResourceKind::InvestmentTransactions => Order::Descending,
        ResourceKind::Owners
        | ResourceKind::Accounts
        | ResourceKind::Bills
        | ResourceKind::Investments => Order::Ascending,
    }
}

/// Belvo's objects, each with its link, as text: no digit passes through a number of ours.
pub(crate) fn body<'a>(
    rows: impl Iterator<Item = (LinkId, &'a StoredRow)>,
    next: Option<&str>,
) -> String {
    let mut body = r#"{"items":["#.to_owned();
    for (position, (link, row)) in rows.enumerate() {
        if position > 0 {
            body.push(',');
        }
        body.push_str(&with_link(link, &row.data));
    }
    body.push_str(r#"],"next_cursor":"#);
    body.push_str(&serde_json::json!(next).to_string());
    body.push('}');
    body
}

/// Adds `link_id` to an object.
fn with_link(link: LinkId, object: &str) -> String {
    let members = object.strip_prefix('{').unwrap_or("}");
    let comma = if members.starts_with('}') { "" } else { "," };
    format!(r#"{{"link_id":"{link}"{comma}{members}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_leaves_with_its_link_and_every_digit() {
        let link = LinkId::parse("2f8ca7a1-c28f-46f2-bb41-21633099a280").unwrap();
        let row = |data: &str| StoredRow {
            record: "ACCOUNTS#a".to_owned(),
            data: data.to_owned(),
        };
        let rows = [row(r#"{"amount":0.10000000000000000000000001}"#), row("{}")];
        let text = body(rows.iter().map(|row| (link, row)), Some("next"));
        assert_eq!(
            text,
            format!(
                r#"{{"items":[{{"link_id":"{link}","amount":0.10000000000000000000000001}},{{"link_id":"{link}"}}],"next_cursor":"next"}}"#
            )
        );
        assert_eq!(
            body(std::iter::empty(), None),
            r#"{"items":[],"next_cursor":null}"#
        );
    }
}
