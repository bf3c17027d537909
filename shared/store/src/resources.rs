//! Belvo's objects: reading what is stored, writing what is new.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::WriteRequest;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, PutRequest, TransactWriteItem};
use domain::{LinkId, ResourceKind};

use crate::batch;
use crate::error::StoreError;
use crate::row::ResourceRow;

/// The table of links and what belongs to them.
#[derive(Clone, Debug)]
pub struct ResourceStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// What is stored of one resource of a link: for each id, under which key and with which hash.
#[derive(Clone, Debug, Default)]
pub struct Index(HashMap<String, Stored>);

#[derive(Clone, Debug)]
struct Stored {
    record: String,
    hash: Vec<u8>,
}

impl Index {
    fn remember(&mut self, row: &ResourceRow) {
        let stored = Stored {
            record: row.record.clone(),
            hash: row.hash.to_vec(),
        };
        self.0.insert(row.id.clone(), stored);
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

    /// Reads keys and hashes of everything stored of a resource.
    pub async fn index(&self, link: LinkId, kind: ResourceKind) -> Result<Index, StoreError> {
        let mut index = Index::default();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("link_id = :link AND begins_with(#record, :kind)")
            .projection_expression("#record, #hash")
            .expression_attribute_names("#record", "record")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
            .expression_attribute_values(":kind", AttributeValue::S(format!("{kind}#")))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for item in page
                .map_err(StoreError::failed("reading the index"))?
                .items()
            {
                let (id, stored) = stored(item)?;
                index.0.insert(id, stored);
            }
        }
        Ok(index)
    }

    /// Writes the rows that differ from the index, keeps the index up to date, and says how many
    /// they were.
    ///
    /// Of rows with the same id the last one counts. A row whose date has changed gets a new key;
    /// the new one is written and the old one deleted in one transaction, so that no reader finds
    /// both or neither.
    pub async fn write(
        &self,
        rows: Vec<ResourceRow>,
        index: &mut Index,
    ) -> Result<u64, StoreError> {
        let latest: HashMap<String, ResourceRow> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let mut puts = Vec::new();
        let mut moves = Vec::new();
        for row in latest.into_values() {
            match index.0.get(&row.id) {
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
            self.move_row(old_record, row).await?;
        }
        for row in puts.iter().chain(moves.iter().map(|(_, row)| row)) {
            index.remember(row);
        }
        Ok(written)
    }

    async fn move_row(&self, old_record: &str, row: &ResourceRow) -> Result<(), StoreError> {
        let mut old_key = row.item.clone();
        old_key.retain(|name, _| name == "link_id");
        old_key.insert(
            "record".to_owned(),
            AttributeValue::S(old_record.to_owned()),
        );
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row.item.clone()))
            .build();
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(old_key))
            .build();
        self.client
            .transact_write_items()
            .transact_items(
                TransactWriteItem::builder()
                    .put(put.map_err(incomplete)?)
                    .build(),
            )
            .transact_items(
                TransactWriteItem::builder()
                    .delete(delete.map_err(incomplete)?)
                    .build(),
            )
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::failed("moving a row"))
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

/// The id is what follows the last `#` of the key.
fn stored(item: &HashMap<String, AttributeValue>) -> Result<(String, Stored), StoreError> {
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
