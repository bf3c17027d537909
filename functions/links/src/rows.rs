//! `GET /links/{link_id}/{resource}`: the rows of one resource of a link.

use domain::key::Purpose;
use domain::{DateRange, Link, LinkId, ResourceKind, day_in_brasilia};
use runtime::Problem;
use user_store::{Days, Start, StoredRow};

use crate::cursor::{Position, no_key};
use crate::etag::{self, Tag};
use crate::handler::{Answer, Handler, UserRequest};
use crate::polling;

impl Handler {
    pub(crate) async fn rows(&self, request: &UserRequest<'_>, kind: ResourceKind) -> Answer {
        let link = self.served_link(request).await?;
        let query = request.query(match kind.is_dated() {
            true => &["limit", "cursor", "from", "to"],
            false => &["limit", "cursor"],
        })?;
        let list = list(link.link_id, kind, query.days);
        let position: Option<Position> = self.position(request, &list, &query).await?;
        let days = self.days(query.days);
        let tag = tag(self, request, &link, (kind, days)).await?;
        let tag = Some(tag).filter(|_| !link.is_being_read());
        let retry_after = polling::retry_after(&link, Some(kind), self.clock.now());
        let body = async {
            let from = position.as_ref().map(|it| Start {
                record: &it.record,
                inclusive: false,
            });
            let (rows, id) = (&self.rows, link.link_id);
            let page = rows.rows(&request.scope, id, kind, days, from, query.limit);
            let page = page.await?;
            let last = page.rows.last().filter(|_| page.more);
            let next = last.map(|last| Position {
                link_id: None,
                record: last.record.clone(),
            });
            let next = self.cursor(request, &list, next.as_ref()).await?;
            Ok(body(&page.rows, next.as_deref()))
        };
        etag::unless_known(request.http, tag.as_ref(), retry_after, body).await
    }
}

/// Over what decides which rows these are, and how they leave.
async fn tag(
    handler: &Handler,
    request: &UserRequest<'_>,
    link: &Link,
    (kind, days): (ResourceKind, Days),
) -> Result<Tag, Problem> {
    let query = request.http.uri().query().unwrap_or_default();
    let (form, state) = (handler.form().await?, state(link, kind));
    let (user, days) = (request.user().as_str(), name(days));
    let parts = [user, kind.name(), query, days, &form, &state];
    Ok(Tag::of(parts))
}

/// What a tag says of the days of a list: the query says the rest. A range that ends today loses the
/// movements without a date tomorrow.
pub(crate) fn name(days: Days) -> &'static str {
    match days.has_undated() {
        true => "with undated",
        false => "dated",
    }
}

/// Which state of a link's rows is stored, once no job writes any.
pub(crate) fn state(link: &Link, kind: ResourceKind) -> String {
    let revision = link.resources.get(&kind).map_or(0, |it| it.revision);
    format!("{} {revision}", link.link_id)
}

impl Handler {
    /// The days of a list, as of now.
    pub(crate) fn days(&self, range: DateRange) -> Days {
        Days::as_of(range, day_in_brasilia(self.clock.now()))
    }

    /// How lists look: the form of this release, and the key its cursors are signed with. A page
    /// somebody has kept must not lead to a cursor that nobody accepts.
    pub(crate) async fn form(&self) -> Result<String, Problem> {
        let keys = self.keys.get().await.map_err(no_key)?;
        Ok(keys.sign(Purpose::Cursor, b"1"))
    }
}

/// What a cursor is good for. Its limit may change from page to page.
fn list(link: LinkId, kind: ResourceKind, days: DateRange) -> String {
    format!("{link} {kind} {:?} {:?}", days.from, days.to)
}

/// Belvo's objects, each with its link, as text: no digit passes through a number of ours.
pub(crate) fn body(rows: &[StoredRow], next: Option<&str>) -> String {
    let mut body = r#"{"items":["#.to_owned();
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            body.push(',');
        }
        body.push_str(&with_link(row.link_id, &row.data));
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
            link_id: link,
            record: "ACCOUNTS#a".to_owned(),
            data: data.to_owned(),
        };
        let rows = [row(r#"{"amount":0.10000000000000000000000001}"#), row("{}")];
        let text = body(&rows, Some("next"));
        assert_eq!(
            text,
            format!(
                r#"{{"items":[{{"link_id":"{link}","amount":0.10000000000000000000000001}},{{"link_id":"{link}"}}],"next_cursor":"next"}}"#
            )
        );
        assert_eq!(body(&[], None), r#"{"items":[],"next_cursor":null}"#);
    }
}
