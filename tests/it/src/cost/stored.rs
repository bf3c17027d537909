//! The stored bytes of a connected link, in the tables of links and of rows.

use std::collections::HashMap;

use anyhow::Context;
use aws_sdk_dynamodb::types::AttributeValue;
use local_stack::Stack;

/// The records of a connected link.
pub struct Stored {
    pub transactions: u64,
    /// Items of the tables, and entries of their indexes.
    pub items: u64,
    pub table_bytes: u64,
    pub index_bytes: u64,
    pub link_bytes: u64,
}

type Record = HashMap<String, AttributeValue>;

impl Stored {
    /// The records of tables with a single link.
    pub async fn read(stack: &Stack, link: &str) -> anyhow::Result<Self> {
        let endpoints = stack.endpoints();
        let (mut items, mut table_bytes, mut index_bytes) = (0, 0, 0);
        for table in [&endpoints.link_table, &endpoints.resource_table] {
            let answer = stack.dynamodb().describe_table().table_name(table);
            let table = answer.send().await?.table.context("no table")?;
            items += number(table.item_count);
            table_bytes += number(table.table_size_bytes);
            for index in table.global_secondary_indexes() {
                items += number(index.item_count);
                index_bytes += number(index.index_size_bytes);
            }
        }
        let item = link_record(stack, link).await?;
        let resources = item.get("resources").and_then(|it| it.as_m().ok());
        let transactions = resources.and_then(|it| it.get("TRANSACTIONS")?.as_m().ok());
        let transactions = transactions.and_then(|it| it.get("rows")?.as_n().ok());
        Ok(Self {
            transactions: transactions.context("no rows")?.parse()?,
            items,
            table_bytes,
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
        .table_name(&stack.endpoints().link_table)
        .key("link_id", text(link))
        .key("record", text("LINK"));
    request.send().await?.item.context("there is no LINK")
}

fn number(of: Option<i64>) -> u64 {
    u64::try_from(of.unwrap_or_default()).unwrap_or_default()
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
