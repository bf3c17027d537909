//! Records as items and back: the one codec of everything that is stored but Belvo's own objects.
//!
//! A record is a struct; its JSON becomes the item. A null member is left out of the item.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;

use crate::error::{Result, StoreError};
use crate::value;

/// An item, or the key of one.
pub type Item = HashMap<String, AttributeValue>;

/// The item of a record.
///
/// # Errors
/// [`StoreError::Malformed`] when `record` is no struct; `what` names its kind.
pub fn encode(record: &impl Serialize, what: &'static str) -> Result<Item> {
    match encode_value(record, what)? {
        AttributeValue::M(item) => Ok(item),
        _ => Err(StoreError::Malformed { what }),
    }
}

/// The same with the members that are null: an update has to remove those.
pub fn members(
    record: &impl Serialize,
    what: &'static str,
) -> Result<BTreeMap<String, Option<AttributeValue>>> {
    let mut item = encode(record, what)?;
    let json = serde_json::to_value(record).map_err(|_| StoreError::Malformed { what })?;
    let names = json.as_object().into_iter().flat_map(|it| it.keys());
    let members = names.map(|name| (name.clone(), item.remove(name)));
    Ok(members.collect())
}

/// The record of an item.
///
/// # Errors
/// [`StoreError::Malformed`] when the item has another form; `what` names the kind of record.
pub fn decode<T: DeserializeOwned>(item: Item, what: &'static str) -> Result<T> {
    let json = value::to_json(&AttributeValue::M(item));
    serde_json::from_str(&json).map_err(|_| StoreError::Malformed { what })
}

/// A part of a record, as a value.
///
/// # Errors
/// [`StoreError::Malformed`] when DynamoDB cannot hold it; `what` names the kind of record.
pub fn encode_value(part: &impl Serialize, what: &'static str) -> Result<AttributeValue> {
    let malformed = || StoreError::Malformed { what };
    let json = to_raw_value(part).map_err(|_| malformed())?;
    value::from_json(&json).map_err(|_| malformed())
}

/// An item, or a part of one.
pub fn of<const N: usize>(members: [(&str, AttributeValue); N]) -> Item {
    Item::from(members.map(|(name, value)| (name.to_owned(), value)))
}

/// A key of two texts.
pub fn key(partition: (&str, impl ToString), sort: (&str, impl ToString)) -> Item {
    of([(partition.0, text(partition.1)), (sort.0, text(sort.1))])
}

/// A text, as a value.
pub fn text(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

/// A whole number, as a value.
pub fn number(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// When DynamoDB removes an item, as a value.
pub fn expiry(from: Timestamp, kept: SignedDuration) -> AttributeValue {
    number(from.as_second() + kept.as_secs())
}

/// The text of an item's member, if it is one.
pub fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number of an item's member, if it is one.
pub fn number_of<T: FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        name: String,
        count: u64,
        missing: Option<String>,
        inner: BTreeMap<String, Option<u8>>,
    }

    fn record() -> Record {
        Record {
            name: "a".to_owned(),
            count: 7,
            missing: None,
            inner: BTreeMap::from([("b".to_owned(), Some(1))]),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let item = encode(&record(), "a record").unwrap();
        assert_eq!(item.get("count"), Some(&number(7u64)));
        assert_eq!(decode::<Record>(item, "a record").unwrap(), record());
    }

    #[test]
    fn what_is_null_is_no_member_of_the_item_and_is_named_for_an_update() {
        assert!(
            !encode(&record(), "a record")
                .unwrap()
                .contains_key("missing")
        );
        assert_eq!(members(&record(), "a record").unwrap()["missing"], None);
    }

    #[test]
    fn what_is_no_struct_is_refused_by_its_kind() {
        let error = encode(&7, "a record").unwrap_err();
        assert!(matches!(error, StoreError::Malformed { what: "a record" }));
        let error = decode::<Record>(Item::new(), "a record").unwrap_err();
        assert!(matches!(error, StoreError::Malformed { what: "a record" }));
    }
}
