//! DynamoDB items as JSON, with every digit of every number.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

/// An item that serializes as a plain JSON object.
pub(crate) struct Item(pub(crate) HashMap<String, AttributeValue>);

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Attribute(value))))
    }
}

struct Attribute<'a>(&'a AttributeValue);

impl Serialize for Attribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AttributeValue::S(text) => serializer.serialize_str(text),
            AttributeValue::N(digits) => number(digits)?.serialize(serializer),
            AttributeValue::Bool(value) => serializer.serialize_bool(*value),
            AttributeValue::Null(_) => serializer.serialize_unit(),
            AttributeValue::B(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            AttributeValue::M(entries) => {
                serializer.collect_map(entries.iter().map(|(name, value)| (name, Attribute(value))))
            }
            AttributeValue::L(items) => serializer.collect_seq(items.iter().map(Attribute)),
            AttributeValue::Ss(texts) => serializer.collect_seq(texts),
            AttributeValue::Ns(numbers) => {
                let numbers: Vec<_> = numbers
                    .iter()
                    .map(|digits| number(digits))
                    .collect::<Result<_, _>>()?;
                serializer.collect_seq(numbers)
            }
            AttributeValue::Bs(blobs) => {
                serializer.collect_seq(blobs.iter().map(|bytes| STANDARD.encode(bytes)))
            }
            other => Err(S::Error::custom(format!(
                "an attribute of an unknown type: {other:?}"
            ))),
        }
    }
}

/// The digits as they are; a float would round them.
fn number<E: Error>(digits: &str) -> Result<Box<RawValue>, E> {
    RawValue::from_string(digits.to_owned()).map_err(E::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_become_json_and_numbers_keep_their_digits() {
        #[track_caller]
        fn check(value: AttributeValue, expected: &str) {
            let item = Item(HashMap::from([("a".to_owned(), value)]));
            assert_eq!(
                serde_json::to_string(&item).unwrap(),
                format!(r#"{{"a":{expected}}}"#)
            );
        }
        let digits = "1234567890123456789012345678.0123456789";
        check(AttributeValue::N(digits.to_owned()), digits);
        check(AttributeValue::N("0.10".to_owned()), "0.10");
        check(AttributeValue::S("são \"1\"".to_owned()), r#""são \"1\"""#);
        check(AttributeValue::Null(true), "null");
        check(AttributeValue::Bool(false), "false");
        check(
            AttributeValue::L(vec![
                AttributeValue::N("1".to_owned()),
                AttributeValue::Null(true),
            ]),
            "[1,null]",
        );
        check(
            AttributeValue::M(HashMap::from([(
                "b".to_owned(),
                AttributeValue::Ss(vec!["x".to_owned()]),
            )])),
            r#"{"b":["x"]}"#,
        );
        check(
            AttributeValue::Ns(vec!["1".to_owned(), "2.5".to_owned()]),
            "[1,2.5]",
        );
    }
}
