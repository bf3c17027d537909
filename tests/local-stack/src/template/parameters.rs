//! The template's parameters: defaults, overrides, and the rules for a value.
//!
//! The rules are CloudFormation's, so that a value that works here also deploys.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

use super::{document::Node, evaluate::scalar_text, structure};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Parameter {
    r#type: Type,
    default: Option<Value>,
    allowed_values: Option<Vec<Value>>,
    allowed_pattern: Option<String>,
    min_value: Option<f64>,
    max_value: Option<f64>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    #[serde(rename = "Description")]
    _description: Option<String>,
    #[serde(rename = "ConstraintDescription")]
    _constraint_description: Option<String>,
    #[serde(rename = "NoEcho")]
    _no_echo: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
enum Type {
    String,
    Number,
    CommaDelimitedList,
}

/// Every parameter's value.
pub(super) fn read(
    root: &Node,
    overrides: &BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let declared = root
        .get("Parameters")
        .map(Node::entries)
        .unwrap_or_default();
    if let Some(unknown) = overrides
        .keys()
        .find(|name| !declared.iter().any(|(known, _)| known == *name))
    {
        bail!("Parameters.{unknown}: the template has no such parameter");
    }
    let mut values = BTreeMap::new();
    for (name, node) in declared {
        let place = format!("Parameters.{name}");
        let parameter: Parameter = structure::read(&literal(node, &place)?, &place)?;
        let text = match (overrides.get(name), &parameter.default) {
            (Some(text), _) => text.clone(),
            (None, Some(default)) => scalar_text(default)
                .with_context(|| format!("{place}.Default: a scalar was expected"))?,
            (None, None) => bail!("{place}: a value is needed"),
        };
        values.insert(name.clone(), parameter.value(&text, &place)?);
    }
    Ok(values)
}

impl Parameter {
    fn value(&self, text: &str, place: &str) -> anyhow::Result<Value> {
        if let Some(allowed) = &self.allowed_values
            && !allowed
                .iter()
                .filter_map(scalar_text)
                .any(|allowed| allowed == text)
        {
            bail!("{place}: {text:?} is not one of its AllowedValues");
        }
        if let Some(pattern) = &self.allowed_pattern {
            // CloudFormation matches the whole value, and each value of a list.
            let pattern = regex::Regex::new(&format!("^(?:{pattern})$"))
                .with_context(|| format!("{place}.AllowedPattern"))?;
            let values = match self.r#type {
                Type::CommaDelimitedList => text.split(',').map(str::trim).collect(),
                Type::String | Type::Number => vec![text],
            };
            if !values.iter().all(|value| pattern.is_match(value)) {
                bail!("{place}: {text:?} does not match its AllowedPattern");
            }
        }
        let length = text.chars().count();
        if self.min_length.is_some_and(|least| length < least)
            || self.max_length.is_some_and(|most| length > most)
        {
            bail!("{place}: the length of {text:?} is out of bounds");
        }
        match self.r#type {
            Type::String => Ok(text.into()),
            Type::CommaDelimitedList => {
                Ok(text.split(',').map(|item| item.trim().to_owned()).collect())
            }
            Type::Number => {
                let number: f64 = text
                    .parse()
                    .with_context(|| format!("{place}: {text:?} is not a number"))?;
                if self.min_value.is_some_and(|least| number < least)
                    || self.max_value.is_some_and(|most| number > most)
                {
                    bail!("{place}: {text} is out of bounds");
                }
                // `Ref` of a Number gives its text, as in an account.
                Ok(text.into())
            }
        }
    }
}

/// A declaration as JSON, because parameters cannot call functions.
fn literal(node: &Node, place: &str) -> anyhow::Result<Value> {
    Ok(match node {
        Node::Scalar(value) => value.clone(),
        Node::List(items) => Value::Array(
            items
                .iter()
                .map(|item| literal(item, place))
                .collect::<anyhow::Result<_>>()?,
        ),
        Node::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, node)| Ok((key.clone(), literal(node, &format!("{place}.{key}"))?)))
                .collect::<anyhow::Result<_>>()?,
        ),
        Node::Call(function, _) => bail!("{place}: {function} cannot be used in a parameter"),
    })
}
