//! DynamoDB tables: their keys and indexes.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, de::IgnoredAny};

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name, in the template and in the account.
    pub name: String,
    /// The types (`S`, `N`, `B`) of all key attributes.
    pub attributes: BTreeMap<String, String>,
    /// The primary key.
    pub key: KeySchema,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute that says when a record expires.
    pub time_to_live: Option<String>,
}

/// A partition key, with or without a sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySchema {
    /// The partition key's attribute.
    pub hash: String,
    /// The sort key's attribute.
    pub range: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: KeySchema,
    /// `ALL` or `KEYS_ONLY`.
    pub projection: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TableProperties {
    attribute_definitions: Vec<AttributeDefinition>,
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    global_secondary_indexes: Vec<IndexProperties>,
    time_to_live_specification: Option<TimeToLive>,
    #[serde(rename = "BillingMode")]
    _billing_mode: Option<IgnoredAny>,
    #[serde(rename = "DeletionProtectionEnabled")]
    _deletion_protection: Option<IgnoredAny>,
    #[serde(rename = "PointInTimeRecoverySpecification")]
    _point_in_time_recovery: Option<IgnoredAny>,
    #[serde(rename = "SSESpecification")]
    _encryption: Option<IgnoredAny>,
    // Nothing here reads it.
    #[serde(rename = "StreamSpecification")]
    _stream: Option<IgnoredAny>,
    #[serde(rename = "Tags")]
    _tags: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeyElement {
    attribute_name: String,
    key_type: KeyType,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum KeyType {
    Hash,
    Range,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct IndexProperties {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: Projection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Projection {
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

/// The table that these properties describe.
pub(super) fn read(name: &str, properties: TableProperties, place: &str) -> anyhow::Result<Table> {
    let indexes = properties
        .global_secondary_indexes
        .into_iter()
        .map(|index| {
            Ok(Index {
                key: key(index.key_schema)
                    .with_context(|| format!("{place}.{}", index.index_name))?,
                name: index.index_name,
                projection: index.projection.projection_type,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Table {
        name: name.to_owned(),
        attributes: properties
            .attribute_definitions
            .into_iter()
            .map(|definition| (definition.attribute_name, definition.attribute_type))
            .collect(),
        key: key(properties.key_schema).with_context(|| format!("{place}.KeySchema"))?,
        indexes,
        time_to_live: properties
            .time_to_live_specification
            .filter(|time_to_live| time_to_live.enabled)
            .map(|time_to_live| time_to_live.attribute_name),
    })
}

fn key(elements: Vec<KeyElement>) -> anyhow::Result<KeySchema> {
    let mut hash = None;
    let mut range = None;
    for element in elements {
        match element.key_type {
            KeyType::Hash => hash = Some(element.attribute_name),
            KeyType::Range => range = Some(element.attribute_name),
        }
    }
    Ok(KeySchema {
        hash: hash.context("a key has a HASH attribute")?,
        range,
    })
}
