//! Accounts of the links of one user, to be compared with each other.

use domain::{DateRange, Link, LinkId, ResourceKind};
use table::Consistency::AsOfNow;
use table::query::{self, Keys};
use table::record::link;
use table::{Result, row, value};

use crate::lease::BoundLink;
use crate::stores::{LinkStore, ResourceStore};

impl LinkStore {
    /// The links of the user of this one. A link that was made moments ago may be missing, because
    /// the index that has them lags behind.
    pub async fn of_user(&self, link: &BoundLink) -> Result<Vec<Link>> {
        let ids = link::ids_of_user(&self.table, &link.external_id).await?;
        link::find_many(&self.table, &ids, AsOfNow).await
    }
}

impl ResourceStore {
    /// The stored accounts of another link of the same user, as JSON.
    pub async fn accounts(&self, link: &BoundLink, of: LinkId) -> Result<Vec<String>> {
        let (first, last) = row::range(ResourceKind::Accounts, DateRange::ALL);
        let keys = Keys::Between(row::sort_key(of, &first), row::sort_key(of, &last));
        let query = self
            .table
            .query(("external_id", &link.external_id), ("record", keys))
            .consistent_read(true);
        let items = query::all(query, "reading accounts").await?;
        let objects = items
            .iter()
            .filter_map(|it| it.get("data").map(value::to_json));
        Ok(objects.collect())
    }
}
