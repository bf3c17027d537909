//! A table: a client and a name, and reads and writes of single items.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use serde::de::DeserializeOwned;

use crate::error::{Result, StoreError};
use crate::item::{self, Item};
use crate::pace::Pace;
use crate::retry::condition_met;

/// A table of DynamoDB.
#[derive(Clone, Debug)]
pub struct Table {
    /// Calls DynamoDB.
    pub client: Client,
    /// The name, as the template gave it.
    pub name: String,
    pub(crate) pace: Pace,
}

/// Whether a read must see what was just written. That costs twice as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// It must.
    AsOfNow,
    /// It may be some moments late.
    Eventual,
}

impl Table {
    /// The table of this name.
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self {
            client: Client::new(config),
            name,
            pace: Pace::default(),
        }
    }

    /// The item of this key.
    pub async fn get(
        &self,
        key: Item,
        consistency: Consistency,
        doing: &'static str,
    ) -> Result<Option<Item>> {
        let get = self.client.get_item().table_name(&self.name);
        let get = get.consistent_read(consistency == Consistency::AsOfNow);
        let answer = get.set_key(Some(key)).send().await;
        let answer = answer.map_err(StoreError::failed(doing))?;
        Ok(answer.item)
    }

    /// The record of this key, as of now.
    pub async fn find<T: DeserializeOwned>(
        &self,
        key: Item,
        what: &'static str,
        doing: &'static str,
    ) -> Result<Option<T>> {
        let item = self.get(key, Consistency::AsOfNow, doing).await?;
        item.map(|item| item::decode(item, what)).transpose()
    }

    /// Writes an item, whatever was there.
    pub async fn put(&self, item: Item, doing: &'static str) -> Result<()> {
        let put = self.client.put_item().table_name(&self.name);
        let result = put.set_item(Some(item)).send().await;
        result.map(|_| ()).map_err(StoreError::failed(doing))
    }

    /// Writes an item unless there is one of its key, which has a member of this name.
    pub async fn put_once(&self, item: Item, name: &str, doing: &'static str) -> Result<()> {
        let put = self.client.put_item().table_name(&self.name);
        let put = put.condition_expression(format!("attribute_not_exists({name})"));
        condition_met(put.set_item(Some(item)).send().await, doing).map(|_| ())
    }

    /// Deletes the item of this key.
    pub async fn delete(&self, key: Item, doing: &'static str) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.name);
        let result = delete.set_key(Some(key)).send().await;
        result.map(|_| ()).map_err(StoreError::failed(doing))
    }
}
