//! A user's rows: all lie in one partition, under the user's own id.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::{DateRange, LinkId, ResourceKind, UserScope};
use table::query::Keys;
use table::{Result, Table, row};

use crate::page::{RowPage, Start, StoredRow, page};

/// Belvo's objects, of one user at a time.
#[derive(Clone, Debug)]
pub struct UserRows {
    table: Table,
}

impl UserRows {
    /// Those of `ResourceTable` of this name.
    pub fn new(config: &SdkConfig, resource_table: String) -> Self {
        Self {
            table: Table::new(config, resource_table),
        }
    }

    /// Reads at most `limit` rows of a resource of a link, of these days, beginning at `from`:
    /// movements the latest first. Of another user's link there are none.
    pub async fn rows(
        &self,
        scope: &UserScope,
        link: LinkId,
        kind: ResourceKind,
        days: DateRange,
        from: Option<Start<'_>>,
        limit: usize,
    ) -> Result<RowPage> {
        let (mut first, mut last) = row::range(kind, days);
        if let Some(from) = from {
            match kind.is_dated() {
                true => last = from.record.to_owned(),
                false => first = from.record.to_owned(),
            }
        }
        if first > last {
            return Ok(RowPage::default());
        }
        let keys = Keys::Between(row::sort_key(link, &first), row::sort_key(link, &last));
        let query = self.partition(scope, keys);
        let query = query.scan_index_forward(!kind.is_dated());
        let skipped = from.filter(|from| !from.inclusive);
        let skipped = skipped.map(|from| row::sort_key(link, from.record));
        page(query, skipped.as_deref(), limit, StoredRow::of_resource).await
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
