//! A simulation of the template's pipe: which stream records pass its filter, and which events its
//! input template makes of them.

use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType};
use serde_json::{Map, Value, json};

use crate::template;
use crate::world::World;

pub struct Pipe {
    patterns: Vec<Value>,
    input: String,
    source: String,
    detail_type: String,
}

impl Pipe {
    pub fn of_the_template() -> Self {
        let mut template = template::evaluated(template::TEXT, &[]);
        let pipe = template["Resources"]["ChangePipe"]["Properties"].take();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let filters = &pipe["SourceParameters"]["FilterCriteria"]["Filters"];
        let patterns = filters.as_array().unwrap().iter();
        let patterns = patterns.map(|it| serde_json::from_str(&text(&it["Pattern"])).unwrap());
        let target = &pipe["TargetParameters"];
        let bus = &target["EventBridgeEventBusParameters"];
        Self {
            patterns: patterns.collect(),
            input: text(&target["InputTemplate"]),
            source: text(&bus["Source"]),
            detail_type: text(&bus["DetailType"]),
        }
    }

    /// The events for these records.
    pub fn events(&self, records: &[Value]) -> Vec<Value> {
        let passes = |record: &&Value| self.patterns.iter().any(|it| matches(it, Some(record)));
        let passing = records.iter().filter(passes);
        let event = |record: &Value| {
            json!({
                "source": self.source,
                "detail-type": at(record, &self.detail_type),
                "detail": fill(&self.input, record),
            })
        };
        passing.map(event).collect()
    }
}

/// EventBridge's patterns, as far as the template uses them.
fn matches(pattern: &Value, value: Option<&Value>) -> bool {
    match pattern {
        Value::Object(members) => members
            .iter()
            .all(|(name, pattern)| matches(pattern, value.and_then(|it| it.get(name)))),
        Value::Array(choices) => choices.iter().any(|choice| match choice {
            Value::Object(test) if test.len() == 1 && test.contains_key("exists") => {
                test["exists"] == json!(value.is_some())
            }
            Value::String(_) => Some(choice) == value,
            other => panic!("{other} is not understood here"),
        }),
        other => panic!("{other} is not a pattern"),
    }
}

/// The value at a path such as `$.a.b`.
fn at<'a>(record: &'a Value, path: &str) -> &'a Value {
    let mut names = path.strip_prefix("$.").unwrap().split('.');
    let found = names.try_fold(record, |value, name| value.get(name));
    found.unwrap_or_else(|| panic!("{path} is missing"))
}

/// An input template with its `<$.paths>` replaced by the values, as JSON.
fn fill(template: &str, record: &Value) -> Value {
    let mut parts = template.split('<');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (path, rest) = part.split_once('>').unwrap();
        text.push_str(&at(record, path).to_string());
        text.push_str(rest);
    }
    let detail: Map<String, Value> = serde_json::from_str(&text).unwrap();
    Value::Object(detail)
}

impl World {
    /// Switches on the table's stream, with the template's settings.
    pub async fn stream(&self) {
        let template = template::evaluated(template::TEXT, &[]);
        let table = &template["Resources"]["LinkTable"]["Properties"];
        let view = &table["StreamSpecification"]["StreamViewType"];
        let specification = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::from(view.as_str().unwrap()));
        let update = self.stack.dynamodb().update_table();
        let update = update.table_name(&self.stack.endpoints().link_table);
        let update = update.stream_specification(specification.build().unwrap());
        update.send().await.unwrap();
    }

    /// All records since the stream was switched on, as the pipe receives them.
    pub async fn written(&self) -> Vec<Value> {
        let describe = self.stack.dynamodb().describe_table();
        let table = describe.table_name(&self.stack.endpoints().link_table);
        let table = table.send().await.unwrap().table.unwrap();
        let stream = table.latest_stream_arn().unwrap();
        let described = self
            .ask_stream("DescribeStream", json!({"StreamArn": stream}))
            .await;
        let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
        let from =
            json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let mut iterator = self.ask_stream("GetShardIterator", from).await["ShardIterator"].take();
        let mut records = Vec::new();
        loop {
            let page = json!({"ShardIterator": iterator});
            let mut page = self.ask_stream("GetRecords", page).await;
            let Value::Array(found) = page["Records"].take() else {
                panic!("{page}")
            };
            if found.is_empty() {
                return records;
            }
            records.extend(found);
            iterator = page["NextShardIterator"].take();
        }
    }

    /// The SDK's client of the streams would be one more dependency for this call alone.
    async fn ask_stream(&self, action: &str, body: Value) -> Value {
        let authorization = "AWS4-HMAC-SHA256 \
            Credential=test/20261123/sa-east-1/dynamodb/aws4_request, \
            SignedHeaders=host, Signature=0";
        let request = self.http.post(&self.stack.endpoints().dynamodb_url);
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDBStreams_20120810.{action}"))
            .header("x-amz-date", "20261123T000000Z")
            .header("authorization", authorization);
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{action}");
        answer.json().await.unwrap()
    }
}
