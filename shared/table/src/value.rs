//! JSON into DynamoDB's types and back, without losing a digit.
//!
//! Numbers never pass through a float: their text is what DynamoDB receives. DynamoDB keeps 38
//! significant digits between 1e-130 and 1e126 (AWS, "Supported data types"); a number beyond that
//! is kept as the map `{"$number": "…"}`, and a member of that name in Belvo's object as `$$number`,
//! so that no text of Belvo's is taken for a number. Members that are null are left out: null and absent mean
//! the same in a record, and a transaction then fits into one write unit.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::value::RawValue;

/// AWS, "Service, account, and table quotas": maps and lists nest up to 32 levels deep. One level
/// is the item's own, one the object's.
const MAX_DEPTH: usize = 31;

/// The key of a number that DynamoDB cannot hold as one.
const BIG_NUMBER: &str = "$number";

/// Why an object cannot be stored. The caller knows which object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unstorable {
    /// The text is not JSON.
    #[error("not_json")]
    NotJson,
    /// The JSON is not an object.
    #[error("not_an_object")]
    NotAnObject,
    /// There is no `id` that could be part of a key.
    #[error("no_id")]
    NoId,
    /// A member has an empty name, which DynamoDB does not take.
    #[error("empty_name")]
    EmptyName,
    /// Nested deeper than DynamoDB takes.
    #[error("too_deep")]
    TooDeep,
    /// Larger than DynamoDB takes.
    #[error("too_large")]
    TooLarge,
}

/// Converts a JSON text.
///
/// # Errors
/// When it is nested deeper than DynamoDB takes, or has a member without a name.
pub fn from_json(json: &RawValue) -> Result<AttributeValue, Unstorable> {
    convert(json.get(), MAX_DEPTH)
}

fn convert(json: &str, depth: usize) -> Result<AttributeValue, Unstorable> {
    let deeper = || depth.checked_sub(1).ok_or(Unstorable::TooDeep);
    match json.trim_start().as_bytes().first() {
        Some(b'{') => {
            let depth = deeper()?;
            let mut members: BTreeMap<String, &RawValue> = read(json)?;
            if members.contains_key("") {
                return Err(Unstorable::EmptyName);
            }
            members.retain(|_, value| value.get() != "null");
            let members = members.into_iter();
            let map =
                members.map(|(name, value)| Ok((escaped(name), convert(value.get(), depth)?)));
            Ok(AttributeValue::M(map.collect::<Result<_, Unstorable>>()?))
        }
        Some(b'[') => {
            let depth = deeper()?;
            let elements: Vec<&RawValue> = read(json)?;
            let list = elements.iter().map(|value| convert(value.get(), depth));
            Ok(AttributeValue::L(list.collect::<Result<_, _>>()?))
        }
        Some(b'"') => Ok(AttributeValue::S(read(json)?)),
        Some(b't' | b'f') => Ok(AttributeValue::Bool(read(json)?)),
        Some(b'n') => Ok(AttributeValue::Null(true)),
        _ => Ok(number(json.trim())),
    }
}

/// The name under which a member is stored: `$number`, with any number of `$`, gets one more.
fn escaped(name: String) -> String {
    match is_marker(&name) {
        true => format!("${name}"),
        false => name,
    }
}

/// The inverse of [`escaped`].
fn unescaped(name: &str) -> &str {
    let shorter = name.strip_prefix('$').filter(|it| is_marker(it));
    shorter.unwrap_or(name)
}

fn is_marker(name: &str) -> bool {
    let dollars = name.strip_suffix("number").unwrap_or_default();
    !dollars.is_empty() && dollars.bytes().all(|it| it == b'$')
}

fn read<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, Unstorable> {
    serde_json::from_str(json).map_err(|_| Unstorable::NotJson)
}

fn number(text: &str) -> AttributeValue {
    let unsigned = text.trim_start_matches('-');
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_matches('0').len();
    if significant == 0 {
        return AttributeValue::N("0".to_owned());
    }
    let leading_zeros = digits.len() - digits.trim_start_matches('0').len();
    // The power of ten of the first significant digit.
    let power = exponent
        .trim_start_matches('+')
        .parse::<i64>()
        .ok()
        .and_then(|exponent| exponent.checked_add(whole.len() as i64 - 1 - leading_zeros as i64));
    match power {
        Some(-130..=125) if significant <= 38 => AttributeValue::N(text.to_owned()),
        _ => {
            let text = AttributeValue::S(text.to_owned());
            AttributeValue::M(HashMap::from([(BIG_NUMBER.to_owned(), text)]))
        }
    }
}

