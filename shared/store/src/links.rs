//! Reading and writing LINK records.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use domain::{ExternalId, LinkId};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::agenda;
use crate::error::{self, StoreError};
use crate::link::{LinkRecord, RECORD};
use crate::resources::ResourceStore;
use crate::tombstone::Tombstone;
use crate::{batch, value};

/// AWS, `BatchGetItem`: at most 100 items in a call.
const BATCH: usize = 100;

/// Rounds of asking again for what DynamoDB left out of an answer.
const ROUNDS: usize = 20;

/// What a job finds when it begins.
#[derive(Debug)]
pub enum Begun {
    /// A link to work on; a new record if nothing was known of it.
    Link(Box<LinkRecord>),
    /// A link that its user wants erased.
    Erasing(Box<LinkRecord>),
    /// A link that was erased.
    Erased(Tombstone),
}

/// Whether a read must see what was just written. That costs twice as much.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consistency {
    AsOfNow,
    Eventual,
}

impl ResourceStore {
    /// Begins a job on a link: raises its epoch, and gives what is known of it.
    ///
    /// From here on, writes of a job that began earlier fail.
    pub async fn begin(&self, link: LinkId) -> Result<Begun, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(link)))
            // What was told is told once: every write of the record would tell it again.
            .update_expression("ADD epoch :one REMOVE #change")
            .expression_attribute_names("#change", "change")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew);
        let answer = batch::past_conflicts(async || request.clone().send().await)
            .await
            .map_err(StoreError::failed("beginning a job on a link"))?;
        let mut record = read(answer.attributes.unwrap_or_default())?;
        let job_before = record.epoch.saturating_sub(1);
        record.interrupted |= record.updated_at.is_some() && record.saved_epoch < job_before;
        if record.erase.is_some() {
            return Ok(Begun::Erasing(Box::new(record)));
        }
        // Only a record that was never saved can be one that an erasure has left nothing of.
        if record.updated_at.is_none()
            && let Some(tombstone) = self.tombstone(link).await?
        {
            self.forget_link(link).await?;
            return Ok(Begun::Erased(tombstone));
        }
        Ok(Begun::Link(Box::new(record)))
    }

    /// What is known of a link of this user, as of now. Of another's, or of one that is being
    /// erased, nothing.
    pub async fn link_of(
        &self,
        external_id: &ExternalId,
        link: LinkId,
    ) -> Result<Option<LinkRecord>, StoreError> {
        let record = self.link(link).await?;
        Ok(record.filter(|it| it.external_id.as_ref() == Some(external_id) && it.erase.is_none()))
    }

    /// What is known of a link, as of now.
    pub async fn link(&self, link: LinkId) -> Result<Option<LinkRecord>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(link)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::failed("reading a link"))?;
        answer.item.map(read).transpose()
    }

    /// The links of a user, as of now, in the order of their ids; those being erased left out.
    ///
    /// The index gives the keys alone and lags behind; what counts is read from the table.
    pub async fn links_of(&self, external_id: &ExternalId) -> Result<Vec<LinkRecord>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_external_id")
            .key_condition_expression("external_id = :user")
            .expression_attribute_values(":user", AttributeValue::S(external_id.to_string()))
            .into_paginator()
            .send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("reading a user's links"))?;
            let links = page.items().iter().filter(|item| is_link(item));
            ids.extend(links.filter_map(|item| {
                let id = item.get("link_id").and_then(|it| it.as_s().ok());
                LinkId::parse(id?).ok()
            }));
        }
        let mut records = self.read_links(&ids, Consistency::AsOfNow).await?;
        records.retain(|it| it.external_id.as_ref() == Some(external_id) && it.erase.is_none());
        records.sort_by_key(|it| it.link_id);
        Ok(records)
    }

    /// What is known of these links; of those that are unknown, nothing. A record that cannot be
    /// read counts as unknown, so that it does not hide the others.
    pub async fn links(&self, links: &[LinkId]) -> Result<Vec<LinkRecord>, StoreError> {
        self.read_links(links, Consistency::Eventual).await
    }

    async fn read_links(
        &self,
        links: &[LinkId],
        consistency: Consistency,
    ) -> Result<Vec<LinkRecord>, StoreError> {
        let mut records = Vec::new();
        for batch in links.chunks(BATCH) {
            let mut left: Vec<_> = batch.iter().map(|link| key(*link)).collect();
            for _ in 0..ROUNDS {
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(left))
                    .consistent_read(consistency == Consistency::AsOfNow)
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
    /// [`StoreError::Superseded`] when a later job has begun, or the link is to be erased.
    pub async fn save(&self, link: &mut LinkRecord, now: Timestamp) -> Result<(), StoreError> {
        link.updated_at = Some(now);
        link.saved_epoch = link.epoch;
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
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(link.link_id)))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .condition_expression("#epoch = :epoch AND attribute_not_exists(#erase)")
            .expression_attribute_names("#erase", "erase")
            .set_expression_attribute_values(Some(values));
        let result = batch::past_conflicts(async || request.clone().send().await).await;
        match error::whether_written(result, "saving a link")? {
            true => Ok(()),
            false => Err(StoreError::Superseded),
        }
    }
}

/// The record's attributes but for its key, its epoch and the mark that its user sets; `None` for
/// what must not be there.
fn attributes(link: &LinkRecord) -> Result<BTreeMap<String, Option<AttributeValue>>, StoreError> {
    let malformed = |_| StoreError::Malformed { what: "LINK" };
    let json = serde_json::to_string(link).map_err(malformed)?;
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&json).map_err(malformed)?;
    let ours = |name: &str| !matches!(name, "link_id" | "record" | "epoch" | "erase");
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

fn is_link(item: &HashMap<String, AttributeValue>) -> bool {
    item.get("record")
        .and_then(|it| it.as_s().ok())
        .map(String::as_str)
        == Some(RECORD)
}

fn read(item: HashMap<String, AttributeValue>) -> Result<LinkRecord, StoreError> {
    let json = value::to_json(&AttributeValue::M(item));
    serde_json::from_str(&json).map_err(|_| StoreError::Malformed { what: "LINK" })
}
