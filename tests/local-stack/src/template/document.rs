//! A template's text as a tree: YAML with CloudFormation's short tags kept.
//!
//! `!Ref X` and `{Ref: X}` mean the same, so both become a [`Node::Call`].

use anyhow::{Context, bail};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

/// One node of a template, before anything is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A text, number, boolean or null.
    Scalar(Value),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Node)>),
    /// An intrinsic function, by its long name (`Ref`, `Fn::GetAtt`).
    Call(String, Box<Node>),
}

impl Node {
    /// Parses the single document of a template.
    pub(super) fn parse(text: &str) -> anyhow::Result<Node> {
        let documents = Yaml::load_from_str(text).context("the template is not YAML")?;
        let [document] = documents.as_slice() else {
            bail!("a template is one YAML document, not {}", documents.len());
        };
        convert(document, "template")
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match self {
            Node::Map(entries) => entries,
            Node::Scalar(_) | Node::List(_) | Node::Call(..) => &[],
        }
    }

    /// The text of a plain text node.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Node::Scalar(value) => value.as_str(),
            Node::List(_) | Node::Map(_) | Node::Call(..) => None,
        }
    }
}

fn convert(yaml: &Yaml<'_>, place: &str) -> anyhow::Result<Node> {
    match yaml {
        Yaml::Value(scalar) => Ok(Node::Scalar(scalar_value(scalar, place)?)),
        Yaml::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| convert(item, &format!("{place}[{index}]")))
            .collect::<anyhow::Result<_>>()
            .map(Node::List),
        Yaml::Mapping(mapping) => convert_mapping(mapping, place),
        Yaml::Tagged(tag, inner) => {
            let function = long_name(&tag.suffix)
                .with_context(|| format!("{place}: !{} is not understood here", tag.suffix))?;
            let place = format!("{place}.{function}");
            Ok(Node::Call(function, Box::new(convert(inner, &place)?)))
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            bail!("{place}: anchors and malformed values are not understood here")
        }
    }
}

fn convert_mapping(mapping: &saphyr::Mapping<'_>, place: &str) -> anyhow::Result<Node> {
    let mut entries = Vec::with_capacity(mapping.len());
    for (key, value) in mapping {
        let key = match key {
            Yaml::Value(Scalar::String(key)) => key.to_string(),
            Yaml::Value(Scalar::Integer(key)) => key.to_string(),
            other => bail!("{place}: a key must be a text, not {other:?}"),
        };
        let value = convert(value, &format!("{place}.{key}"))?;
        entries.push((key, value));
    }
    match entries.as_slice() {
        [(key, argument)] if key == "Ref" || key.starts_with("Fn::") => {
            Ok(Node::Call(key.clone(), Box::new(argument.clone())))
        }
        _ => Ok(Node::Map(entries)),
    }
}

fn scalar_value(scalar: &Scalar<'_>, place: &str) -> anyhow::Result<Value> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => serde_json::Number::from_f64(value.into_inner())
            .map(Value::Number)
            .with_context(|| format!("{place}: {value} is not a number JSON can hold"))?,
        Scalar::String(text) => Value::String(text.to_string()),
    })
}

/// The long name of a short tag; `None` for tags that are not evaluated here.
fn long_name(tag: &str) -> Option<String> {
    match tag {
        "Ref" => Some("Ref".to_owned()),
        "Condition" => Some("Condition".to_owned()),
        "GetAtt" | "Sub" | "If" | "FindInMap" | "Equals" | "Not" | "And" | "Or" | "Join"
        | "Select" | "Split" => Some(format!("Fn::{tag}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(yaml: &str, expected: Node) {
        assert_eq!(Node::parse(yaml).unwrap(), expected, "{yaml}");
    }

    #[test]
    fn short_tags_and_long_names_mean_the_same() {
        let text = |text: &str| Node::Scalar(json!(text));
        let call = |name: &str, argument: Node| Node::Call(name.to_owned(), Box::new(argument));
        check("!Ref Queue", call("Ref", text("Queue")));
        check("{ Ref: Queue }", call("Ref", text("Queue")));
        check("!GetAtt Queue.Arn", call("Fn::GetAtt", text("Queue.Arn")));
        check(
            "Fn::GetAtt: [Queue, Arn]",
            call("Fn::GetAtt", Node::List(vec![text("Queue"), text("Arn")])),
        );
        check(
            "!If [Derived, !Ref Secret, \"\"]",
            call(
                "Fn::If",
                Node::List(vec![text("Derived"), call("Ref", text("Secret")), text("")]),
            ),
        );
    }

    #[test]
    fn quoted_scalars_stay_text() {
        check("\"off\"", Node::Scalar(json!("off")));
        check("\"92\"", Node::Scalar(json!("92")));
        check("92", Node::Scalar(json!(92)));
        check("true", Node::Scalar(json!(true)));
    }

    #[test]
    fn an_unknown_tag_is_an_error_that_names_the_place() {
        let error = Node::parse("Resources:\n  Api:\n    - !Transform x").unwrap_err();
        assert_eq!(
            error.to_string(),
            "template.Resources.Api[0]: !Transform is not understood here"
        );
    }
}
