//! The stack's resources of the deployed template.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::QueueAttributeName;
use local_stack::{Belvo, Stack, StackOptions, template::Template};
use serde_json::{Value, json};

use crate::world::{TEMPLATE, World};

async fn start(parameters: &[(&str, &str)]) -> anyhow::Result<Stack> {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Stack::start(StackOptions {
        parameters: parameters.collect(),
        ..StackOptions::default()
    })
    .await
}

async fn secret(stack: &Stack, name: &str) -> Option<Value> {
    let request = stack.secretsmanager().get_secret_value().secret_id(name);
    Some(serde_json::from_str(request.send().await.ok()?.secret_string()?).unwrap())
}

#[tokio::test]
async fn the_secrets_hold_the_values_of_both_sides() {
    let stack = start(&[]).await.unwrap();
    let endpoints = stack.endpoints();
    let keys =
        json!({"id": endpoints.belvo_secret_id, "password": endpoints.belvo_secret_password});
    assert_eq!(secret(&stack, "BelvoSecret").await, Some(keys));
    let webhook = json!({"current": endpoints.webhook_authorization});
    assert_eq!(secret(&stack, "WebhookSecret").await, Some(webhook));
    let session = secret(&stack, "SessionSecret").await.unwrap();
    let key = session["current"].as_str().unwrap();
    assert!(
        key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{key}"
    );
    assert!(secret(&stack, "ExternalIdSecret").await.is_some());
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_queue_has_the_templates_attributes() {
    let stack = start(&[]).await.unwrap();
    let request = stack
        .sqs()
        .get_queue_attributes()
        .queue_url(&stack.endpoints().queue_url);
    let attributes = request
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap();
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "360");
    assert_eq!(
        attributes[&QueueAttributeName::DeduplicationScope],
        "messageGroup"
    );
    let redrive: Value =
        serde_json::from_str(&attributes[&QueueAttributeName::RedrivePolicy]).unwrap();
    assert_eq!(
        redrive["deadLetterTargetArn"],
        "arn:aws:sqs:sa-east-1:000000000000:FetchDeadLetterQueue.fifo"
    );
    assert!(
        stack
            .endpoints()
            .dead_letter_queue_url
            .ends_with("/000000000000/FetchDeadLetterQueue.fifo")
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_tables_have_the_templates_keys_indexes_and_expiry() {
    let stack = start(&[]).await.unwrap();
    let describe = stack.dynamodb().describe_table().table_name("LinkTable");
    let table = describe.send().await.unwrap().table.unwrap();
    let keys: Vec<&str> = table
        .key_schema()
        .iter()
        .map(|key| key.attribute_name())
        .collect();
    assert_eq!(keys, ["link_id", "record"]);
    let mut indexes: Vec<&str> = table
        .global_secondary_indexes()
        .iter()
        .filter_map(|index| index.index_name())
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, ["by_due", "by_external_id"]);
    let expiry = stack
        .dynamodb()
        .describe_time_to_live()
        .table_name("ConnectionTable")
        .send()
        .await
        .unwrap();
    assert_eq!(
        expiry.time_to_live_description().unwrap().attribute_name(),
        Some("expires_at")
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_value_the_template_forbids_is_refused() {
    let error = start(&[("OwnerCheck", "maybe")]).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "Parameters.OwnerCheck: \"maybe\" is not one of its AllowedValues"
    );
}

#[tokio::test]
async fn only_the_simulated_belvo_takes_any_number_of_requests() {
    let template = TEMPLATE
        .replace(
            "Parameters:\n",
            "Parameters:\n  BelvoRequestsPer30Seconds: { Type: Number, Default: 80 }\n",
        )
        .replace(
            "GREETING: hello",
            "REQUESTS: !Ref BelvoRequestsPer30Seconds",
        );
    let simulated = Belvo::default();
    let real = Belvo::Real {
        secret_id: "id".to_owned(),
        secret_password: "password".to_owned(),
    };
    for (belvo, expected) in [(simulated, "100000"), (real, "80")] {
        let world = World::with(StackOptions {
            template: Some(template.clone()),
            belvo,
            ..StackOptions::default()
        })
        .await;
        let shown = world
            .stack
            .invoke("echo", json!({"show": "context"}))
            .await
            .unwrap();
        assert_eq!(shown["environment"]["REQUESTS"], expected);
        world.stack.stop().await.unwrap();
    }
}

#[test]
fn a_local_value_for_a_missing_parameter_is_ignored() {
    let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let text = "Parameters: { Known: { Type: Number, Default: 1 } }\nResources: {}";
    let nothing = BTreeMap::new();
    let parse = |overrides: &BTreeMap<_, _>, defaults: &BTreeMap<_, _>| {
        Template::parse_with_defaults(text, overrides, defaults)
    };
    assert!(parse(&nothing, &pair("Unknown", "2")).is_ok());
    // A template with the parameter uses the local value, and a requested value wins over it.
    assert!(parse(&nothing, &pair("Known", "many")).is_err());
    assert!(parse(&pair("Known", "2"), &pair("Known", "many")).is_ok());
    assert!(parse(&pair("Unknown", "2"), &nothing).is_err());
}

#[tokio::test]
async fn stacks_do_not_share_anything() {
    let (first, second) = tokio::join!(start(&[]), start(&[]));
    let (first, second) = (first.unwrap(), second.unwrap());
    let (one, other) = (first.endpoints(), second.endpoints());
    assert_ne!(one.api_url, other.api_url);
    assert_ne!(one.belvo_secret_password, other.belvo_secret_password);
    assert_ne!(one.webhook_authorization, other.webhook_authorization);
    first.stop().await.unwrap();
    // The second stack still runs.
    assert!(secret(&second, "SessionSecret").await.is_some());
    second.stop().await.unwrap();
}
