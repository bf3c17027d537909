//! A function's permissions, from its role.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use serde::{Deserialize, de::IgnoredAny};

use super::{Resources, structure};

/// The roles' own type.
const KIND: &str = "AWS::IAM::Role";

/// The permissions of a role: exact actions on exact resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Pairs of action (`sqs:SendMessage`) and ARN.
    pub grants: BTreeSet<(String, String)>,
}

impl Role {
    /// Whether the role allows an action on a resource. Wildcards have no effect here, because a
    /// role has them only for services that are not emulated.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        self.grants
            .contains(&(action.to_owned(), resource.to_owned()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    #[serde(default)]
    policies: Vec<Policy>,
    #[serde(rename = "AssumeRolePolicyDocument")]
    _trust: IgnoredAny,
    #[serde(rename = "ManagedPolicyArns")]
    _managed: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Policy {
    policy_document: Document,
    #[serde(rename = "PolicyName")]
    _name: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    statement: Vec<Statement>,
    #[serde(rename = "Version")]
    _version: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    effect: String,
    action: OneOrMany,
    resource: OneOrMany,
    #[serde(rename = "Condition")]
    _condition: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn items(&self) -> &[String] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

/// The role of this ARN.
pub(super) fn read(resources: &Resources<'_>, arn: &str, place: &str) -> anyhow::Result<Role> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let resource = resources.of(KIND).find(|resource| resource.name == name);
    let resource = resource.with_context(|| format!("{place}.Role: there is no role {name}"))?;
    let (value, place) = resources.properties(resource)?;
    let properties: Properties = structure::read(&value, &place)?;
    let policies = properties.policies.iter();
    let mut role = Role::default();
    for statement in policies.flat_map(|policy| &policy.policy_document.statement) {
        if statement.effect != "Allow" {
            bail!("{place}: {} is not understood here", statement.effect);
        }
        for action in statement.action.items() {
            for resource in statement.resource.items() {
                role.grants.insert((action.clone(), resource.clone()));
            }
        }
    }
    Ok(role)
}
