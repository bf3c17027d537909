//! Removing all that is stored of a link, and TOMBSTONE: what remains of it, so that a late webhook
//! does not bring it back, until Belvo says that it is gone there too.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::link::ChangeEvent;
use domain::{ExternalId, LinkId};
use table::item::{encode_value, key, text_of};
use table::query::Keys;
use table::record::link;
use table::record::tombstone::{self, Tombstone};
use table::{Item, Result, StoreError, Table, row};

use crate::fence;
use crate::lease::Lease;
use crate::stores::{LinkStore, ResourceStore};

impl LinkStore {
    /// What remains of a link, if it was erased. As of now.
    pub async fn tombstone(&self, link: LinkId) -> Result<Option<Tombstone>> {
        let key = tombstone::key(link);
        self.table
            .find(key, tombstone::RECORD, "looking for a tombstone")
            .await
    }

    /// Replaces LINK, of which nothing else is left, by a tombstone, and tells others. No later
    /// write of the tombstone does.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has acquired the link.
    pub async fn bury(
        &self,
        lease: &Lease,
        tombstone: &Tombstone,
        change: &ChangeEvent,
    ) -> Result<()> {
        let mut item = tombstone::item(tombstone)?;
        let change = encode_value(change, tombstone::RECORD)?;
        item.insert("change".to_owned(), change);
        let put = self.table.putting(item)?;
        fence::delete_link(&self.table, *lease, vec![put], "burying a link").await
    }

    /// Writes a tombstone anew.
    pub async fn put_tombstone(&self, tombstone: &Tombstone) -> Result<()> {
        let item = tombstone::item(tombstone)?;
        self.table.put(item, "writing a tombstone").await
    }

    /// Removes up to a megabyte of what is stored beside LINK, but for TOMBSTONE. Says whether
    /// anything was there.
    pub async fn purge_some(&self, link: LinkId) -> Result<bool> {
        let spared = [link::RECORD, tombstone::RECORD];
        let query = self.table.partition("link_id", link);
        purge_some(&self.table, ("link_id", link.to_string()), query, &spared).await
    }
}

/// It takes ids, because LINK may be lost.
impl ResourceStore {
    /// Removes up to a megabyte of a link's rows under this user. Says whether anything was there.
    pub async fn purge_some(&self, user: &ExternalId, link: LinkId) -> Result<bool> {
        let partition = ("external_id", user.to_string());
        let keys = Keys::Starting(row::sort_key(link, ""));
        let query = self.table.query(("external_id", user), ("record", keys));
        purge_some(&self.table, partition, query, &[]).await
    }

    /// The links that have rows under this user, as of now.
    pub async fn link_ids(&self, user: &ExternalId) -> Result<Vec<LinkId>> {
        let mut links = Vec::new();
        // A sort key is not empty, and a blank sorts before all of ours.
        let mut after = " ".to_owned();
        loop {
            let keys = Keys::Behind(after);
            let query = self
                .table
                .query(("external_id", user), ("record", keys))
                .consistent_read(true)
                .projection_expression("#record")
                .limit(1);
            let answer = query.send().await;
            let answer = answer.map_err(StoreError::failed("reading which links have rows"))?;
            let Some(item) = answer.items().first() else {
                return Ok(links);
            };
            let key = text_of(item, "record").and_then(row::parse_sort_key);
            let (link, _) = key.ok_or(StoreError::Malformed { what: "a key" })?;
            links.push(link);
            // `$` follows `#`, so it comes after every row of the link.
            after = format!("{link}$");
        }
    }
}

/// Removes up to a megabyte of what this query of one partition finds, but for the sort keys that
/// are spared. Says whether anything was there. Not fenced: what is purged is gone for good.
async fn purge_some(
    table: &Table,
    (name, partition): (&str, String),
    query: QueryFluentBuilder,
    spared: &[&str],
) -> Result<bool> {
    let page = query
        .consistent_read(true)
        .projection_expression("#record")
        .expression_attribute_names("#record", "record")
        .send()
        .await
        .map_err(StoreError::failed("reading what is to be purged"))?;
    let records = page.items().iter().filter_map(|it| text_of(it, "record"));
    let records = records.filter(|record| !spared.contains(record));
    let keys = records.map(|record| key((name, &partition), ("record", record)));
    let keys: Vec<Item> = keys.collect();
    let found = !keys.is_empty();
    table.delete_all(&partition, keys).await?;
    Ok(found || page.last_evaluated_key().is_some())
}
