//! What the tables keep, and what leaves them by the stream.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Rule, Subject, list, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "tables outlive mistakes",
        check: kept,
    },
    Rule {
        name: "tables are encrypted with our key",
        check: encrypted,
    },
    Rule {
        name: "tables grow by themselves, and shrink by expiry",
        check: sizes,
    },
    Rule {
        name: "the stream and the indexes hold no more than is read",
        check: copies,
    },
    Rule {
        name: "what banks hold is copied nowhere",
        check: bank_data,
    },
    Rule {
        name: "events hold ids and times",
        check: events,
    },
];

/// Holds what banks hold, and nothing else.
const ROWS: &str = "ResourceTable";

fn each(subject: &Subject, check: impl Fn(&str, &Value) -> Vec<String>) -> Vec<String> {
    let tables = subject.of_type("AWS::DynamoDB::Table");
    let mut complaints = unless(tables.len() == 3, "there are three tables");
    for (name, _) in tables {
        let own = check(name, &subject.template["Resources"][name]).into_iter();
        complaints.extend(own.map(|it| format!("{name}: {it}")));
    }
    complaints
}

fn kept(subject: &Subject) -> Vec<String> {
    each(subject, |_, table| {
        let properties = &table["Properties"];
        let recovery = &properties["PointInTimeRecoverySpecification"];
        let mut complaints = Vec::new();
        for (holds, complaint) in [
            (table["DeletionPolicy"] == "Retain", "goes with the stack"),
            (table["UpdateReplacePolicy"] == "Retain", "may be replaced"),
            (
                properties["DeletionProtectionEnabled"] == true,
                "may be deleted",
            ),
            (
                recovery["PointInTimeRecoveryEnabled"] == true,
                "cannot be restored",
            ),
        ] {
            complaints.extend(unless(holds, complaint));
        }
        complaints
    })
}

fn encrypted(subject: &Subject) -> Vec<String> {
    each(subject, |_, table| {
        let specification = &table["Properties"]["SSESpecification"];
        let key = specification["KMSMasterKeyId"].as_str();
        let ours = key.is_some_and(|it| it.starts_with("arn:aws:kms:"));
        let on = specification["SSEEnabled"] == true && specification["SSEType"] == "KMS";
        unless(ours && on, specification.to_string())
    })
}

fn sizes(subject: &Subject) -> Vec<String> {
    each(subject, |name, table| {
        let properties = &table["Properties"];
        let on_demand = properties["BillingMode"] == "PAY_PER_REQUEST";
        let mut complaints = unless(on_demand, "has a fixed size");
        let expiry = &properties["TimeToLiveSpecification"];
        let expected = match name {
            // Belvo says when a row is no more.
            ROWS => Value::Null,
            _ => json!({"AttributeName": "expires_at", "Enabled": true}),
        };
        complaints.extend(unless(*expiry == expected, format!("expires by {expiry}")));
        complaints
    })
}

fn copies(subject: &Subject) -> Vec<String> {
    each(subject, |_, table| {
        let properties = &table["Properties"];
        let view = &properties["StreamSpecification"]["StreamViewType"];
        let lean = view.is_null() || *view == "NEW_IMAGE";
        let mut complaints = unless(lean, format!("streams {view}"));
        for index in list(&properties["GlobalSecondaryIndexes"]) {
            let keys = index["Projection"]["ProjectionType"] == "KEYS_ONLY";
            complaints.extend(unless(keys, format!("{} copies rows", index["IndexName"])));
        }
        complaints
    })
}

/// Neither a stream nor an index carries it out of its table.
fn bank_data(subject: &Subject) -> Vec<String> {
    let table = subject.properties(ROWS);
    let mut complaints = Vec::new();
    for copy in ["StreamSpecification", "GlobalSecondaryIndexes"] {
        complaints.extend(unless(table[copy].is_null(), format!("{copy} copies it")));
    }
    complaints
}

/// What may leave the stream, and of which records.
fn events(subject: &Subject) -> Vec<String> {
    let pipe = subject.properties("ChangePipe");
    let target = &pipe["TargetParameters"];
    let input = target["InputTemplate"].as_str().unwrap_or_default();
    let paths = input.split("<$.dynamodb.NewImage.").skip(1);
    let paths: BTreeSet<_> = paths.filter_map(|it| it.split('>').next()).collect();
    let allowed = [
        "change.M.at.S",
        "change.M.external_id.S",
        "change.M.id.S",
        "change.M.unavailable.S",
        "link_id.S",
    ];
    let mut complaints = unless(
        paths == allowed.into() && input.matches('<').count() == allowed.len(),
        format!("{paths:?} leave"),
    );
    let source = &pipe["SourceParameters"];
    let filters = list(&source["FilterCriteria"]["Filters"]);
    let picky = !filters.is_empty()
        && filters.iter().all(|filter| {
            let pattern = filter["Pattern"].as_str().unwrap_or_default();
            let pattern: Value = serde_json::from_str(pattern).unwrap_or_default();
            let image = &pattern["dynamodb"]["NewImage"];
            image["record"]["S"] == json!(["LINK", "TOMBSTONE"])
                && image["change"]["M"]["id"]["S"] == json!([{"exists": true}])
        });
    complaints.extend(unless(picky, "every write becomes an event"));
    let source = &source["DynamoDBStreamParameters"];
    let kept = source["DeadLetterConfig"]["Arn"].is_string();
    complaints.extend(unless(kept, "what fails is lost"));
    complaints
}
