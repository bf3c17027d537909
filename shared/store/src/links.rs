//! Reading and writing LINK records.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use domain::LinkId;
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::agenda;
use crate::error::{self, StoreError};
use crate::link::{LinkRecord, RECORD};
use crate::resources::ResourceStore;
use crate::value;

/// AWS, `BatchGetItem`: at most 100 items in a call.
const BATCH: usize = 100;

/// Rounds of asking again for what DynamoDB left out of an answer.
const ROUNDS: usize = 20;

impl ResourceStore {
    /// Begins a job on a link: raises its epoch, and gives what is known of it.
    ///
    /// From here on, writes of a job that began earlier fail.
    pub async fn begin(&self, link: LinkId) -> Result<LinkRecord, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(link)))
            .update_expression("ADD epoch :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(StoreError::failed("beginning a job on a link"))?;
        read(answer.attributes.unwrap_or_default())
    }

    /// What is known of these links; of those that are unknown, nothing. A record that cannot be
    /// read counts as unknown, so that it does not hide the others.
    pub async fn links(&self, links: &[LinkId]) -> Result<Vec<LinkRecord>, StoreError> {
        let mut records = Vec::new();
        for batch in links.chunks(BATCH) {
            let mut left: Vec<_> = batch.iter().map(|link| key(*link)).collect();
            for _ in 0..ROUNDS {
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(left))
                    .build()
                    .map_err(crate::resources::incomplete)?;
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted)
                    .send()
                    .await
                    .map_err(StoreError::failed("reading links"))?;
                let found = answer.responses.unwrap_or_default().remove(&self.table);
                let found = found.unwrap_or_default().into_iter();
                records.extend(found.filter_map(|item| read(item).ok()));
                let unread = answer.unprocessed_keys.unwrap_or_default();
                left = unread
                    .get(&self.table)
                    .map(|it| it.keys().to_vec())
                    .unwrap_or_default();
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(StoreError::Throttled);
            }
        }
        Ok(records)
    }

    /// Writes what this job knows of the link.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has begun.
    pub async fn save(&self, link: &mut LinkRecord, now: Timestamp) -> Result<(), StoreError> {
        link.updated_at = Some(now);
        let mut set = Vec::new();
        let mut remove = Vec::new();
        let mut names = HashMap::from([("#epoch".to_owned(), "epoch".to_owned())]);
        let epoch = AttributeValue::N(link.epoch.to_string());
        let mut values = HashMap::from([(":epoch".to_owned(), epoch)]);
        for (position, (name, value)) in attributes(link)?.into_iter().enumerate() {
            names.insert(format!("#a{position}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#a{position} = :v{position}"));
                    values.insert(format!(":v{position}"), value);
                }
                None => remove.push(format!("#a{position}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(link.link_id)))
            .update_expression(expression)
            .condition_expression("#epoch = :epoch")
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match error::whether_written(result, "saving a link")? {
            true => Ok(()),
            false => Err(StoreError::Superseded),
        }
    }
}

/// The record's attributes but for its key and epoch; `None` for what must not be there.
fn attributes(link: &LinkRecord) -> Result<BTreeMap<String, Option<AttributeValue>>, StoreError> {
    let malformed = |_| StoreError::Malformed { what: "LINK" };
    let json = serde_json::to_string(link).map_err(malformed)?;
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&json).map_err(malformed)?;
    let ours = |name: &str| !matches!(name, "link_id" | "record" | "epoch");
    let convert = |(name, json): (String, &RawValue)| {
        let value = value::from_json(json).map_err(|_| StoreError::Malformed { what: "LINK" })?;
        let present = !matches!(value, AttributeValue::Null(_));
        Ok((name, Some(value).filter(|_| present)))
    };
    let attributes = members
        .into_iter()
        .filter(|(name, _)| ours(name))
        .map(convert);
    let mut attributes: BTreeMap<_, _> = attributes.collect::<Result<_, _>>()?;
    attributes.extend(agenda::index_attributes(link.link_id, &link.agenda));
    Ok(attributes)
}

/// The key of the record.
pub(crate) fn key(link: LinkId) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("link_id".to_owned(), AttributeValue::S(link.to_string())),
        ("record".to_owned(), AttributeValue::S(RECORD.to_owned())),
    ])
}

fn read(item: HashMap<String, AttributeValue>) -> Result<LinkRecord, StoreError> {
    let json = value::to_json(&AttributeValue::M(item));
    serde_json::from_str(&json).map_err(|_| StoreError::Malformed { what: "LINK" })
}
