//! JSON in a canonical form, in which equal values are equal texts: members sorted, null members
//! left out, numbers as their decimal digits.
//!
//! It is independent of the code under test, which converts the same values in another way.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::value::RawValue;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Canonical {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Canonical>),
    Map(BTreeMap<String, Canonical>),
}

impl Canonical {
    /// Parses JSON text.
    pub fn from_json(json: &str) -> Self {
        let json = json.trim();
        match json.as_bytes()[0] {
            b'{' => {
                let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).unwrap();
                let members = members
                    .into_iter()
                    .map(|(k, v)| (k, Self::from_json(v.get())));
                Self::Map(members.filter(|(_, v)| *v != Self::Null).collect())
            }
            b'[' => {
                let elements: Vec<Box<RawValue>> = serde_json::from_str(json).unwrap();
                Self::List(
                    elements
                        .iter()
                        .map(|it| Self::from_json(it.get()))
                        .collect(),
                )
            }
            b'"' => Self::Text(serde_json::from_str(json).unwrap()),
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'n' => Self::Null,
            _ => Self::Number(decimal(json)),
        }
    }

    /// Converts a DynamoDB value.
    pub fn from_attribute(value: &AttributeValue) -> Self {
        match value {
            AttributeValue::M(map) => {
                let members = map
                    .iter()
                    .map(|(k, v)| (k.clone(), Self::from_attribute(v)));
                Self::Map(members.collect())
            }
            AttributeValue::L(list) => Self::List(list.iter().map(Self::from_attribute).collect()),
            AttributeValue::S(text) => Self::Text(text.clone()),
            AttributeValue::N(number) => Self::Number(decimal(number)),
            AttributeValue::Bool(flag) => Self::Bool(*flag),
            AttributeValue::Ss(set) => {
                let texts: BTreeSet<String> = set.iter().cloned().collect();
                Self::List(texts.into_iter().map(Self::Text).collect())
            }
            AttributeValue::Null(_) => Self::Null,
            other => panic!("{other:?} is not JSON"),
        }
    }

    pub fn get(&self, name: &str) -> &Canonical {
        match self {
            Self::Map(members) => members.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// The content of a text.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is not a text"),
        }
    }

    pub fn list(&self) -> &[Canonical] {
        match self {
            Self::List(elements) => elements,
            other => panic!("{other:?} is not a list"),
        }
    }

    /// The same value without the fields that change with every collection, at any depth.
    pub fn without_read_marks(self) -> Self {
        match self {
            Self::Map(mut members) => {
                members.retain(|name, _| {
                    !matches!(name.as_str(), "collected_at" | "last_accessed_at")
                });
                let members = members.into_iter();
                Self::Map(members.map(|(k, v)| (k, v.without_read_marks())).collect())
            }
            Self::List(elements) => {
                Self::List(elements.into_iter().map(Self::without_read_marks).collect())
            }
            plain => plain,
        }
    }

    /// The same object with its embedded object replaced by the id, as it is stored.
    pub fn with_reference(mut self, name: &str) -> Self {
        if let Self::Map(members) = &mut self
            && let Some(embedded) = members.remove(name)
        {
            members.insert(format!("{name}_id"), embedded.get("id").clone());
        }
        self
    }
}

/// `-12.50`, `-1.25e1` and `-12.5` are equal.
fn decimal(text: &str) -> String {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let trimmed = digits.trim_start_matches('0');
    let significant = trimmed.trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let exponent: i64 = exponent.parse().unwrap();
    let power = exponent - fraction.len() as i64 + (trimmed.len() - significant.len()) as i64;
    format!("{sign}{significant}e{power}")
}

#[test]
fn equal_numbers_are_equal_and_others_are_not() {
    let same = |a: &str, b: &str| assert_eq!(Canonical::from_json(a), Canonical::from_json(b));
    same("1.50", "1.5");
    same("100", "1e2");
    same("-0.0", "0");
    same("0.010", "1E-2");
    same(r#"{"a":null,"b":1}"#, r#"{"b":1.0}"#);
    assert_ne!(
        Canonical::from_json("123456789012345.6789"),
        Canonical::from_json("123456789012345.67")
    );
    assert_ne!(Canonical::from_json("1"), Canonical::from_json("-1"));
}
