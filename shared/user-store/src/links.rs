//! A user's links, and what lies beside them.

use aws_config::SdkConfig;
use domain::link::EraseMark;
use domain::{ConsentId, Link, LinkId, UserScope};
use table::Consistency::{AsOfNow, Eventual};
use table::item::text_of;
use table::query::Keys;
use table::record::erase_mark::{OF_USER, marking};
use table::record::receipt::{self, Receipt};
use table::record::{consent, link};
use table::retry::Backoff;
use table::{Item, Result, Table};

use crate::connections::UserConnections;
use crate::page::{RowPage, StoredRow, page};

/// Links, of one user at a time.
#[derive(Clone, Debug)]
pub struct UserLinks {
    table: Table,
}

impl UserLinks {
    /// Those of `LinkTable` of this name.
    pub fn new(config: &SdkConfig, link_table: String) -> Self {
        Self {
            table: Table::new(config, link_table),
        }
    }

    /// The LINK record of a link of this user, as of now; none of another user's link, nor of one
    /// that is being erased.
    pub async fn link(&self, scope: &UserScope, link: LinkId) -> Result<Option<Link>> {
        let record = link::find(&self.table, link).await?;
        Ok(record.filter(|it| is_of(it, scope) && it.erase.is_none()))
    }

    /// The links of this user, as of now, in the order of their ids; those being erased left out.
    ///
    /// The index gives the keys alone and lags behind; what counts is read from the table.
    pub async fn links(&self, scope: &UserScope) -> Result<Vec<Link>> {
        let ids = link::ids_of_user(&self.table, scope.external_id()).await?;
        let records = link::find_many(&self.table, &ids, AsOfNow);
        let mut records = records.await?;
        records.retain(|it| is_of(it, scope) && it.erase.is_none());
        records.sort_by_key(|it| it.link_id);
        Ok(records)
    }

    /// A stored consent of this user.
    pub async fn consent(
        &self,
        scope: &UserScope,
        link: LinkId,
        id: ConsentId,
    ) -> Result<Option<consent::ConsentDetails>> {
        let key = consent::key(link, id);
        let item = self.table.get(key, Eventual, "reading a consent").await?;
        let user = scope.external_id().as_str();
        let item = item.filter(|it| text_of(it, "external_id") == Some(user));
        let data = item.as_ref().and_then(|it| it.get("data")?.as_m().ok());
        Ok(data.map(consent::details))
    }

    /// Reads at most `limit` consents and entries of the webhook log of a link of this user, behind
    /// the sort key `after`.
    pub async fn records(
        &self,
        scope: &UserScope,
        link: LinkId,
        after: &str,
        limit: usize,
    ) -> Result<RowPage> {
        // An entry of the log does not say whose it is; its link does.
        if self.link(scope, link).await?.is_none() || after >= BEHIND_RECORDS {
            return Ok(RowPage::default());
        }
        let first = after.max(consent::PREFIX).to_owned();
        let keys = Keys::Between(first, BEHIND_RECORDS.to_owned());
        let query = self.table.query(("link_id", link), ("record", keys));
        let query = query.consistent_read(true);
        let read = |item: &Item| StoredRow::beside_link(item, link);
        page(query, Some(after), limit, read).await
    }

    /// The mark of a link of this user that is being erased.
    pub async fn erase_mark(&self, scope: &UserScope, link: LinkId) -> Result<Option<EraseMark>> {
        let record = link::find(&self.table, link).await?;
        Ok(record.filter(|it| is_of(it, scope)).and_then(|it| it.erase))
    }

    /// Marks a link of this user for erasure; the receipt is filed already. Says whether it did: it
    /// may be no link of this user, or be marked already.
    pub async fn mark(&self, scope: &UserScope, link: LinkId, mark: &EraseMark) -> Result<bool> {
        let update = marking(scope.external_id(), link, mark, OF_USER)?;
        self.table.update(update, "marking a link").await
    }

    /// Marks a link of this user for erasure, and files the receipt; both or neither. Says whether
    /// it did, as [`mark`](Self::mark).
    pub async fn mark_with_receipt(
        &self,
        scope: &UserScope,
        link: LinkId,
        receipt: &Receipt,
        connections: &UserConnections,
    ) -> Result<bool> {
        let user = scope.external_id();
        let update = marking(user, link, &receipt.mark(), OF_USER)?;
        let items = vec![
            self.table.updating(update)?,
            connections.table.putting(receipt::item(user, receipt)?)?,
        ];
        let marked = self
            .table
            .transact(items, Backoff::Request, "marking a link");
        marked.await
    }
}

/// Sorts behind every consent and every entry of the webhook log, and before LINK.
const BEHIND_RECORDS: &str = "EVENT$";

fn is_of(record: &Link, scope: &UserScope) -> bool {
    record.external_id.as_ref() == Some(scope.external_id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use table::record::webhook_log;

    #[test]
    fn consents_and_the_webhook_log_are_read_and_nothing_else() {
        let check = |record: &str, expected: bool| {
            let found = (consent::PREFIX..=BEHIND_RECORDS).contains(&record);
            assert_eq!(found, expected, "{record}");
        };
        check(&format!("{}x", consent::PREFIX), true);
        check(&format!("{}x", webhook_log::PREFIX), true);
        check(link::RECORD, false);
        check(table::record::tombstone::RECORD, false);
    }
}
