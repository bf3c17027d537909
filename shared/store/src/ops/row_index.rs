//! The stored rows of a resource, in short: keys and hashes, or how many there are.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::{DateRange, ResourceKind};
use jiff::civil::Date;
use table::item::text_of;
use table::query::{self, Keys};
use table::row::{self, ResourceRow};
use table::{Item, Result, StoreError};

use crate::lease::BoundLink;
use crate::stores::ResourceStore;

/// Rows counted in one call; AWS stops at a megabyte, which is not many more.
const COUNTED: i32 = 2000;

/// The stored rows of one resource of a link: for each id, under which key and with which hash.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub(super) rows: HashMap<String, Stored>,
    /// Second keys of rows that are stored twice.
    pub(super) doubles: Vec<(String, Stored)>,
}

#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// Its place among the rows of its link.
    pub(super) record: String,
    pub(super) hash: Vec<u8>,
    pub(super) only_embedded: bool,
    pub(super) is_missing: bool,
}

impl Index {
    /// Whether a row is stored.
    pub fn contains(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    /// Whether this very row is stored, under its key and with its content, and nothing stands beside
    /// it that this row contradicts.
    pub fn holds(&self, row: &ResourceRow) -> bool {
        let is_same = |it: &&Stored| it.record == row.record && it.hash == row.hash;
        let stored = self.rows.get(&row.id).filter(is_same);
        stored.is_some_and(|it| it.only_embedded == row.only_embedded && !it.is_missing)
    }

    /// The ids alone.
    pub fn into_ids(self) -> HashSet<String> {
        self.rows.into_keys().collect()
    }

    /// How many rows are stored.
    pub fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The days of these of which movements are stored, in order, a day once for each movement.
    pub fn dates(&self, days: DateRange) -> Vec<Date> {
        let dates = self.rows.values().filter_map(|it| row::date(&it.record));
        let mut dates: Vec<Date> = dates.filter(|date| days.contains(Some(*date))).collect();
        dates.sort_unstable();
        dates
    }

    /// The stored rows that are not among these. What only other objects embed was never among them.
    pub fn without(&self, ids: &HashSet<String>) -> Vec<String> {
        let listed = self.rows.iter().filter(|(_, it)| !it.only_embedded);
        let missing = listed.filter(|(id, _)| !ids.contains(*id));
        missing.map(|(id, _)| id.clone()).collect()
    }

    fn enter(&mut self, id: String, stored: Stored) {
        match self.rows.get(&id) {
            None => {
                self.rows.insert(id, stored);
            }
            Some(first) if first.record != stored.record => self.doubles.push((id, stored)),
            Some(_) => {}
        }
    }

    pub(super) fn remember(&mut self, row: &ResourceRow) {
        let stored = Stored {
            record: row.record.clone(),
            hash: row.hash.to_vec(),
            only_embedded: row.only_embedded,
            is_missing: false,
        };
        self.rows.insert(row.id.clone(), stored);
    }
}

impl ResourceStore {
    /// Reads keys and hashes of the stored rows of a resource, as of now; of movements, those of
    /// some days if so asked.
    pub async fn index(
        &self,
        link: &BoundLink,
        kind: ResourceKind,
        days: DateRange,
    ) -> Result<Index> {
        let mut index = Index::default();
        self.enter(link, kind, days, &mut index, |_| true).await?;
        Ok(index)
    }

    /// Finds rows wherever they are stored and adds them to the index: movements whose date has
    /// changed lie under another key. Reads all keys of the resource, and keeps none but those.
    pub async fn find_by_id(
        &self,
        link: &BoundLink,
        kind: ResourceKind,
        ids: &HashSet<String>,
        index: &mut Index,
    ) -> Result<()> {
        self.enter(link, kind, DateRange::ALL, index, |id| ids.contains(id))
            .await
    }

    /// How many rows of a resource are stored.
    pub async fn count(&self, link: &BoundLink, kind: ResourceKind) -> Result<u64> {
        let query = self.stored(link, kind, DateRange::ALL).limit(COUNTED);
        query::count(query, "counting rows").await
    }

    /// Adds the stored rows with these ids to the index.
    async fn enter(
        &self,
        link: &BoundLink,
        kind: ResourceKind,
        days: DateRange,
        index: &mut Index,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let query = self
            .stored(link, kind, days)
            .projection_expression("#record, #hash, #embedded, #missing")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_names("#embedded", row::ONLY_EMBEDDED)
            .expression_attribute_names("#missing", row::MISSING_SINCE);
        let malformed = || StoreError::Malformed {
            what: "key or hash of a resource",
        };
        let mut items = query.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(StoreError::failed("reading the index"))?;
            let (id, stored) = stored(&item).ok_or_else(malformed)?;
            if wanted(&id) {
                index.enter(id, stored);
            }
        }
        Ok(())
    }

    fn stored(&self, link: &BoundLink, kind: ResourceKind, days: DateRange) -> QueryFluentBuilder {
        let (first, last) = row::range(kind, days);
        let key = |record: &str| row::sort_key(link.lease.link_id, record);
        let keys = Keys::Between(key(&first), key(&last));
        self.table
            .query(("external_id", &link.external_id), ("record", keys))
            .consistent_read(true)
    }
}

/// The id is what follows the last `#` of the key; the link is left out of it.
fn stored(item: &Item) -> Option<(String, Stored)> {
    let (_, record) = row::parse_sort_key(text_of(item, "record")?)?;
    let (_, id) = record.rsplit_once('#')?;
    let stored = Stored {
        record: record.to_owned(),
        hash: item.get("hash")?.as_b().ok()?.as_ref().to_vec(),
        only_embedded: item.contains_key(row::ONLY_EMBEDDED),
        is_missing: item.contains_key(row::MISSING_SINCE),
    };
    Some((id.to_owned(), stored))
}
