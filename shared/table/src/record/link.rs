//! LINK: [`domain::Link`], as it is stored.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::{ExternalId, Link, LinkId};
use jiff::SignedDuration;

use crate::error::{Result, StoreError, incomplete};
use crate::item::{self, Item, text_of};
use crate::query;
use crate::record::due;
use crate::table::{Consistency, Table};

/// The sort key of the record.
pub const RECORD: &str = "LINK";

/// The sparse index of LINK and CONSENT records that have a user.
const INDEX: &str = "by_external_id";

/// AWS, `BatchGetItem`: at most 100 items in a call.
const BATCH: usize = 100;

/// Rounds of asking again for what DynamoDB left out of an answer.
const ROUNDS: usize = 20;

/// The key of the record.
pub fn key(link: LinkId) -> Item {
    item::key(("link_id", link), ("record", RECORD))
}

/// The record of an item.
///
/// # Errors
/// [`StoreError::Malformed`] when it is none.
pub fn decode(item: Item) -> Result<Link> {
    item::decode(item, RECORD)
}

/// The members of the record, with those of the index `by_due`; `None` for what must not be there.
///
/// # Errors
/// [`StoreError::Malformed`] when DynamoDB cannot hold it.
pub fn members(link: &Link) -> Result<BTreeMap<String, Option<AttributeValue>>> {
    let mut members = item::members(link, RECORD)?;
    members.extend(due::index_members(link.link_id, &link.schedule));
    let expiry = link
        .kept_until()
        .map(|it| item::expiry(it, SignedDuration::ZERO));
    members.insert("expires_at".to_owned(), expiry);
    Ok(members)
}

/// The LINK record of a link, as of now.
pub async fn find(table: &Table, link: LinkId) -> Result<Option<Link>> {
    table.find(key(link), RECORD, "reading a link").await
}

/// The ids of a user's links. The index that has them lags behind.
pub async fn ids_of_user(table: &Table, user: &ExternalId) -> Result<Vec<LinkId>> {
    let query = table.partition("external_id", user).index_name(INDEX);
    let items = query::all(query, "reading a user's links").await?;
    let is_link = |item: &&Item| text_of(item, "record") == Some(RECORD);
    let keys = items.iter().filter(is_link);
    let ids = keys.filter_map(|it| LinkId::parse(text_of(it, "link_id")?).ok());
    Ok(ids.collect())
}

/// The LINK records of these links; an unknown link has none. A record that cannot be read
/// counts as unknown, so that it does not hide the others.
pub async fn find_many(
    table: &Table,
    links: &[LinkId],
    consistency: Consistency,
) -> Result<Vec<Link>> {
    let mut records = Vec::new();
    for batch in links.chunks(BATCH) {
        let mut left: Vec<_> = batch.iter().map(|link| key(*link)).collect();
        let mut rounds = 0..ROUNDS;
        while !left.is_empty() {
            rounds.next().ok_or(StoreError::Throttled)?;
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(consistency == Consistency::AsOfNow)
                .build()
                .map_err(incomplete)?;
            let call = table.client.batch_get_item();
            let answer = call.request_items(&table.name, wanted).send().await;
            let answer = answer.map_err(StoreError::failed("reading links"))?;
            let found = answer.responses.unwrap_or_default().into_values();
            records.extend(found.flatten().filter_map(|item| decode(item).ok()));
            let unread = answer.unprocessed_keys.unwrap_or_default().into_values();
            left = unread.flat_map(|it| it.keys).collect();
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_removes_members_that_a_link_no_longer_has() {
        let id = LinkId::parse("30cb4806-6e00-48a4-91c9-ca55968576c8").unwrap();
        let mut link = Link::new(id);
        link.external_id = domain::ExternalId::parse("user-1").ok();
        let members = members(&link).unwrap();
        assert!(members["external_id"].is_some());
        for name in ["change", "due_at", "due_shard", "expires_at", "institution"] {
            assert_eq!(members[name], None, "{name}");
        }
    }
}
