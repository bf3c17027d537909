//! Stored rows, on their way out, page by page.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::LinkId;
use jiff::civil::Date;
use table::item::text_of;
use table::{Item, Result, StoreError, row, value};

/// AWS Lambda answers with at most 6 MB. A row may have 400 KB, so a page may end early.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A stored row, or a record that lies beside LINK: a consent, or an entry of the webhook log. It
/// has no `Debug`: whatever prints it prints bank data.
pub struct StoredRow {
    /// Its link.
    pub link_id: LinkId,
    /// Its place among the rows of the link, such as `TRANSACTIONS#2026-11-23#{id}`; or the sort
    /// key of the record, `CONSENT#…` or `EVENT#…`.
    pub record: String,
    /// Belvo's object or webhook as JSON, with every digit it came with; of an object with what stands
    /// beside it.
    pub data: String,
}

/// Some rows, in order.
#[derive(Default)]
pub struct RowPage {
    /// The rows.
    pub rows: Vec<StoredRow>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Where a page begins: behind this place, or with it.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The place among the rows of a link. There need not be a row in it.
    pub record: &'a str,
    /// Whether a row in that very place is wanted.
    pub inclusive: bool,
}

impl StoredRow {
    /// The name of its resource, such as `TRANSACTIONS`; or what the record is: `CONSENT` or
    /// `EVENT`.
    pub fn kind(&self) -> &str {
        self.record.split('#').next().unwrap_or_default()
    }

    /// Whether it is a movement without a date.
    pub fn is_undated(&self) -> bool {
        row::is_undated(&self.record)
    }

    /// The day of a movement; `None` for one without a date.
    pub fn day(&self) -> Option<Date> {
        let day = self.record.split('#').nth(1)?;
        day.parse().ok().filter(|_| !self.is_undated())
    }

    /// Belvo's object of `ResourceTable`. Its key says which link it is of.
    pub(crate) fn of_resource(item: &Item) -> Option<Self> {
        let (link_id, record) = row::parse_sort_key(text_of(item, "record")?)?;
        let mut stored = Self::of(item, link_id, record);
        let marks = row::marks(item);
        // Most rows have none, and are not copied for them.
        if let Some(AttributeValue::M(data)) = item.get("data").filter(|_| !marks.is_empty()) {
            let data = data.clone().into_iter().chain(marks).collect();
            stored.data = value::to_json(&AttributeValue::M(data));
        }
        Some(stored)
    }

    /// A record of `LinkTable`.
    pub(crate) fn beside_link(item: &Item, link_id: LinkId) -> Option<Self> {
        Some(Self::of(item, link_id, text_of(item, "record")?))
    }

    fn of(item: &Item, link_id: LinkId, record: &str) -> Self {
        // An entry of the webhook log has no object of Belvo's, but a webhook.
        let data = item.get("data").or_else(|| item.get("event"));
        Self {
            link_id,
            record: record.to_owned(),
            data: data.map_or_else(|| "{}".to_owned(), value::to_json),
        }
    }
}

/// Up to `limit` rows of a query but for the one of the sort key `skipped`, and whether there are
/// more. `read` takes an item apart.
pub(crate) async fn page(
    query: QueryFluentBuilder,
    skipped: Option<&str>,
    limit: usize,
    read: impl Fn(&Item) -> Option<StoredRow>,
) -> Result<RowPage> {
    let mut page = RowPage::default();
    page.fill(query, skipped, limit, read).await?;
    Ok(page)
}

impl RowPage {
    /// Adds the rows of a query, until there are `limit` in all.
    pub(crate) async fn fill(
        &mut self,
        query: QueryFluentBuilder,
        skipped: Option<&str>,
        limit: usize,
        read: impl Fn(&Item) -> Option<StoredRow>,
    ) -> Result<()> {
        let mut bytes: usize = self.rows.iter().map(|row| row.data.len()).sum();
        // One that is skipped, and one to see whether there are more.
        let wanted = limit.saturating_sub(self.rows.len()).saturating_add(2);
        let asked = i32::try_from(wanted).unwrap_or(i32::MAX);
        let mut items = query.limit(asked).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(StoreError::failed("reading rows"))?;
            if skipped.is_some() && text_of(&item, "record") == skipped {
                continue;
            }
            let row = read(&item).ok_or(StoreError::Malformed { what: "a key" })?;
            bytes += row.data.len();
            if self.rows.len() >= limit || (bytes > PAGE_BYTES && !self.rows.is_empty()) {
                self.more = true;
                break;
            }
            self.rows.push(row);
        }
        Ok(())
    }
}
