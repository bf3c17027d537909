//! Stored rows, on their way out: a page of a resource, or of everything of a link.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{DateRange, LinkId, ResourceKind};

use crate::error::StoreError;
use crate::link;
use crate::resources::ResourceStore;
use crate::row;
use crate::value;

/// AWS Lambda answers with at most 6 MB. A row may have 400 KB, so a page may end early.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// In which order rows are read. The order of movements is that of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first key first.
    Ascending,
    /// The last key first: the latest movement.
    Descending,
}

/// A stored row. It has no `Debug`: whatever prints it prints somebody's data.
pub struct StoredRow {
    /// Its sort key.
    pub record: String,
    /// Belvo's object as JSON, with every digit it came with.
    pub data: String,
}

/// Some rows, in order.
pub struct RowPage {
    /// The rows.
    pub rows: Vec<StoredRow>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

impl StoredRow {
    /// What kind of record it is, such as `TRANSACTIONS` or `CONSENT`.
    pub fn kind(&self) -> &str {
        self.record.split('#').next().unwrap_or_default()
    }
}

/// Where a page begins: behind this key, or with it.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The key. There need not be a row of it.
    pub record: &'a str,
    /// Whether a row of that very key is wanted.
    pub inclusive: bool,
}

impl ResourceStore {
    /// Reads at most `limit` rows of a resource, of these days, beginning at `from`.
    pub async fn rows(
        &self,
        link: LinkId,
        kind: ResourceKind,
        days: DateRange,
        order: Order,
        from: Option<Start<'_>>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        let (mut first, mut last) = row::key_range(kind, days);
        if let Some(from) = from {
            match order {
                Order::Ascending => first = from.record.to_owned(),
                Order::Descending => last = from.record.to_owned(),
            }
        }
        if first > last {
            return Ok(RowPage {
                rows: Vec::new(),
                more: false,
            });
        }
        let query = self
            .partition(link)
            .key_condition_expression("link_id = :link AND #record BETWEEN :first AND :last")
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
            .scan_index_forward(order == Order::Ascending);
        let skipped = from.filter(|from| !from.inclusive).map(|from| from.record);
        page(query, skipped, limit).await
    }

    /// Reads at most `limit` records of a link behind the key `after`, whatever they are, but for
    /// LINK itself.
    pub async fn everything(
        &self,
        link: LinkId,
        after: &str,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        // A sort key is not empty, and a blank sorts before all of ours.
        let after = if after.is_empty() { " " } else { after };
        let query = self
            .partition(link)
            .key_condition_expression("link_id = :link AND #record > :after")
            .expression_attribute_values(":after", AttributeValue::S(after.to_owned()));
        page(query, Some(link::RECORD), limit).await
    }

    fn partition(&self, link: LinkId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            // LINK says which state this is, and must not say more than is read.
            .consistent_read(true)
            .expression_attribute_names("#record", "record")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
    }
}

/// Up to `limit` rows without the one of the key `skipped`.
async fn page(
    query: QueryFluentBuilder,
    skipped: Option<&str>,
    limit: usize,
) -> Result<RowPage, StoreError> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    // One that is skipped, and one to see whether there are more.
    let asked = i32::try_from(limit.saturating_add(2)).unwrap_or(i32::MAX);
    let mut pages = query.limit(asked).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(StoreError::failed("reading rows"))?;
        for item in page.items() {
            let row = read(item)?;
            if Some(row.record.as_str()) == skipped {
                continue;
            }
            bytes += row.data.len();
            let full = rows.len() >= limit || (bytes > PAGE_BYTES && !rows.is_empty());
            if full {
                return Ok(RowPage { rows, more: true });
            }
            rows.push(row);
        }
    }
    Ok(RowPage { rows, more: false })
}

fn read(item: &HashMap<String, AttributeValue>) -> Result<StoredRow, StoreError> {
    let record = item.get("record").and_then(|it| it.as_s().ok());
    let record = record.ok_or(StoreError::Malformed { what: "a key" })?;
    // The journal keeps what it knows under another name.
    let data = item.get("data").or_else(|| item.get("event"));
    Ok(StoredRow {
        record: record.clone(),
        data: data.map_or_else(|| "{}".to_owned(), value::to_json),
    })
}
