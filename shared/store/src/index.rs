//! What is stored of a resource, in short: keys and hashes.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::StoreError;
use crate::row::ResourceRow;

/// What is stored of one resource of a link: for each id, under which key and with which hash.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub(crate) rows: HashMap<String, Stored>,
    /// Second keys of rows that are stored twice.
    pub(crate) doubles: Vec<(String, Stored)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) record: String,
    pub(crate) hash: Vec<u8>,
}

impl Index {
    /// Whether a row is stored.
    pub fn contains(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    /// Whether this very row is stored, under its key and with its content.
    pub fn holds(&self, row: &ResourceRow) -> bool {
        let stored = self.rows.get(&row.id);
        stored.is_some_and(|it| it.record == row.record && it.hash == row.hash)
    }

    /// The ids alone.
    pub fn into_ids(self) -> HashSet<String> {
        self.rows.into_keys().collect()
    }

    /// How many rows are stored.
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The stored rows that are not among these.
    pub fn without(&self, ids: &HashSet<String>) -> Vec<String> {
        let missing = self.rows.keys().filter(|id| !ids.contains(*id));
        missing.cloned().collect()
    }

    pub(crate) fn enter(&mut self, id: String, stored: Stored) {
        match self.rows.entry(id) {
            Entry::Vacant(place) => {
                place.insert(stored);
            }
            Entry::Occupied(first) => {
                if first.get().record != stored.record {
                    self.doubles.push((first.key().clone(), stored));
                }
            }
        }
    }

    pub(crate) fn remember(&mut self, row: &ResourceRow) {
        let stored = Stored {
            record: row.record.clone(),
            hash: row.hash.to_vec(),
        };
        self.rows.insert(row.id.clone(), stored);
    }
}

/// The id is what follows the last `#` of the key.
pub(crate) fn stored(
    item: &HashMap<String, AttributeValue>,
) -> Result<(String, Stored), StoreError> {
    let malformed = || StoreError::Malformed {
        what: "key or hash of a resource",
    };
    let (Some(AttributeValue::S(record)), Some(AttributeValue::B(hash))) =
        (item.get("record"), item.get("hash"))
    else {
        return Err(malformed());
    };
    let (_, id) = record.rsplit_once('#').ok_or_else(malformed)?;
    let stored = Stored {
        record: record.clone(),
        hash: hash.as_ref().to_vec(),
    };
    Ok((id.to_owned(), stored))
}
