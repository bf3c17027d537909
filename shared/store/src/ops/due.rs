//! Links whose time has come, by the index `by_due`.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::LinkId;
use jiff::Timestamp;
use table::item::{number, number_of, text_of};
use table::{Item, Result, StoreError, query};

use crate::stores::LinkStore;

/// The sparse index of records that wait.
const INDEX: &str = "by_due";

/// A link that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueLink {
    /// The link.
    pub link_id: LinkId,
    /// Since when something of it is due, to the second.
    pub due_at: Timestamp,
}

impl LinkStore {
    /// The links of a part of the index (from 0) that wait for nothing later than `until`.
    pub async fn due(&self, shard: u8, until: Timestamp, at_most: i32) -> Result<Vec<DueLink>> {
        let query = self.due_query(shard, until).limit(at_most);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::failed("reading what is due"))?;
        let malformed = || StoreError::Malformed { what: "due record" };
        let items = answer.items().iter();
        items.map(|item| read(item).ok_or_else(malformed)).collect()
    }

    /// How many links of a part of the index are due.
    pub async fn count_due(&self, shard: u8, until: Timestamp) -> Result<u64> {
        let query = self.due_query(shard, until);
        query::count(query, "counting what is due").await
    }

    fn due_query(&self, shard: u8, until: Timestamp) -> QueryFluentBuilder {
        let until = number(until.as_second());
        self.table
            .partition("due_shard", shard)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :partition AND due_at <= :until")
            .expression_attribute_values(":until", until)
    }
}

fn read(item: &Item) -> Option<DueLink> {
    Some(DueLink {
        link_id: LinkId::parse(text_of(item, "link_id")?).ok()?,
        due_at: Timestamp::from_second(number_of(item, "due_at")?).ok()?,
    })
}
