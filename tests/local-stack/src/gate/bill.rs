//! The billed units of a request.
//!
//! DynamoDB returns the consumed capacity of a request that asks for it.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::meter::{Meter, What};

/// The member that asks DynamoDB for the consumed capacity.
const ASK: &[u8] = br#"{"ReturnConsumedCapacity":"INDEXES""#;

const READS: [&str; 3] = ["GetItem", "BatchGetItem", "Query"];
const REFUSALS: [&str; 2] = [
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
];

/// The same request, asking for its capacity.
pub(super) fn asking(target: &str, body: Bytes) -> Bytes {
    match body.strip_prefix(b"{") {
        Some(rest) if target.starts_with("DynamoDB") => {
            let alone = rest.trim_ascii_start().starts_with(b"}");
            let comma: &[u8] = if alone { b"" } else { b"," };
            [ASK, comma, rest].concat().into()
        }
        _ => body,
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "ConsumedCapacity")]
    consumed: Option<Value>,
    #[serde(rename = "__type")]
    error: Option<String>,
}

/// Counts the units of a request; `asked` has its actions and resources as IAM sees them.
pub(super) fn count(
    meter: &Meter,
    function: &str,
    target: &str,
    asked: &[(String, String)],
    answer: &[u8],
) {
    let Some((service, operation)) = target.split_once('.') else {
        return;
    };
    let of = asked.first().map_or("", |(_, arn)| name(arn));
    match service {
        "AmazonSQS" => meter.add(function, What::QueueRequests, of, 1),
        "secretsmanager" => meter.add(function, What::SecretReads, of, 1),
        _ => {
            let Ok(answer) = serde_json::from_slice::<Answer>(answer) else {
                return;
            };
            let error = answer.error.unwrap_or_default();
            if REFUSALS.iter().any(|refusal| error.ends_with(refusal)) {
                meter.add(function, What::RefusedWrites, of, 1);
            }
            let what = match READS.contains(&operation) {
                true => What::HalfReadUnits,
                false => What::HalfWriteUnits,
            };
            let consumed = match answer.consumed {
                Some(Value::Array(tables)) => tables,
                consumed => consumed.into_iter().collect(),
            };
            for table in consumed {
                for (of, amount) in capacity(&table) {
                    meter.add(function, what, &of, amount);
                }
            }
        }
    }
}

/// The part of an ARN after the kind: `ResourceTable` of `arn:aws:dynamodb:…:table/ResourceTable`.
fn name(arn: &str) -> &str {
    let name = arn.rsplit(':').next().unwrap_or_default();
    name.strip_prefix("table/").unwrap_or(name)
}

/// Half units by table and index.
fn capacity(table: &Value) -> Vec<(String, u64)> {
    let name = table["TableName"].as_str().unwrap_or_default();
    let mut used = vec![(name.to_owned(), halves(&table["Table"]))];
    let indexes = table["GlobalSecondaryIndexes"].as_object();
    for (index, capacity) in indexes.into_iter().flatten() {
        used.push((format!("{name}/index/{index}"), halves(capacity)));
    }
    used.retain(|(_, halves)| *halves > 0);
    used
}

fn halves(capacity: &Value) -> u64 {
    let units = capacity["CapacityUnits"].as_f64().unwrap_or_default();
    // Capacity comes in halves, which a float of this size holds exactly.
    (units * 2.0).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::meter::{Use, Used};

    #[track_caller]
    fn check(target: &str, asked: &str, answer: &str, expected: &[(What, &str, u64)]) {
        let meter = Meter::default();
        let asked = [("an:Action".to_owned(), asked.to_owned())];
        count(&meter, "f", target, &asked, answer.as_bytes());
        let expected = expected.iter().map(|(what, of, amount)| {
            let (function, of) = ("f".to_owned(), (*of).to_owned());
            let what = *what;
            (Use { function, what, of }, *amount)
        });
        assert_eq!(meter.used(), expected.collect::<Used>(), "{target}");
    }

    #[test]
    fn consumed_capacity_is_counted_by_table_and_index() {
        let table = "arn:aws:dynamodb:sa-east-1:000000000000:table/T";
        check(
            "DynamoDB_20120810.UpdateItem",
            table,
            r#"{"ConsumedCapacity": {"TableName": "T", "CapacityUnits": 5.0, "Table": {"CapacityUnits": 3.0},
                "GlobalSecondaryIndexes": {"i": {"CapacityUnits": 2.0}}}}"#,
            &[
                (What::HalfWriteUnits, "T", 6),
                (What::HalfWriteUnits, "T/index/i", 4),
            ],
        );
        check(
            "DynamoDB_20120810.BatchGetItem",
            table,
            r#"{"Responses": {}, "ConsumedCapacity": [{"TableName": "T", "Table": {"CapacityUnits": 0.5}}]}"#,
            &[(What::HalfReadUnits, "T", 1)],
        );
        check(
            "DynamoDB_20120810.PutItem",
            table,
            r#"{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}"#,
            &[(What::RefusedWrites, "T", 1)],
        );
    }

    #[test]
    fn other_services_bill_requests() {
        let queue = "arn:aws:sqs:sa-east-1:000000000000:Q.fifo";
        check(
            "AmazonSQS.SendMessageBatch",
            queue,
            "{}",
            &[(What::QueueRequests, "Q.fifo", 1)],
        );
        check(
            "secretsmanager.GetSecretValue",
            "S",
            "{}",
            &[(What::SecretReads, "S", 1)],
        );
    }

    #[test]
    fn only_dynamodb_is_asked_for_its_capacity() {
        let body = Bytes::from_static(br#"{"TableName":"T"}"#);
        assert_eq!(asking("AmazonSQS.SendMessage", body.clone()), body);
        let asked: Value =
            serde_json::from_slice(&asking("DynamoDB_20120810.GetItem", body)).unwrap();
        assert_eq!(asked["ReturnConsumedCapacity"], "INDEXES");
        assert_eq!(asked["TableName"], "T");
        for empty in ["{}", "{ }"] {
            let asked = asking("DynamoDB_20120810.ListTables", empty.into());
            let asked: Value = serde_json::from_slice(&asked).unwrap();
            assert_eq!(asked, json!({"ReturnConsumedCapacity": "INDEXES"}));
        }
    }
}
