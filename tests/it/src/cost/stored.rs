//! The stored bytes of a connected link.

use std::collections::HashMap;

use anyhow::Context;
use aws_sdk_dynamodb::types::AttributeValue;
use local_stack::Stack;

/// The records of a connected link.
pub struct Stored {
    pub transactions: u64,
    /// Rows of the table, and entries of its indexes.
    pub items: u64,
    pub table_bytes: u64,
    pub index_bytes: u64,
    pub link_bytes: u64,
}

type Record = HashMap<String, AttributeValue>;

impl Stored {
    /// The records of a table with a single link.
    pub async fn read(stack: &Stack, link: &str) -> anyhow::Result<Self> {
        let table = &stack.endpoints().resource_table;
        let answer = stack.dynamodb().describe_table().table_name(table);
        let table = answer.send().await?.table.context("no table")?;
        let bytes = |it: Option<i64>| u64::try_from(it.unwrap_or_default()).unwrap_or_default();
        let indexes = table.global_secondary_indexes.unwrap_or_default();
        let index_bytes = indexes.iter().map(|it| bytes(it.index_size_bytes)).sum();
        let index_rows: u64 = indexes.iter().map(|it| bytes(it.item_count)).sum();
        let item = link_record(stack, link).await?;
        let resources = item.get("resources").and_then(|it| it.as_m().ok());
        let transactions = resources.and_then(|it| it.get("TRANSACTIONS")?.as_m().ok());
        let transactions = transactions.and_then(|it| it.get("rows")?.as_n().ok());
        Ok(Self {
            transactions: transactions.context("no rows")?.parse()?,
            items: bytes(table.item_count) + index_rows,
            table_bytes: bytes(table.table_size_bytes),
            index_bytes,
            link_bytes: item
                .iter()
                .map(|(name, it)| name.len() as u64 + size(it))
                .sum(),
        })
    }
}

pub async fn link_record(stack: &Stack, link: &str) -> anyhow::Result<Record> {
    let text = |it: &str| AttributeValue::S(it.to_owned());
    let request = stack.dynamodb().get_item().consistent_read(true);
    let request = request
        .table_name(&stack.endpoints().resource_table)
        .key("link_id", text(link))
        .key("record", text("LINK"));
    request.send().await?.item.context("there is no LINK")
}

/// The size of a value, by DynamoDB's rules.
fn size(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) => text.len() as u64,
        AttributeValue::N(digits) => digits.len().div_ceil(2) as u64 + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len() as u64,
        AttributeValue::L(list) => 3 + list.iter().map(|it| 1 + size(it)).sum::<u64>(),
        AttributeValue::M(members) => {
            let member = |(name, it): (&String, &AttributeValue)| 1 + name.len() as u64 + size(it);
            3 + members.iter().map(member).sum::<u64>()
        }
        _ => 1,
    }
}
