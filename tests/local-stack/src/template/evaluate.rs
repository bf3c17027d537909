//! Parameters, mappings, conditions and intrinsic functions.
//!
//! Evaluation turns a [`Node`] into JSON. Nothing is guessed: an undefined name, a missing
//! condition or an unknown attribute is an error with its place.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value};

use super::{account::Account, document::Node};

/// The deepest nesting of conditions, so that a cycle ends in an error.
const MAX_DEPTH: usize = 32;

/// The definitions to which an expression may refer.
pub(super) struct Scope<'a> {
    pub(super) root: &'a Node,
    pub(super) parameters: &'a BTreeMap<String, Value>,
    pub(super) account: &'a Account,
}

impl Scope<'_> {
    /// The value of `node`, or `None` when it is `AWS::NoValue`.
    pub(super) fn evaluate(&self, node: &Node, place: &str) -> anyhow::Result<Option<Value>> {
        match node {
            Node::Scalar(value) => Ok(Some(value.clone())),
            Node::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    values.extend(self.evaluate(item, &format!("{place}[{index}]"))?);
                }
                Ok(Some(Value::Array(values)))
            }
            Node::Map(entries) => {
                let mut values = Map::new();
                for (key, item) in entries {
                    if let Some(value) = self.evaluate(item, &format!("{place}.{key}"))? {
                        values.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(values)))
            }
            Node::Call(function, argument) => self.call(function, argument, place),
        }
    }

    /// Whether the condition called `name` holds.
    pub(super) fn condition(&self, name: &str, place: &str) -> anyhow::Result<bool> {
        self.named_condition(name, place, 0)
    }

    /// Whether an expression that is a condition holds.
    pub(super) fn holds(&self, node: &Node, place: &str) -> anyhow::Result<bool> {
        self.truth(node, place, 0)
    }

    fn call(&self, function: &str, argument: &Node, place: &str) -> anyhow::Result<Option<Value>> {
        match function {
            "Ref" => {
                let name = argument
                    .text()
                    .with_context(|| format!("{place}: Ref takes a name"))?;
                self.reference(name, place)
            }
            "Fn::GetAtt" => self.attribute(argument, place).map(Some),
            "Fn::Sub" => self
                .substitute(argument, place)
                .map(|text| Some(Value::String(text))),
            "Fn::If" => self.choose(argument, place),
            "Fn::FindInMap" => self.find_in_map(argument, place).map(Some),
            "Fn::Join" => self
                .join(argument, place)
                .map(|text| Some(Value::String(text))),
            _ => bail!("{place}: {function} is not understood here"),
        }
    }

    fn reference(&self, name: &str, place: &str) -> anyhow::Result<Option<Value>> {
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            return match pseudo {
                "NoValue" => Ok(None),
                "Region" => Ok(Some(self.account.region.clone().into())),
                "AccountId" => Ok(Some(self.account.id.clone().into())),
                "Partition" => Ok(Some("aws".into())),
                "URLSuffix" => Ok(Some("amazonaws.com".into())),
                "StackName" => Ok(Some("local".into())),
                _ => bail!("{place}: {name} has no value here"),
            };
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        // SAM's name of the stage that it creates for an API.
        if name.ends_with(".Stage") {
            return Ok(Some("$default".into()));
        }
        let resource = self.resource(name, place)?;
        self.account
            .reference(name, resource, place)
            .map(|id| Some(Value::String(id)))
    }

    fn attribute(&self, argument: &Node, place: &str) -> anyhow::Result<Value> {
        let pair = match argument {
            Node::Scalar(Value::String(text)) => text.split_once('.'),
            Node::List(items) => match items.as_slice() {
                [name, attribute] => name.text().zip(attribute.text()),
                _ => None,
            },
            Node::Scalar(_) | Node::Map(_) | Node::Call(..) => None,
        };
        let (name, attribute) =
            pair.with_context(|| format!("{place}: GetAtt takes Resource.Attribute"))?;
        let resource = self.resource(name, place)?;
        self.account
            .attribute(name, resource, attribute, place)
            .map(Value::String)
    }

    fn resource(&self, name: &str, place: &str) -> anyhow::Result<&Node> {
        self.root
            .get("Resources")
            .and_then(|resources| resources.get(name))
            .with_context(|| format!("{place}: {name} is neither a parameter nor a resource"))
    }

    fn substitute(&self, argument: &Node, place: &str) -> anyhow::Result<String> {
        let text = argument.text().with_context(|| {
            format!("{place}: Sub with a list of variables is not understood here")
        })?;
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .with_context(|| format!("{place}: a ${{ without its }}"))?;
            result.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => result.push_str(&format!("${{{literal}}}")),
                None => result.push_str(&self.placeholder(name, place)?),
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn placeholder(&self, name: &str, place: &str) -> anyhow::Result<String> {
        let value = match name.split_once('.') {
            Some(_) => Some(self.attribute(&Node::Scalar(name.into()), place)?),
            None => self.reference(name, place)?,
        };
        value
            .as_ref()
            .and_then(scalar_text)
            .with_context(|| format!("{place}: ${{{name}}} is not a text"))
    }

    fn choose(&self, argument: &Node, place: &str) -> anyhow::Result<Option<Value>> {
        let [condition, then, otherwise] = list(argument, place)? else {
            bail!("{place}: If takes a condition and two values");
        };
        let condition = condition
            .text()
            .with_context(|| format!("{place}: If takes a condition's name"))?;
        let chosen = if self.condition(condition, place)? {
            then
        } else {
            otherwise
        };
        self.evaluate(chosen, place)
    }

    fn find_in_map(&self, argument: &Node, place: &str) -> anyhow::Result<Value> {
        let mut path = vec!["Mappings".to_owned()];
        for key in list(argument, place)? {
            path.push(self.text(key, place)?);
        }
        let found = path.iter().try_fold(self.root, |node, key| node.get(key));
        match found {
            Some(Node::Scalar(value)) => Ok(value.clone()),
            Some(_) | None => bail!("{place}: there is no {}", path.join(".")),
        }
    }

    fn join(&self, argument: &Node, place: &str) -> anyhow::Result<String> {
        let [separator, parts] = list(argument, place)? else {
            bail!("{place}: Join takes a separator and a list");
        };
        let separator = self.text(separator, place)?;
        let parts = self.evaluate(parts, place)?;
        let parts = parts
            .as_ref()
            .and_then(Value::as_array)
            .context(format!("{place}: Join takes a list"))?;
        let texts: Option<Vec<String>> = parts.iter().map(scalar_text).collect();
        Ok(texts
            .with_context(|| format!("{place}: Join takes texts"))?
            .join(&separator))
    }

    fn text(&self, node: &Node, place: &str) -> anyhow::Result<String> {
        self.evaluate(node, place)?
            .as_ref()
            .and_then(scalar_text)
            .with_context(|| format!("{place}: a text was expected"))
    }

    fn named_condition(&self, name: &str, place: &str, depth: usize) -> anyhow::Result<bool> {
        if depth > MAX_DEPTH {
            bail!("{place}: condition {name} refers to itself");
        }
        let condition = self
            .root
            .get("Conditions")
            .and_then(|conditions| conditions.get(name))
            .with_context(|| format!("{place}: there is no condition {name}"))?;
        self.truth(condition, &format!("Conditions.{name}"), depth)
    }

    fn truth(&self, node: &Node, place: &str, depth: usize) -> anyhow::Result<bool> {
        let Node::Call(function, argument) = node else {
            bail!("{place}: a condition is a function");
        };
        let nested = |node: &Node| self.truth(node, place, depth + 1);
        match function.as_str() {
            "Fn::Equals" => {
                let [left, right] = list(argument, place)? else {
                    bail!("{place}: Equals takes two values");
                };
                Ok(self.text(left, place)? == self.text(right, place)?)
            }
            "Fn::Contains" => {
                let [values, value] = list(argument, place)? else {
                    bail!("{place}: Contains takes a list and a value");
                };
                let values = self.evaluate(values, place)?;
                let values = values.as_ref().and_then(Value::as_array);
                let mut values = values
                    .with_context(|| format!("{place}: Contains takes a list"))?
                    .iter();
                let value = self.text(value, place)?;
                Ok(values.any(|it| it.as_str() == Some(&*value)))
            }
            "Fn::Not" => match list(argument, place)? {
                [inner] => Ok(!nested(inner)?),
                _ => Err(anyhow!("{place}: Not takes one condition")),
            },
            "Fn::And" => Ok(!list(argument, place)?
                .iter()
                .map(nested)
                .collect::<Result<Vec<_>, _>>()?
                .contains(&false)),
            "Fn::Or" => Ok(list(argument, place)?
                .iter()
                .map(nested)
                .collect::<Result<Vec<_>, _>>()?
                .contains(&true)),
            "Condition" => {
                let name = argument
                    .text()
                    .with_context(|| format!("{place}: Condition takes a name"))?;
                self.named_condition(name, place, depth + 1)
            }
            _ => bail!("{place}: {function} is not understood in a condition"),
        }
    }
}

/// A scalar in the text form of CloudFormation.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn list<'a>(node: &'a Node, place: &str) -> anyhow::Result<&'a [Node]> {
    match node {
        Node::List(items) => Ok(items),
        Node::Scalar(_) | Node::Map(_) | Node::Call(..) => {
            Err(anyhow!("{place}: a list was expected"))
        }
    }
}