/// Writes a value as JSON; the inverse of [`from_json`] but for the null members left out.
///
/// Sets and binary values, which Belvo's objects never become, are written as null.
pub fn to_json(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(map) => match map.get(BIG_NUMBER) {
            Some(AttributeValue::S(number)) if map.len() == 1 => number.clone(),
            _ => {
                let sorted: BTreeMap<_, _> = map.iter().collect();
                let members = sorted.into_iter();
                let members = members
                    .map(|(name, it)| format!("{}:{}", quoted(unescaped(name)), to_json(it)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        },
        AttributeValue::L(list) => {
            let elements: Vec<String> = list.iter().map(to_json).collect();
            format!("[{}]", elements.join(","))
        }
        AttributeValue::S(text) => quoted(text),
        AttributeValue::N(number) => number.clone(),
        AttributeValue::Bool(flag) => flag.to_string(),
        _ => "null".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// How many bytes DynamoDB counts for an item (AWS, "DynamoDB item sizes and formats").
pub fn item_size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + size(value))
        .sum()
}

fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // Two digits a byte, one byte more, and one for the sign.
        AttributeValue::N(number) => {
            number.len().div_ceil(2) + 1 + usize::from(number.starts_with('-'))
        }
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::M(map) => 3 + map.len() + item_size(map),
        AttributeValue::L(list) => 3 + list.len() + list.iter().map(size).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(json: &str) -> String {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        to_json(&from_json(&raw).unwrap())
    }

    #[test]
    fn numbers_keep_every_digit() {
        for number in [
            "0.01",
            "123456789012345.6789",
            "-2145.45",
            "1e2",
            "99999999999999999999999999999999999999",
            "123456789012345678901234567890123456789.5",
            "1e126",
            "1e-131",
            "-1E+400",
        ] {
            assert_eq!(there_and_back(number), number);
        }
        for zero in ["0", "-0", "0.00", "0e5"] {
            assert_eq!(there_and_back(zero), "0");
        }
    }

    #[test]
    fn only_numbers_dynamodb_refuses_are_marked() {
        let check = |text: &str, plain: bool| {
            assert_eq!(
                matches!(number(text), AttributeValue::N(_)),
                plain,
                "{text}"
            );
        };
        check("9.9999999999999999999999999999999999999e125", true);
        check("1e126", false);
        check("1e-130", true);
        check("9e-131", false);
        check("0.00001e126", true);
        check("12345678901234567890123456789012345678", true);
        check("123456789012345678901234567890123456789", false);
        check("1234567890123456789012345678901234567800000", true);
    }

    #[test]
    fn null_members_are_left_out_and_null_elements_are_not() {
        assert_eq!(
            there_and_back(r#"{"b":null,"a":[null,{"c":null}],"d":"\u00e7\"\\"}"#),
            r#"{"a":[null,{}],"d":"ç\"\\"}"#
        );
    }

    #[test]
    fn a_member_that_is_named_like_a_marked_number_comes_back_as_it_was() {
        for json in [
            r#"{"$number":"12"}"#,
            r#"{"$number":"1,\"link_id\":\"x\""}"#,
            r#"{"$$number":"12"}"#,
            r#"{"$$number":1,"$number":2,"number":3,"x$number":4}"#,
            r#"{"$":1,"$$":2}"#,
            r#"{"$number":{"$number":[{"$number":"1"}]}}"#,
        ] {
            assert_eq!(there_and_back(json), json);
        }
        let number = r#"{"a":123456789012345678901234567890123456789}"#;
        assert_eq!(there_and_back(number), number);
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let check = |depth: usize| {
            let raw: Box<RawValue> = serde_json::from_str(&nested(depth)).unwrap();
            from_json(&raw).is_ok()
        };
        assert!(check(31));
        assert!(!check(32));
        assert!(!check(120));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            ".{0,12}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                prop::collection::hash_map(".{1,8}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_comes_back(value in json()) {
            let back: serde_json::Value = serde_json::from_str(&there_and_back(&value.to_string())).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
