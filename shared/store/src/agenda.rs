//! What a link waits for. Waiting is state: the sweeper finds it through the index `by_due`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::LinkId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::resources::ResourceStore;

/// The sparse index of records that wait.
const INDEX: &str = "by_due";

/// How many parts the index has, so that no single one takes all writes of the table.
pub const SHARDS: u8 = 8;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Belvo failed; what remains is tried again.
    Retry,
    /// Time ran short; what remains is continued.
    Continue,
    /// Nobody could say whose the link is, or Belvo did not know it; both may change.
    Look,
    /// Resources nobody has announced are looked for: webhooks get lost.
    Unannounced,
    /// The bank gives data again: the Open Finance limits of a new month.
    Limit,
    /// A list that became empty is looked at again before anything is believed.
    Empty,
    /// The consent nears its end, or has reached it.
    Consent,
    /// Everything is read again, should something have been missed.
    Pass,
    /// An operator wants everything read again.
    Reread,
    /// The app wants Belvo to read the bank again, and Belvo could not be asked.
    Refresh,
    /// An erased link is purged once more: a job that began earlier may have written something.
    Purge,
}

/// What a link waits for, and until when.
///
/// What a newer release has entered is left out, not refused: it would stop the link altogether.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Timestamp>")]
pub struct Agenda(BTreeMap<Due, Timestamp>);

impl From<BTreeMap<String, Timestamp>> for Agenda {
    fn from(entries: BTreeMap<String, Timestamp>) -> Self {
        let known = |(name, at): (String, Timestamp)| {
            let due = serde_json::from_value(serde_json::Value::String(name));
            Some((due.ok()?, at))
        };
        Self(entries.into_iter().filter_map(known).collect())
    }
}

impl Agenda {
    /// Enters a time; an earlier one for the same reason is replaced.
    pub fn set(&mut self, due: Due, at: Timestamp) {
        self.0.insert(due, at);
    }

    /// Enters a time, or removes the entry.
    pub fn set_or_clear(&mut self, due: Due, at: Option<Timestamp>) {
        match at {
            Some(at) => self.set(due, at),
            None => self.clear(due),
        }
    }

    /// Removes an entry.
    pub fn clear(&mut self, due: Due) {
        self.0.remove(&due);
    }

    /// Removes all entries.
    pub fn clear_all(&mut self) {
        self.0.clear();
    }

    /// When something is due for this reason.
    pub fn get(&self, due: Due) -> Option<Timestamp> {
        self.0.get(&due).copied()
    }

    /// Removes and gives what is due by then, to the second, as the index counts: whoever was
    /// found there must not be sent away for a fraction.
    pub fn take_due(&mut self, until: Timestamp) -> Vec<Due> {
        let by_then = |at: &Timestamp| at.as_second() <= until.as_second();
        let due = self.0.iter().filter(|(_, at)| by_then(at));
        let due: Vec<Due> = due.map(|(due, _)| *due).collect();
        for due in &due {
            self.0.remove(due);
        }
        due
    }

    /// When the first thing is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.values().min().copied()
    }
}

/// The attributes that put a record into the index, or keep it out.
pub(crate) fn index_attributes(
    link: LinkId,
    agenda: &Agenda,
) -> [(String, Option<AttributeValue>); 2] {
    let (shard, at) = agenda.next().map(|at| due(link, at)).unzip();
    [("due_at".to_owned(), at), ("due_shard".to_owned(), shard)]
}

/// The attributes of a record that is due at a moment: shard and time.
pub(crate) fn due(link: LinkId, at: Timestamp) -> (AttributeValue, AttributeValue) {
    (
        AttributeValue::S(shard(link).to_string()),
        AttributeValue::N(at.as_second().to_string()),
    )
}

fn shard(link: LinkId) -> u8 {
    let digest = Sha256::digest(link.to_string());
    digest.first().copied().unwrap_or_default() % SHARDS
}

/// A link that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueLink {
    /// The link.
    pub link_id: LinkId,
    /// Since when something of it is due, to the second.
    pub due_at: Timestamp,
}

impl ResourceStore {
    /// The links of a part of the index (from 0) that wait for nothing later than `until`.
    pub async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        at_most: i32,
    ) -> Result<Vec<DueLink>, StoreError> {
        let answer = self
            .due_query(shard, until)
            .limit(at_most)
            .send()
            .await
            .map_err(StoreError::failed("reading what is due"))?;
        let malformed = || StoreError::Malformed { what: "due record" };
        let read = |item: &std::collections::HashMap<String, AttributeValue>| {
            let link = item.get("link_id").and_then(|it| it.as_s().ok());
            let seconds = item.get("due_at").and_then(|it| it.as_n().ok());
            Some(DueLink {
                link_id: LinkId::parse(link?).ok()?,
                due_at: Timestamp::from_second(seconds?.parse().ok()?).ok()?,
            })
        };
        let items = answer.items().iter();
        items.map(|item| read(item).ok_or_else(malformed)).collect()
    }

    /// How many links of a part of the index are due.
    pub async fn count_due(&self, shard: u8, until: Timestamp) -> Result<u64, StoreError> {
        let mut pages = self
            .due_query(shard, until)
            .select(Select::Count)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("counting what is due"))?;
            count += u64::try_from(page.count()).unwrap_or_default();
        }
        Ok(count)
    }

    fn due_query(
        &self,
        shard: u8,
        until: Timestamp,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let seconds = AttributeValue::N(until.as_second().to_string());
        self.client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :shard AND due_at <= :until")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
            .expression_attribute_values(":until", seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_due_is_taken_once() {
        let mut agenda = Agenda::default();
        agenda.set(Due::Retry, at(10));
        agenda.set(Due::Consent, at(20));
        agenda.set(Due::Pass, at(30));
        assert_eq!(agenda.next(), Some(at(10)));
        assert_eq!(agenda.take_due(at(20)), [Due::Retry, Due::Consent]);
        assert_eq!(agenda.take_due(at(20)), []);
        assert_eq!(agenda.next(), Some(at(30)));
    }

    #[test]
    fn what_the_index_calls_due_is_due() {
        let mut agenda = Agenda::default();
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        agenda.set(Due::Retry, at(10_900));
        assert_eq!(agenda.take_due(at(9_999)), []);
        assert_eq!(agenda.take_due(at(10_100)), [Due::Retry]);
    }

    #[test]
    fn an_entry_of_a_newer_release_is_left_out() {
        let agenda = r#"{"retry":"2026-11-23T12:00:00Z","novelty":"2026-11-23T12:00:00Z"}"#;
        let agenda: Agenda = serde_json::from_str(agenda).unwrap();
        assert_eq!(agenda.0.into_keys().collect::<Vec<_>>(), [Due::Retry]);
    }

    #[test]
    fn only_who_waits_is_in_the_index() {
        let link = LinkId::parse("30cb4806-6e00-48a4-91c9-ca55968576c8").unwrap();
        let mut agenda = Agenda::default();
        let absent = index_attributes(link, &agenda).map(|(_, value)| value);
        assert_eq!(absent, [None, None]);
        agenda.set(Due::Look, at(7));
        let [(_, due_at), (_, shard)] = index_attributes(link, &agenda);
        assert_eq!(due_at, Some(AttributeValue::N("7".to_owned())));
        let shard: u8 = shard.unwrap().as_s().unwrap().parse().unwrap();
        assert!(shard < SHARDS);
    }
}
