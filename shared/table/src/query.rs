//! Queries of a table.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use serde::de::DeserializeOwned;

use crate::error::{Result, StoreError};
use crate::item::{self, Item, text};
use crate::table::Table;

/// Which sort keys of a partition a query is about.
#[derive(Clone, Debug)]
pub enum Keys {
    /// Those that begin with this.
    Starting(String),
    /// Those behind this one.
    Behind(String),
    /// From the first one to the last one.
    Between(String, String),
}

impl Table {
    /// A query of a whole partition.
    pub fn partition(&self, name: &str, value: impl ToString) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .key_condition_expression(format!("{name} = :partition"))
            .expression_attribute_values(":partition", text(value))
    }

    /// A query of a part of a partition, by the names and values of both keys. In a projection `#`
    /// and the name stand for the sort key.
    pub fn query(
        &self,
        (name, value): (&str, impl ToString),
        (sort, keys): (&str, Keys),
    ) -> QueryFluentBuilder {
        let (condition, first, last) = match keys {
            Keys::Starting(prefix) => (format!("begins_with(#{sort}, :first)"), prefix, None),
            Keys::Behind(start) => (format!("#{sort} > :first"), start, None),
            Keys::Between(first, last) => {
                let condition = format!("#{sort} BETWEEN :first AND :last");
                (condition, first, Some(last))
            }
        };
        let query = self
            .partition(name, value)
            .key_condition_expression(format!("{name} = :partition AND {condition}"))
            .expression_attribute_names(format!("#{sort}"), sort)
            .expression_attribute_values(":first", text(first));
        match last {
            Some(last) => query.expression_attribute_values(":last", text(last)),
            None => query,
        }
    }
}

/// All that a query finds.
///
/// # Errors
/// When DynamoDB does not answer, or declines.
pub async fn all(query: QueryFluentBuilder, doing: &'static str) -> Result<Vec<Item>> {
    let items = query.into_paginator().items().send();
    let items: Result<Vec<Item>, _> = items.collect().await;
    items.map_err(StoreError::failed(doing))
}

/// All records that a query finds.
///
/// # Errors
/// When DynamoDB does not answer, or declines; [`StoreError::Malformed`] when there is anything
/// else than records of this kind.
pub async fn records<T: DeserializeOwned>(
    query: QueryFluentBuilder,
    what: &'static str,
    doing: &'static str,
) -> Result<Vec<T>> {
    let items = all(query, doing).await?.into_iter();
    items.map(|item| item::decode(item, what)).collect()
}

/// How much a query finds.
///
/// # Errors
/// When DynamoDB does not answer, or declines.
pub async fn count(query: QueryFluentBuilder, doing: &'static str) -> Result<u64> {
    let mut pages = query.select(Select::Count).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(StoreError::failed(doing))?;
        count += u64::try_from(page.count()).unwrap_or_default();
    }
    Ok(count)
}
