//! Belvo's objects: writes, moves and removals.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use table::row::{self, ResourceRow};
use table::{Item, Result, Update};

use crate::fence::{self, CHANGES};
use crate::lease::BoundLink;
use crate::ops::row_index::Index;
use crate::stores::ResourceStore;

impl ResourceStore {
    /// Writes the rows that differ from the index, keeps the index up to date, and says how many
    /// they were.
    ///
    /// Of rows with the same id the last one counts. A row whose date has changed gets a new key;
    /// the new one is written and the old one deleted in one transaction, so that no reader finds
    /// both or neither. What has kept its key is written without a fence: a later job writes the
    /// same, or finds it.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a row had to be moved and a later job has acquired the link.
    pub async fn write(
        &self,
        link: &BoundLink,
        rows: Vec<ResourceRow>,
        index: &mut Index,
    ) -> Result<u64> {
        let latest: HashMap<String, ResourceRow> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let mut puts = Vec::new();
        let mut moves = Vec::new();
        for row in latest.into_values().filter(|row| !index.holds(row)) {
            match index.rows.get(&row.id) {
                Some(stored) if stored.record != row.record => {
                    moves.push((stored.record.clone(), row));
                }
                _ => puts.push(row),
            }
        }
        let written = (puts.len() + moves.len()) as u64;

        let items = puts.iter().map(|row| item(link, row)).collect();
        let partition = link.external_id.as_str();
        self.table.put_all(partition, items).await?;
        for (old, row) in &moves {
            let changes = vec![
                self.table.putting(item(link, row))?,
                self.deletion(link, old)?,
            ];
            fence::change(&self.links, link.lease, changes, "moving a row").await?;
        }
        for row in puts.iter().chain(moves.iter().map(|(_, row)| row)) {
            index.remember(row);
        }
        Ok(written)
    }

    /// Writes a row unless there is one of its key.
    pub async fn write_if_absent(&self, link: &BoundLink, row: &ResourceRow) -> Result<()> {
        let item = item(link, row);
        self.table
            .put_once(item, "external_id", "writing a row")
            .await
    }

    /// Marks stored rows that Belvo's list lacks, and says how many were not marked yet. A row that
    /// comes again is written anew, without the mark.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has acquired the link.
    pub async fn mark_missing(
        &self,
        link: &BoundLink,
        ids: &[String],
        since: Timestamp,
        index: &mut Index,
    ) -> Result<u64> {
        let mut marked = 0;
        for batch in ids.chunks(CHANGES) {
            let mut changes = Vec::with_capacity(batch.len());
            for id in batch {
                let Some(stored) = index.rows.get_mut(id).filter(|it| !it.is_missing) else {
                    continue;
                };
                stored.is_missing = true;
                let key = row::key(&link.external_id, link.lease.link_id, &stored.record);
                let since = AttributeValue::S(since.to_string());
                let mark = Update::of(key).set(row::MISSING_SINCE, since);
                // An update would make a row anew that is not there.
                let mark = mark.when("attribute_exists(external_id)");
                changes.push(self.table.updating(mark)?);
            }
            marked += changes.len() as u64;
            fence::change(&self.links, link.lease, changes, "marking rows").await?;
        }
        Ok(marked)
    }

    /// Removes rows that Belvo says are no more.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has acquired the link; what it has found out
    /// counts.
    pub async fn remove(&self, link: &BoundLink, ids: &[String], index: &mut Index) -> Result<()> {
        let stored = ids.iter().filter_map(|id| index.rows.get(id));
        let records: Vec<String> = stored.map(|it| it.record.clone()).collect();
        self.delete(link, &records, "removing rows").await?;
        for id in ids {
            index.rows.remove(id);
        }
        Ok(())
    }

    /// Removes the second keys of rows that are stored twice, and says how many. They are ours alone, so no word of
    /// Belvo's is needed; the row stays under the key it was written to last.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has acquired the link.
    pub async fn remove_doubles(&self, link: &BoundLink, index: &mut Index) -> Result<u64> {
        let doubles = std::mem::take(&mut index.doubles);
        let stale = doubles.into_iter().filter(|(id, double)| {
            let kept = index.rows.get(id);
            kept.is_some_and(|kept| kept.record != double.record)
        });
        let records: Vec<String> = stale.map(|(_, double)| double.record).collect();
        self.delete(link, &records, "removing doubles").await?;
        Ok(records.len() as u64)
    }

    async fn delete(
        &self,
        link: &BoundLink,
        records: &[String],
        doing: &'static str,
    ) -> Result<()> {
        for batch in records.chunks(CHANGES) {
            let deletions = batch.iter().map(|record| self.deletion(link, record));
            let deletions: Result<Vec<_>, _> = deletions.collect();
            fence::change(&self.links, link.lease, deletions?, doing).await?;
        }
        Ok(())
    }

    fn deletion(&self, link: &BoundLink, record: &str) -> Result<TransactWriteItem> {
        let key = row::key(&link.external_id, link.lease.link_id, record);
        self.table.deleting(key, None)
    }
}

fn item(link: &BoundLink, row: &ResourceRow) -> Item {
    row.item(&link.external_id, link.lease.link_id)
}
