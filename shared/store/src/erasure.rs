//! The mark of a link that its user wants erased.
//!
//! It makes the link unreadable at once and stops every write of LINK; the link is due from then
//! on. A job purges what is stored and leaves a tombstone.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use domain::{ExternalId, LinkId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::agenda;
use crate::error::{self, StoreError};
use crate::link::EraseMark;
use crate::links;
use crate::receipts::{ConnectionStoreItem, Receipt};
use crate::resources::{ResourceStore, incomplete};
use crate::{ConnectionStore, batch, tombstone, value};

/// What came of marking a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It is to be erased from now on.
    Now,
    /// It is no link of this user, or was marked before.
    No,
}

impl ResourceStore {
    /// Marks a user's link for erasure, and files the receipt; both or neither.
    pub async fn mark_with_receipt(
        &self,
        connections: &ConnectionStore,
        external_id: &ExternalId,
        link: LinkId,
        receipt: &Receipt,
    ) -> Result<Marked, StoreError> {
        let mark = receipt.mark();
        let Marking { key, values } = marking(external_id, link, &mark)?;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression(format!("{MARK} {UNTELL}"))
            .condition_expression(MARKABLE)
            .expression_attribute_names("#erase", "erase")
            .expression_attribute_names("#change", "change")
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(incomplete)?;
        let ConnectionStoreItem { table, item } = connections.receipt_item(external_id, receipt)?;
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .build();
        let changes = vec![
            TransactWriteItem::builder().update(update).build(),
            TransactWriteItem::builder()
                .put(put.map_err(incomplete)?)
                .build(),
        ];
        self.mark_together(changes).await
    }

    /// Marks a user's link for erasure. The receipt is filed already.
    pub async fn mark(
        &self,
        external_id: &ExternalId,
        link: LinkId,
        mark: &EraseMark,
    ) -> Result<Marked, StoreError> {
        let Marking { key, values } = marking(external_id, link, mark)?;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression(format!("{MARK} {UNTELL}"))
            .condition_expression(MARKABLE)
            .expression_attribute_names("#erase", "erase")
            .expression_attribute_names("#change", "change")
            .set_expression_attribute_values(Some(values));
        let result = batch::past_conflicts(async || request.clone().send().await).await;
        Ok(match error::whether_written(result, "marking a link")? {
            true => Marked::Now,
            false => Marked::No,
        })
    }

    /// Marks a link for erasure that Belvo says is this user's, unless it is another's here, or is
    /// being erased, or was.
    pub async fn mark_listed(
        &self,
        external_id: &ExternalId,
        link: LinkId,
        mark: &EraseMark,
    ) -> Result<Marked, StoreError> {
        let Marking { key, values } = marking(external_id, link, mark)?;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression(format!("{MARK}, external_id = :user {UNTELL}"))
            .condition_expression(
                "(attribute_not_exists(external_id) OR external_id = :user) \
                 AND attribute_not_exists(#erase)",
            )
            .expression_attribute_names("#erase", "erase")
            .expression_attribute_names("#change", "change")
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(incomplete)?;
        let unburied = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(tombstone::key(link)))
            .condition_expression("attribute_not_exists(link_id)")
            .build()
            .map_err(incomplete)?;
        self.mark_together(vec![
            TransactWriteItem::builder().update(update).build(),
            TransactWriteItem::builder()
                .condition_check(unburied)
                .build(),
        ])
        .await
    }

    /// Makes all changes or none, and says which.
    async fn mark_together(&self, changes: Vec<TransactWriteItem>) -> Result<Marked, StoreError> {
        let mut pauses = batch::short_pauses();
        loop {
            let call = self.client.transact_write_items();
            match call.set_transact_items(Some(changes.clone())).send().await {
                Ok(_) => return Ok(Marked::Now),
                Err(error) if has_reason(&error, "ConditionalCheckFailed") => {
                    return Ok(Marked::No);
                }
                // A job is writing LINK at this very moment.
                Err(error) if has_reason(&error, "TransactionConflict") => {
                    let pause = pauses.next().ok_or(StoreError::Throttled)?;
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(StoreError::failed("marking a link")(error)),
            }
        }
    }
}

const MARK: &str = "SET #erase = :mark, due_at = :due_at, due_shard = :due_shard";
/// What the last job has told others is not told again.
const UNTELL: &str = "REMOVE #change";
const MARKABLE: &str = "external_id = :user AND attribute_not_exists(#erase)";

struct Marking {
    key: HashMap<String, AttributeValue>,
    values: HashMap<String, AttributeValue>,
}

/// The mark makes the link due at once: should no job be queued, the sweeper queues one.
fn marking(
    external_id: &ExternalId,
    link: LinkId,
    mark: &EraseMark,
) -> Result<Marking, StoreError> {
    let (shard, at) = agenda::due(link, mark.requested_at);
    Ok(Marking {
        key: links::key(link),
        values: HashMap::from([
            (":mark".to_owned(), attributes(mark)?),
            (":due_at".to_owned(), at),
            (":due_shard".to_owned(), shard),
            (
                ":user".to_owned(),
                AttributeValue::S(external_id.to_string()),
            ),
        ]),
    })
}

pub(crate) fn attributes(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    let malformed = || StoreError::Malformed { what: "an erasure" };
    let json = serde_json::to_string(value).map_err(|_| malformed())?;
    let raw: Box<RawValue> = serde_json::from_str(&json).map_err(|_| malformed())?;
    value::from_json(&raw).map_err(|_| malformed())
}

/// Whether this is why one of the changes was not made.
fn has_reason(error: &SdkError<TransactWriteItemsError>, code: &str) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            let mut reasons = canceled.cancellation_reasons().iter();
            reasons.any(|it| it.code() == Some(code))
        }
        _ => false,
    }
}
