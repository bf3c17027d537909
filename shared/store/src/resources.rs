//! Belvo's objects: reading what is stored, writing what is new.

use std::collections::{HashMap, HashSet};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, PutRequest, Select, TransactWriteItem,
    WriteRequest,
};
use domain::{DateRange, LinkId, ResourceKind};

use crate::error::{self, StoreError};
use crate::index::{Index, Stored, stored};
use crate::link::LinkRecord;
use crate::row::{self, ResourceRow};
use crate::{batch, links};

/// Rows counted in one call; AWS stops at a megabyte, which is not many more.
const COUNTED: i32 = 2000;

/// Rows removed in one transaction; AWS takes up to 100 changes in one.
const TRANSACTION: usize = 50;

/// The table of links and what belongs to them.
#[derive(Clone, Debug)]
pub struct ResourceStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// The right to change rows of a link, until a later job begins.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    pub(crate) link_id: LinkId,
    pub(crate) epoch: u64,
}

impl LinkRecord {
    /// The right of the job that has begun with this record.
    pub fn hold(&self) -> Hold {
        Hold {
            link_id: self.link_id,
            epoch: self.epoch,
        }
    }
}

impl ResourceStore {
    /// The table of this name.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self {
            client: Client::new(config),
            table,
        }
    }

    /// Reads keys and hashes of what is stored of a resource, as of now; of movements, those of
    /// some days if so asked.
    pub async fn index(
        &self,
        link: LinkId,
        kind: ResourceKind,
        days: DateRange,
    ) -> Result<Index, StoreError> {
        let mut index = Index::default();
        self.each_stored(link, kind, days, |id, stored| {
            index.enter(id, stored);
        })
        .await?;
        Ok(index)
    }

    /// Finds rows wherever they are stored and adds them to the index: movements whose date has
    /// changed lie under another key. Walks over all keys, and keeps none but those.
    pub async fn locate(
        &self,
        link: LinkId,
        kind: ResourceKind,
        ids: &HashSet<String>,
        index: &mut Index,
    ) -> Result<(), StoreError> {
        self.each_stored(link, kind, DateRange::ALL, |id, stored| {
            if ids.contains(&id) {
                index.enter(id, stored);
            }
        })
        .await
    }

    /// How many rows of a resource are stored.
    pub async fn count(&self, link: LinkId, kind: ResourceKind) -> Result<u64, StoreError> {
        let mut pages = self
            .records(link, kind, DateRange::ALL)
            .select(Select::Count)
            .limit(COUNTED)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("counting rows"))?;
            count += u64::try_from(page.count()).unwrap_or_default();
        }
        Ok(count)
    }

    async fn each_stored(
        &self,
        link: LinkId,
        kind: ResourceKind,
        days: DateRange,
        mut take: impl FnMut(String, Stored),
    ) -> Result<(), StoreError> {
        let mut pages = self
            .records(link, kind, days)
            .projection_expression("#record, #hash")
            .expression_attribute_names("#hash", "hash")
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("reading the index"))?;
            for item in page.items() {
                let (id, stored) = stored(item)?;
                take(id, stored);
            }
        }
        Ok(())
    }

    fn records(&self, link: LinkId, kind: ResourceKind, days: DateRange) -> QueryFluentBuilder {
        let (first, last) = row::key_range(kind, days);
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("link_id = :link AND #record BETWEEN :first AND :last")
            .expression_attribute_names("#record", "record")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
    }

    /// Writes the rows that differ from the index, keeps the index up to date, and says how many
    /// they were.
    ///
    /// Of rows with the same id the last one counts. A row whose date has changed gets a new key;
    /// the new one is written and the old one deleted in one transaction, so that no reader finds
    /// both or neither.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a row had to be moved and a later job has begun.
    pub async fn write(
        &self,
        hold: Hold,
        rows: Vec<ResourceRow>,
        index: &mut Index,
    ) -> Result<u64, StoreError> {
        let latest: HashMap<String, ResourceRow> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let mut puts = Vec::new();
        let mut moves = Vec::new();
        for row in latest.into_values() {
            match index.rows.get(&row.id) {
                Some(stored) if stored.record == row.record => {
                    if stored.hash != row.hash {
                        puts.push(row);
                    }
                }
                Some(stored) => moves.push((stored.record.clone(), row)),
                None => puts.push(row),
            }
        }
        let written = (puts.len() + moves.len()) as u64;

        let requests: Result<Vec<_>, _> = puts.iter().map(put_request).collect();
        batch::write(&self.client, &self.table, requests?).await?;
        for (old_record, row) in &moves {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(row.item.clone()))
                .build()
                .map_err(incomplete)?;
            let put = TransactWriteItem::builder().put(put).build();
            let delete = self.deletion(hold.link_id, old_record)?;
            self.change_together(hold, vec![put, delete], "moving a row")
                .await?;
        }
        for row in puts.iter().chain(moves.iter().map(|(_, row)| row)) {
            index.remember(row);
        }
        Ok(written)
    }

    /// Writes a row unless there is one of its key.
    pub async fn write_if_absent(&self, row: &ResourceRow) -> Result<(), StoreError> {
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row.item.clone()))
            .condition_expression("attribute_not_exists(link_id)")
            .send()
            .await;
        error::whether_written(result, "writing a row").map(|_| ())
    }

    /// Removes rows that Belvo says are no more.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has begun; what it has found out counts.
    pub async fn remove(
        &self,
        hold: Hold,
        ids: &[String],
        index: &mut Index,
    ) -> Result<(), StoreError> {
        for batch in ids.chunks(TRANSACTION) {
            let stored = batch.iter().filter_map(|id| index.rows.get(id));
            let deletions: Result<Vec<_>, _> = stored
                .map(|stored| self.deletion(hold.link_id, &stored.record))
                .collect();
            self.change_together(hold, deletions?, "removing rows")
                .await?;
            for id in batch {
                index.rows.remove(id);
            }
        }
        Ok(())
    }

    /// Removes the second keys of rows that are stored twice. They are ours alone, so no word of
    /// Belvo's is needed; the row stays under the key it was written to last.
    pub async fn remove_doubles(&self, hold: Hold, index: &mut Index) -> Result<(), StoreError> {
        let doubles = std::mem::take(&mut index.doubles);
        let stale = doubles.iter().filter(|(id, double)| {
            let kept = index.rows.get(id);
            kept.is_some_and(|kept| kept.record != double.record)
        });
        let stale: Vec<_> = stale.collect();
        for batch in stale.chunks(TRANSACTION) {
            let deletions: Result<Vec<_>, _> = batch
                .iter()
                .map(|(_, double)| self.deletion(hold.link_id, &double.record))
                .collect();
            self.change_together(hold, deletions?, "removing doubles")
                .await?;
        }
        Ok(())
    }

    pub(crate) fn deletion(
        &self,
        link: LinkId,
        record: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("link_id", AttributeValue::S(link.to_string()))
            .key("record", AttributeValue::S(record.to_owned()))
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Makes all changes or none, and none once a later job has begun.
    pub(crate) async fn change_together(
        &self,
        hold: Hold,
        changes: Vec<TransactWriteItem>,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(links::key(hold.link_id)))
            .condition_expression("#epoch = :epoch")
            .expression_attribute_names("#epoch", "epoch")
            .expression_attribute_values(":epoch", AttributeValue::N(hold.epoch.to_string()))
            .build()
            .map_err(incomplete)?;
        let mut items = vec![TransactWriteItem::builder().condition_check(check).build()];
        items.extend(changes);
        self.transact(items, doing).await
    }

    /// Makes all changes or none. The first one depends on the epoch.
    pub(crate) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        let mut pauses = batch::pauses();
        loop {
            let result = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            match result {
                Ok(_) => return Ok(()),
                Err(error) if is_superseded(&error) => return Err(StoreError::Superseded),
                Err(error) if passes(&error) => {
                    let pause = pauses.next().ok_or(StoreError::Throttled)?;
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(StoreError::failed(doing)(error)),
            }
        }
    }
}

/// Whether the transaction met another one, or more writes than the partition takes.
fn passes(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            let reasons = canceled.cancellation_reasons().iter();
            let mut codes = reasons.filter_map(|it| it.code());
            codes.any(|code| {
                let transient = [
                    "TransactionConflict",
                    "ThrottlingError",
                    "ProvisionedThroughputExceeded",
                ];
                transient.contains(&code)
            })
        }
        _ => batch::is_throttling(error),
    }
}

/// Whether the check of the epoch, which comes first, is what failed.
fn is_superseded(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            let first = canceled.cancellation_reasons().first();
            first.and_then(|it| it.code()) == Some("ConditionalCheckFailed")
        }
        _ => false,
    }
}

fn put_request(row: &ResourceRow) -> Result<WriteRequest, StoreError> {
    let put = PutRequest::builder()
        .set_item(Some(row.item.clone()))
        .build();
    Ok(WriteRequest::builder()
        .put_request(put.map_err(incomplete)?)
        .build())
}

/// A builder of the SDK misses a field. All are set above.
pub(crate) fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Failed {
        doing: "building a request",
        reason: error.to_string(),
    }
}
