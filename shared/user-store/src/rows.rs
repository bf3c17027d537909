//! A user's rows: all lie in one partition, under the user's own id.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::{DateRange, LinkId, ResourceKind, UserScope};
use jiff::civil::Date;
use table::query::Keys;
use table::{Result, Table, row};

use crate::page::{RowPage, Start, StoredRow, page};

/// Belvo's objects, of one user at a time.
#[derive(Clone, Debug)]
pub struct UserRows {
    table: Table,
}

/// The days of a list, and whether movements without a date are among them. Those are pending: the
/// bank has not booked them yet, so they are as late as today.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    range: DateRange,
    undated: bool,
}

impl Days {
    /// Those of a range, as of this day.
    pub fn as_of(range: DateRange, today: Date) -> Self {
        let undated = range.reaches(today);
        Self { range, undated }
    }

    /// The same without the days after this one. What has no date stays.
    pub fn until(mut self, last: Date) -> Self {
        self.range.to = Some(self.range.to.map_or(last, |to| to.min(last)));
        self
    }

    /// Whether movements without a date are among them.
    pub fn has_undated(self) -> bool {
        self.undated
    }
}

/// Without a last day, they reach today.
impl From<DateRange> for Days {
    fn from(range: DateRange) -> Self {
        let undated = range.to.is_none();
        Self { range, undated }
    }
}

#[derive(Clone, Copy)]
struct Place<'a> {
    scope: &'a UserScope,
    link: LinkId,
    kind: ResourceKind,
}

impl UserRows {
    /// Those of `ResourceTable` of this name.
    pub fn new(config: &SdkConfig, resource_table: String) -> Self {
        Self {
            table: Table::new(config, resource_table),
        }
    }

    /// Reads at most `limit` rows of a resource of a link, of these days, beginning at `from`:
    /// movements the latest first, and those without a date before all others. Of another user's link
    /// there are none.
    pub async fn rows(
        &self,
        scope: &UserScope,
        link: LinkId,
        kind: ResourceKind,
        days: impl Into<Days>,
        from: Option<Start<'_>>,
        limit: usize,
    ) -> Result<RowPage> {
        let (place, days) = (Place { scope, link, kind }, days.into());
        let mut page = RowPage::default();
        if !kind.is_dated() {
            let range = row::range(kind, days.range);
            self.fill(&mut page, place, range, from, limit).await?;
            return Ok(page);
        }
        let begins_undated = from.is_none_or(|from| row::is_undated(from.record));
        if days.undated && begins_undated {
            let undated = row::undated(kind);
            self.fill(&mut page, place, undated, from, limit).await?;
        }
        if !page.more {
            let from = from.filter(|_| !begins_undated);
            let dated = row::dated(kind, days.range);
            self.fill(&mut page, place, dated, from, limit).await?;
        }
        Ok(page)
    }

    /// Adds the rows between two places, beginning at `from`.
    async fn fill(
        &self,
        page: &mut RowPage,
        place: Place<'_>,
        (mut first, mut last): (String, String),
        from: Option<Start<'_>>,
        limit: usize,
    ) -> Result<()> {
        let Place { scope, link, kind } = place;
        if let Some(from) = from {
            match kind.is_dated() {
                true => last = last.min(from.record.to_owned()),
                false => first = from.record.to_owned(),
            }
        }
        if first > last {
            return Ok(());
        }
        let keys = Keys::Between(row::sort_key(link, &first), row::sort_key(link, &last));
        let query = self.partition(scope, keys);
        let query = query.scan_index_forward(!kind.is_dated());
        let skipped = from.filter(|from| !from.inclusive);
        let skipped = skipped.map(|from| row::sort_key(link, from.record));
        page.fill(query, skipped.as_deref(), limit, StoredRow::of_resource)
            .await
    }

    /// Reads at most `limit` rows of all links of the user, in the order of links and then of
    /// places, behind this one.
    pub async fn all(
        &self,
        scope: &UserScope,
        after: Option<(LinkId, &str)>,
        limit: usize,
    ) -> Result<RowPage> {
        // A sort key is not empty, and a blank sorts before all of ours.
        let after = after.map(|(link, record)| row::sort_key(link, record));
        let after = after.unwrap_or_else(|| " ".to_owned());
        let query = self.partition(scope, Keys::Behind(after));
        page(query, None, limit, StoredRow::of_resource).await
    }

    fn partition(&self, scope: &UserScope, keys: Keys) -> QueryFluentBuilder {
        self.table
            .query(("external_id", scope.external_id()), ("record", keys))
            // LINK says which state this is, and must not say more than is read.
            .consistent_read(true)
    }
}
