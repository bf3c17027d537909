//! Updates of an item, member by member.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{self, AttributeValue, ReturnValue, TransactWriteItem};

use crate::error::{Result, StoreError, incomplete};
use crate::item::Item;
use crate::retry::{Backoff, condition_met};
use crate::table::Table;

/// An update of one item, alone or as a part of a transaction.
///
/// In its expressions `#name` is a member that it changes, and `:name` the value it gets.
#[derive(Clone, Debug, Default)]
pub struct Update {
    key: Item,
    clauses: BTreeMap<&'static str, Vec<String>>,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Update {
    /// An update of the item of this key that changes nothing yet.
    pub fn of(key: Item) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// Sets a member, if there is a value for it.
    pub fn set(self, name: &str, value: impl Into<Option<AttributeValue>>) -> Self {
        let Some(value) = value.into() else {
            return self;
        };
        let clause = format!("#{name} = :{name}");
        self.change("SET", name, clause).value(name, value)
    }

    /// Sets a member unless it is there.
    pub fn set_once(self, name: &str, value: AttributeValue) -> Self {
        let clause = format!("#{name} = if_not_exists(#{name}, :{name})");
        self.change("SET", name, clause).value(name, value)
    }

    /// Adds an element to a list.
    pub fn append(self, name: &str, element: AttributeValue) -> Self {
        let clause = format!("#{name} = list_append(if_not_exists(#{name}, :none), :{name})");
        self.change("SET", name, clause)
            .value("none", AttributeValue::L(Vec::new()))
            .value(name, AttributeValue::L(vec![element]))
    }

    /// Adds to a number, or to a set.
    pub fn add(self, name: &str, value: AttributeValue) -> Self {
        let clause = format!("#{name} :{name}");
        self.change("ADD", name, clause).value(name, value)
    }

    /// Removes a member.
    pub fn remove(self, name: &str) -> Self {
        self.change("REMOVE", name, format!("#{name}"))
    }

    /// A change in DynamoDB's own words.
    pub fn change(mut self, verb: &'static str, name: &str, clause: String) -> Self {
        self.clauses.entry(verb).or_default().push(clause);
        self.name(name, name)
    }

    /// Nothing is changed unless this holds.
    pub fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Which member `#alias` stands for.
    pub fn name(mut self, alias: &str, name: impl ToString) -> Self {
        self.names.insert(format!("#{alias}"), name.to_string());
        self
    }

    /// Which value `:name` stands for.
    pub fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    fn expression(&self) -> String {
        let clauses = self.clauses.iter();
        let clauses = clauses.map(|(verb, changes)| format!("{verb} {}", changes.join(", ")));
        clauses.collect::<Vec<_>>().join(" ")
    }
}

impl Table {
    /// Updates an item. Says whether the condition held; if not, nothing was changed.
    pub async fn update(&self, update: Update, doing: &'static str) -> Result<bool> {
        condition_met(send(self.request(update)).await, doing)
    }

    /// Updates an item, whatever was there, and gives it as it is then.
    pub async fn update_and_get(&self, update: Update, doing: &'static str) -> Result<Item> {
        let request = self.request(update).return_values(ReturnValue::AllNew);
        let answer = send(request).await.map_err(StoreError::failed(doing))?;
        Ok(answer.attributes.unwrap_or_default())
    }

    /// As a part of a transaction.
    pub fn updating(&self, update: Update) -> Result<TransactWriteItem> {
        let update = types::Update::builder()
            .table_name(&self.name)
            .update_expression(update.expression())
            .set_key(Some(update.key))
            .set_condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn request(&self, update: Update) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .update_expression(update.expression())
            .set_key(Some(update.key))
            .set_condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
    }
}

/// Repeats an update that has met a transaction on its item. The SDK does not.
async fn send(
    request: UpdateItemFluentBuilder,
) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
    let met = |error: &SdkError<_>| error.code() == Some("TransactionConflictException");
    Backoff::Request.retry(|| request.clone().send(), met).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::number;

    #[test]
    fn changes_of_one_kind_stand_together_and_names_are_aliases() {
        let update = Update::of(Item::new())
            .set("a", number(1))
            .remove("b")
            .set_once("c", number(2))
            .add("d", number(3))
            .set("e", None);
        let expected = "ADD #d :d REMOVE #b SET #a = :a, #c = if_not_exists(#c, :c)";
        assert_eq!(update.expression(), expected);
        assert_eq!(update.names["#b"], "b");
        assert_eq!(update.values.len(), 3);
    }
}
