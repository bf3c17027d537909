//! Tables, queues and secrets.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    Resources, WITHOUT_EFFECT,
    account::Account,
    structure,
    table::{self, Table},
};

/// The resources that must exist before a function can run.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Dead-letter queues come before the queues that name them.
    pub queues: Vec<Queue>,
    /// DynamoDB tables, with their indexes.
    pub tables: Vec<Table>,
    /// Secrets, including those that the operator must set.
    pub secrets: Vec<Secret>,
}

/// An SQS queue of the template.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in the account.
    pub name: String,
    /// The attributes for `CreateQueue`.
    pub attributes: BTreeMap<String, String>,
}

/// A secret of Secrets Manager.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// Its name, in the template and in the account.
    pub name: String,
    /// The rule for its first value; without one, the operator must set it.
    pub generated: Option<Generated>,
}

/// `GenerateSecretString`: one random text inside a JSON object.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Generated {
    /// The object that receives the text.
    pub secret_string_template: String,
    /// The member that receives the text.
    pub generate_string_key: String,
    /// The length of the text.
    #[serde(
        default = "default_password_length",
        deserialize_with = "structure::number"
    )]
    pub password_length: u32,
    /// Whether it has letters and digits only.
    #[serde(default)]
    pub exclude_punctuation: bool,
}

fn default_password_length() -> u32 {
    32
}

pub(super) fn read(resources: &Resources<'_>) -> anyhow::Result<Storage> {
    for resource in &resources.list {
        let known = matches!(
            resource.kind,
            "AWS::SQS::Queue"
                | "AWS::DynamoDB::Table"
                | "AWS::SecretsManager::Secret"
                | "AWS::Serverless::Function"
                | "AWS::Serverless::HttpApi"
        );
        if !known && !WITHOUT_EFFECT.contains(&resource.kind) {
            bail!(
                "Resources.{}.Type: {} is not understood here",
                resource.name,
                resource.kind
            );
        }
    }
    let mut storage = Storage {
        queues: Vec::new(),
        tables: Vec::new(),
        secrets: Vec::new(),
    };
    for resource in resources.of("AWS::SQS::Queue") {
        let (value, place) = resources.properties(resource)?;
        storage.queues.push(queue(
            resource.name,
            structure::read(&value, &place)?,
            &place,
        )?);
    }
    storage
        .queues
        .sort_by_key(|queue| queue.attributes.contains_key("RedrivePolicy"));
    for resource in resources.of("AWS::DynamoDB::Table") {
        let (value, place) = resources.properties(resource)?;
        storage.tables.push(table::read(
            resource.name,
            structure::read(&value, &place)?,
            &place,
        )?);
    }
    for resource in resources.of("AWS::SecretsManager::Secret") {
        let (value, place) = resources.properties(resource)?;
        let properties: SecretProperties = structure::read(&value, &place)?;
        storage.secrets.push(Secret {
            name: resource.name.to_owned(),
            generated: properties.generate_secret_string,
        });
    }
    Ok(storage)
}

/// A queue's properties are its attributes, under the same names.
const QUEUE_ATTRIBUTES: &[&str] = &[
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

fn queue(
    logical_id: &str,
    properties: BTreeMap<String, Value>,
    place: &str,
) -> anyhow::Result<Queue> {
    let mut attributes = BTreeMap::new();
    for (name, value) in properties {
        if !QUEUE_ATTRIBUTES.contains(&name.as_str()) {
            bail!("{place}.{name}: not understood here");
        }
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        attributes.insert(name, text);
    }
    let fifo = attributes
        .get("FifoQueue")
        .is_some_and(|fifo| fifo == "true");
    Ok(Queue {
        logical_id: logical_id.to_owned(),
        name: Account::queue_name(logical_id, fifo),
        attributes,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SecretProperties {
    generate_secret_string: Option<Generated>,
    #[serde(rename = "Description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "KmsKeyId")]
    _kms_key: Option<IgnoredAny>,
    #[serde(rename = "Tags")]
    _tags: Option<IgnoredAny>,
}
