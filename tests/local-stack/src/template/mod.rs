//! Reads `template.yaml`, the single description of the system.
//!
//! It builds from the same text what an account would build: [`Template::parse`] checks the
//! parameters, [`Template::storage`] lists the tables, queues and secrets, and, once those exist
//! and have ids, [`Template::system`] gives the rest. An unsupported property is an error with its
//! place, because a skipped one would be a difference between this machine and an account.

mod account;
mod api;
mod document;
mod evaluate;
mod function;
mod parameters;
mod queue_mapping;
mod role;
mod rules;
mod schedule;
mod storage;
mod structure;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::{
    account::Account,
    api::{Api, Cors},
    function::{Function, Route},
    queue_mapping::QueueMapping,
    role::Role,
    schedule::{Schedule, Service},
    storage::{Generated, Queue, Secret, Storage},
    table::{Index, KeySchema, Table},
};
use self::{account::resource_type, document::Node, evaluate::Scope};

/// Resources without an effect on the system's behaviour on one machine.
const WITHOUT_EFFECT: &[&str] = &[
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::EventBus",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    // A function reads its role's permissions itself.
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Pipes::Pipe",
    "AWS::Route53::RecordSet",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];

/// The whole template, evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// The functions, in the order of the file.
    pub functions: Vec<Function>,
    /// Queues, tables and secrets.
    pub storage: Storage,
    /// The HTTP API.
    pub api: Api,
}

/// A parsed template with its parameters decided.
#[derive(Clone, Debug)]
pub struct Template {
    root: Node,
    parameters: BTreeMap<String, Value>,
}

impl Template {
    /// Parses `text`; `overrides` replace the parameters' defaults.
    pub fn parse(text: &str, overrides: &BTreeMap<String, String>) -> anyhow::Result<Template> {
        let root = Node::parse(text)?;
        let parameters = parameters::read(&root, overrides)?;
        Ok(Template { root, parameters })
    }

    /// [`Template::parse`] with values for parameters of the template that `overrides` lacks;
    /// unlike an override, a value for a missing parameter is ignored.
    pub fn parse_with_defaults(
        text: &str,
        overrides: &BTreeMap<String, String>,
        defaults: &BTreeMap<String, String>,
    ) -> anyhow::Result<Template> {
        let root = Node::parse(text)?;
        let declared = root
            .get("Parameters")
            .map(Node::entries)
            .unwrap_or_default();
        let mut values = overrides.clone();
        for (name, value) in defaults {
            if declared.iter().any(|(known, _)| known == name) {
                values.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let parameters = parameters::read(&root, &values)?;
        Ok(Template { root, parameters })
    }

    /// The queues, tables and secrets; their ids follow from `account` alone.
    pub fn storage(&self, account: &Account) -> anyhow::Result<Storage> {
        storage::read(&self.resources(account)?)
    }

    /// The whole system; `account` must know the secrets' ARNs by now.
    pub fn system(&self, account: &Account) -> anyhow::Result<System> {
        let resources = self.resources(account)?;
        let api = api::read(&resources)?;
        let functions = function::read(&resources, &api)?;
        Ok(System {
            functions,
            storage: storage::read(&resources)?,
            api,
        })
    }

    /// The template for its tests: fully evaluated, including resources without an effect on one
    /// machine. Resources whose condition is false are left out, as are the sections that only
    /// serve evaluation.
    pub fn evaluated(&self, account: &Account) -> anyhow::Result<Value> {
        let resources = self.resources(account)?;
        let evaluate = |node: &Node, place: &str| {
            let value = resources.scope.evaluate(node, place)?;
            anyhow::Ok(value.unwrap_or_default())
        };
        let mut sections = serde_json::Map::new();
        for name in ["Globals", "Parameters", "Mappings"] {
            if let Some(node) = self.root.get(name) {
                sections.insert(name.to_owned(), evaluate(node, name)?);
            }
        }
        let mut all = serde_json::Map::new();
        for resource in &resources.list {
            let place = format!("Resources.{}", resource.name);
            all.insert(resource.name.to_owned(), evaluate(resource.node, &place)?);
        }
        sections.insert("Resources".to_owned(), Value::Object(all));
        Ok(Value::Object(sections))
    }

    fn resources<'a>(&'a self, account: &'a Account) -> anyhow::Result<Resources<'a>> {
        let scope = Scope {
            root: &self.root,
            parameters: &self.parameters,
            account,
        };
        rules::check(&scope)?;
        let mut list = Vec::new();
        for (name, node) in self
            .root
            .get("Resources")
            .map(Node::entries)
            .unwrap_or_default()
        {
            let exists = match node.get("Condition").and_then(Node::text) {
                Some(condition) => {
                    scope.condition(condition, &format!("Resources.{name}.Condition"))?
                }
                None => true,
            };
            if exists {
                list.push(Resource {
                    name,
                    kind: resource_type(name, node)?,
                    node,
                });
            }
        }
        Ok(Resources { scope, list })
    }
}

/// The resources whose condition holds.
struct Resources<'a> {
    scope: Scope<'a>,
    list: Vec<Resource<'a>>,
}

struct Resource<'a> {
    name: &'a str,
    kind: &'a str,
    node: &'a Node,
}

impl<'a> Resources<'a> {
    /// The resources of one type.
    fn of(&self, kind: &str) -> impl Iterator<Item = &Resource<'a>> {
        self.list
            .iter()
            .filter(move |resource| resource.kind == kind)
    }

    /// A resource's properties, evaluated, and their place.
    fn properties(&self, resource: &Resource<'_>) -> anyhow::Result<(Value, String)> {
        let place = format!("Resources.{}.Properties", resource.name);
        let value = match resource.node.get("Properties") {
            Some(node) => self.scope.evaluate(node, &place)?,
            None => None,
        };
        Ok((
            value.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            place,
        ))
    }
}
