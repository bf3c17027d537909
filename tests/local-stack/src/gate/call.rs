//! The actions and resources of a request, as IAM sees them.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use crate::aws::{ACCOUNT_ID, REGION};

/// The members of a request that name its resources; all others are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    table_name: Option<String>,
    index_name: Option<String>,
    request_items: Option<BTreeMap<String, IgnoredAny>>,
    transact_items: Option<Vec<BTreeMap<String, Part>>>,
    queue_url: Option<String>,
    secret_id: Option<String>,
}

/// A part of a transaction.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    table_name: String,
}

/// The pairs of action and ARN that a role must allow; `None` for an unknown request.
pub(super) fn read(target: &str, body: &[u8]) -> Option<Vec<(String, String)>> {
    let (service, operation) = target.split_once('.')?;
    let body: Body = serde_json::from_slice(body).ok()?;
    match service {
        "DynamoDB_20120810" => dynamodb(operation, &body),
        "AmazonSQS" => {
            let queue = body.queue_url?.rsplit('/').next()?.to_owned();
            // IAM has no separate permission for batches.
            let operation = operation.strip_suffix("Batch").unwrap_or(operation);
            Some(vec![(format!("sqs:{operation}"), arn("sqs", &queue))])
        }
        "secretsmanager" => {
            let action = format!("secretsmanager:{operation}");
            Some(vec![(action, body.secret_id?)])
        }
        _ => None,
    }
}

fn dynamodb(operation: &str, body: &Body) -> Option<Vec<(String, String)>> {
    let action = |operation: &str| format!("dynamodb:{operation}");
    if let Some(parts) = &body.transact_items {
        // A transaction needs the permissions of each of its parts.
        let parts = parts.iter().flatten().map(|(kind, part)| {
            let operation = match kind.as_str() {
                "ConditionCheck" => "ConditionCheckItem",
                "Delete" => "DeleteItem",
                "Get" => "GetItem",
                "Put" => "PutItem",
                "Update" => "UpdateItem",
                _ => return None,
            };
            Some((action(operation), table(&part.table_name)))
        });
        return parts.collect();
    }
    if let Some(tables) = &body.request_items {
        let tables = tables.keys();
        return Some(tables.map(|it| (action(operation), table(it))).collect());
    }
    let table = table(body.table_name.as_deref()?);
    let resource = match &body.index_name {
        Some(index) => format!("{table}/index/{index}"),
        None => table,
    };
    Some(vec![(action(operation), resource)])
}

fn table(name: &str) -> String {
    arn("dynamodb", &format!("table/{name}"))
}

fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:sa-east-1:000000000000:table/T";

    #[track_caller]
    fn check(target: &str, body: &str, expected: &[(&str, &str)]) {
        let expected = expected
            .iter()
            .map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned()));
        assert_eq!(
            read(target, body.as_bytes()),
            Some(expected.collect()),
            "{target}"
        );
    }

    #[test]
    fn requests_are_seen_as_iam_sees_them() {
        check(
            "DynamoDB_20120810.GetItem",
            r#"{"TableName": "T", "Key": {}}"#,
            &[("dynamodb:GetItem", TABLE)],
        );
        check(
            "DynamoDB_20120810.Query",
            r#"{"TableName": "T", "IndexName": "i"}"#,
            &[("dynamodb:Query", &format!("{TABLE}/index/i"))],
        );
        check(
            "DynamoDB_20120810.BatchWriteItem",
            r#"{"RequestItems": {"T": [{"PutRequest": {"Item": {}}}]}}"#,
            &[("dynamodb:BatchWriteItem", TABLE)],
        );
        check(
            "DynamoDB_20120810.TransactWriteItems",
            r#"{"TransactItems": [{"ConditionCheck": {"TableName": "T"}}, {"Delete": {"TableName": "T"}}]}"#,
            &[
                ("dynamodb:ConditionCheckItem", TABLE),
                ("dynamodb:DeleteItem", TABLE),
            ],
        );
        check(
            "AmazonSQS.SendMessageBatch",
            r#"{"QueueUrl": "http://127.0.0.1:1/000000000000/Q.fifo", "Entries": []}"#,
            &[(
                "sqs:SendMessage",
                "arn:aws:sqs:sa-east-1:000000000000:Q.fifo",
            )],
        );
        check(
            "secretsmanager.GetSecretValue",
            r#"{"SecretId": "arn:secret"}"#,
            &[("secretsmanager:GetSecretValue", "arn:secret")],
        );
    }

    #[test]
    fn unknown_requests_are_refused() {
        assert_eq!(read("Kinesis_20131202.PutRecord", b"{}"), None);
        assert_eq!(read("DynamoDB_20120810.ListTables", b"{}"), None);
        assert_eq!(read("", b""), None);
    }
}
