//! The event of a batch, and the meaning of the function's answer.

use std::collections::HashSet;

use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::aws::REGION;

/// The event of one batch.
pub(super) fn event(messages: &[Message], queue_arn: &str) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| record(message, queue_arn))
        .collect();
    json!({"Records": records})
}

/// The messages to delete, or the reason to delete none.
///
/// A missing or empty list means that all succeeded. A malformed list, or one that names a message
/// outside the batch, means that all failed.
pub(super) fn succeeded<'a>(
    messages: &'a [Message],
    result: &Value,
) -> Result<Vec<&'a Message>, String> {
    let failures = match result.get("batchItemFailures") {
        None | Some(Value::Null) => return unless_malformed(messages, result),
        Some(Value::Array(failures)) => failures,
        Some(_) => return Err("a batchItemFailures that is not a list".to_owned()),
    };
    let mut failed = HashSet::new();
    for failure in failures {
        let id = failure.get("itemIdentifier").and_then(Value::as_str);
        let known = id.filter(|id| {
            messages
                .iter()
                .any(|message| message.message_id() == Some(*id))
        });
        failed.insert(known.ok_or_else(|| "a failure of a message that was not in it".to_owned())?);
    }
    let is_done = |message: &&Message| message.message_id().is_some_and(|id| !failed.contains(id));
    Ok(messages.iter().filter(is_done).collect())
}

/// Nothing and an empty object mean success; any other value is malformed.
fn unless_malformed<'a>(
    messages: &'a [Message],
    result: &Value,
) -> Result<Vec<&'a Message>, String> {
    match result {
        Value::Null => Ok(messages.iter().collect()),
        Value::Object(keys) if keys.keys().all(|key| key == "batchItemFailures") => {
            Ok(messages.iter().collect())
        }
        _ => Err("a value without a list of failures".to_owned()),
    }
}

fn record(message: &Message, queue_arn: &str) -> Value {
    let attributes: Map<String, Value> = message
        .attributes
        .iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
        .collect();
    let message_attributes: Map<String, Value> = message
        .message_attributes
        .iter()
        .flatten()
        .map(|(name, value)| (name.clone(), message_attribute(value)))
        .collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    })
}

fn message_attribute(value: &MessageAttributeValue) -> Value {
    let mut attribute = json!({
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value.data_type(),
    });
    if let Some(text) = value.string_value() {
        attribute["stringValue"] = text.into();
    }
    if let Some(bytes) = value.binary_value() {
        attribute["binaryValue"] = STANDARD.encode(bytes).into();
    }
    attribute
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageSystemAttributeName;

    use super::*;

    fn message(id: &str) -> Message {
        Message::builder()
            .message_id(id)
            .receipt_handle(format!("handle-{id}"))
            .body("{}")
            .md5_of_body("99914b932bd37a50b983c5e7c90ae93b")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1700000000000")
            .attributes(MessageSystemAttributeName::MessageGroupId, "link-1")
            .message_attributes(
                "kind",
                MessageAttributeValue::builder()
                    .data_type("String")
                    .string_value("x")
                    .build()
                    .unwrap(),
            )
            .build()
    }

    #[test]
    fn an_event_has_lambdas_shape() {
        let expected = json!({"Records": [{
            "messageId": "1",
            "receiptHandle": "handle-1",
            "body": "{}",
            "attributes": {"MessageGroupId": "link-1", "SentTimestamp": "1700000000000"},
            "messageAttributes": {"kind": {
                "stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String",
            }},
            "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:queue",
            "awsRegion": "sa-east-1",
        }]});
        assert_eq!(event(&[message("1")], "arn:queue"), expected);
    }

    #[test]
    fn only_records_that_surely_succeeded_are_deleted() {
        #[track_caller]
        fn check(result: Value, expected: Option<&[&str]>) {
            let messages = [message("1"), message("2")];
            let deleted = succeeded(&messages, &result).ok();
            let ids: Option<Vec<&str>> = deleted.map(|deleted| {
                deleted
                    .iter()
                    .filter_map(|message| message.message_id())
                    .collect()
            });
            assert_eq!(ids.as_deref(), expected, "{result}");
        }
        check(json!(null), Some(&["1", "2"]));
        check(json!({}), Some(&["1", "2"]));
        check(json!({"batchItemFailures": null}), Some(&["1", "2"]));
        check(json!({"batchItemFailures": []}), Some(&["1", "2"]));
        check(
            json!({"batchItemFailures": [{"itemIdentifier": "1"}]}),
            Some(&["2"]),
        );
        check(
            json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "1"}]}),
            Some(&[]),
        );
        check(
            json!({"batchItemFailures": [{"itemIdentifier": "3"}]}),
            None,
        );
        check(json!({"batchItemFailures": [{"itemIdentifier": ""}]}), None);
        check(
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            None,
        );
        check(json!({"batchItemFailures": [{"id": "1"}]}), None);
        check(json!({"batchItemFailures": "none"}), None);
        check(json!("ok"), None);
    }
}
