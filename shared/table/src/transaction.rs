//! Transactions: many changes or none.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem};

use crate::error::{Result, StoreError, incomplete};
use crate::item::Item;
use crate::retry::{Backoff, is_throttling};
use crate::table::Table;

/// AWS, `TransactWriteItems`: at most 100 items in a call.
pub const TRANSACTION: usize = 100;

/// The code of cancellation of a change whose condition did not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// Codes of cancellation that the next try may not meet.
const TRANSIENT: [&str; 3] = [
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "TransactionConflict",
];

impl Table {
    /// Makes all changes or none; of this table, or also of others. Says whether every condition
    /// held; if not, no change was made.
    ///
    /// # Errors
    /// [`StoreError::Throttled`] when DynamoDB refuses it for longer than the backoff lasts.
    pub async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
        backoff: Backoff,
        doing: &'static str,
    ) -> Result<bool> {
        let call = self.client.transact_write_items();
        let call = call.set_transact_items(Some(items));
        match backoff.retry(|| call.clone().send(), may_pass).await {
            Ok(_) => Ok(true),
            Err(error) if codes(&error).contains(&CONDITION_FAILED) => Ok(false),
            Err(error) if may_pass(&error) => Err(StoreError::Throttled),
            Err(error) => Err(StoreError::failed(doing)(error)),
        }
    }

    /// As a part of a transaction: writes an item, whatever was there.
    pub fn putting(&self, item: Item) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(&self.name).set_item(Some(item));
        let put = put.build().map_err(incomplete)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// As a part of a transaction: deletes the item of this key, if a condition holds for it. The
    /// condition comes with its values.
    pub fn deleting(
        &self,
        key: Item,
        condition: Option<(&str, Item)>,
    ) -> Result<TransactWriteItem> {
        let (condition, values) = condition.unzip();
        let delete = Delete::builder().table_name(&self.name).set_key(Some(key));
        let delete = delete
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(values)
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// As a part of a transaction: looks whether a condition holds for the item of this key.
    pub fn checking(
        &self,
        key: Item,
        condition: &str,
        values: Option<Item>,
    ) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder().table_name(&self.name);
        let check = check
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

fn may_pass(error: &SdkError<TransactWriteItemsError>) -> bool {
    let codes = codes(error);
    let transient = codes.iter().any(|code| TRANSIENT.contains(code));
    !codes.contains(&CONDITION_FAILED) && (transient || is_throttling(error))
}

/// Why the transaction was canceled, change by change.
fn codes(error: &SdkError<TransactWriteItemsError>) -> Vec<&str> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return Vec::new();
    };
    let reasons = canceled.cancellation_reasons().iter();
    reasons.filter_map(CancellationReason::code).collect()
}
