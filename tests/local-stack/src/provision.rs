//! Creates the template's tables, queues and secrets, as a deployment would.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::{
    aws::Clients,
    random,
    template::{Generated, KeySchema, Queue, Secret, Storage, Table},
};

/// Creates everything and returns the secrets' ARNs. `values` are the secrets that the template
/// leaves for the operator to set, and others that are not to be as it makes them.
pub(crate) async fn create(
    clients: &Clients,
    storage: &Storage,
    values: &BTreeMap<String, Option<String>>,
) -> anyhow::Result<BTreeMap<String, String>> {
    // Dead-letter queues come first in the list; the other kinds do not depend on each other.
    let queues = async {
        for queue in &storage.queues {
            create_queue(&clients.sqs, queue)
                .await
                .with_context(|| format!("creating queue {}", queue.name))?;
        }
        anyhow::Ok(())
    };
    let tables = create_tables(&clients.dynamodb, &storage.tables);
    let secrets = async {
        let mut arns = BTreeMap::new();
        for secret in &storage.secrets {
            let arn = create_secret(&clients.secrets, secret, values.get(&secret.name))
                .await
                .with_context(|| format!("creating secret {}", secret.name))?;
            arns.insert(secret.name.clone(), arn);
        }
        anyhow::Ok(arns)
    };
    let ((), (), arns) = tokio::try_join!(queues, tables, secrets)?;
    Ok(arns)
}

async fn create_queue(sqs: &aws_sdk_sqs::Client, queue: &Queue) -> anyhow::Result<()> {
    let mut request = sqs.create_queue().queue_name(&queue.name);
    for (name, value) in &queue.attributes {
        request = request.attributes(QueueAttributeName::from(name.as_str()), value);
    }
    request.send().await?;
    Ok(())
}

/// Creates tables with their keys and indexes.
pub(crate) async fn create_tables(
    dynamodb: &aws_sdk_dynamodb::Client,
    tables: &[Table],
) -> anyhow::Result<()> {
    for table in tables {
        create_table(dynamodb, table)
            .await
            .with_context(|| format!("creating table {}", table.name))?;
    }
    Ok(())
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, table: &Table) -> anyhow::Result<()> {
    let mut request = dynamodb
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&table.key)?));
    for (name, kind) in &table.attributes {
        request = request.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::from(kind.as_str()))
                .build()?,
        );
    }
    for index in &table.indexes {
        let projection = ProjectionType::from(index.projection.as_str());
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(&index.name)
                .set_key_schema(Some(key_schema(&index.key)?))
                .projection(Projection::builder().projection_type(projection).build())
                .build()?,
        );
    }
    if let Err(error) = request.send().await {
        // A data folder already has the tables of the last run.
        return match error.into_service_error() {
            error if error.is_resource_in_use_exception() => Ok(()),
            error => Err(error.into()),
        };
    }
    if let Some(attribute) = &table.time_to_live {
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(attribute)
            .enabled(true)
            .build()?;
        dynamodb
            .update_time_to_live()
            .table_name(&table.name)
            .time_to_live_specification(specification)
            .send()
            .await?;
    }
    Ok(())
}

fn key_schema(key: &KeySchema) -> anyhow::Result<Vec<KeySchemaElement>> {
    let element = |name: &str, kind: KeyType| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
    };
    let mut elements = vec![element(&key.hash, KeyType::Hash)?];
    if let Some(range) = &key.range {
        elements.push(element(range, KeyType::Range)?);
    }
    Ok(elements)
}

async fn create_secret(
    secrets: &aws_sdk_secretsmanager::Client,
    secret: &Secret,
    given: Option<&Option<String>>,
) -> anyhow::Result<String> {
    let value = match (given, &secret.generated) {
        (Some(value), _) => value.clone(),
        (None, Some(generated)) => Some(generate(generated)?),
        (None, None) => {
            return Err(anyhow!(
                "neither the template nor this program sets its value"
            ));
        }
    };
    let created = secrets
        .create_secret()
        .name(&secret.name)
        .set_secret_string(value)
        .send()
        .await?;
    created.arn.context("the answer has no ARN")
}

/// A first value as `GenerateSecretString` makes it.
fn generate(generated: &Generated) -> anyhow::Result<String> {
    let mut object: serde_json::Map<String, Value> =
        serde_json::from_str(&generated.secret_string_template).context("SecretStringTemplate")?;
    let length = usize::try_from(generated.password_length)?;
    let alphabet = if generated.exclude_punctuation {
        random::LETTERS_AND_DIGITS
    } else {
        random::PRINTABLE
    };
    object.insert(
        generated.generate_string_key.clone(),
        random::text(alphabet, length)?.into(),
    );
    Ok(Value::Object(object).to_string())
}
