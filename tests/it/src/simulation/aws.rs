//! DynamoDB and SQS in this process, behind the real AWS clients and without a socket.
//!
//! Each call therefore takes effect in one step: when a process is dropped, none of its writes is
//! still in flight.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::crash_points::{Calls, Fate, Side};
use super::queue::Queue;
use super::time::Time;

/// The template's names.
pub const LINK_TABLE: &str = "LinkTable";
pub const RESOURCE_TABLE: &str = "ResourceTable";
pub const CONNECTION_TABLE: &str = "ConnectionTable";

/// The only secret that is read here.
pub const SESSION_KEYS: &str = r#"{"current": "the-keys-of-a-simulated-world-are-no-secret"}"#;

/// The account of one world: its tables and its queue.
#[derive(Clone)]
pub struct Aws {
    database: Database,
    queue: SharedQueue,
    time: Time,
}

/// Used by the world and by the sweeper's client.
pub type SharedQueue = Arc<Mutex<Queue>>;

impl Aws {
    /// Creates the tables the template describes, and an empty queue.
    pub async fn create(time: Time) -> Self {
        let aws = Self {
            database: Database::memory().unwrap(),
            queue: SharedQueue::default(),
            time,
        };
        let client = aws_sdk_dynamodb::Client::new(&aws.config(None));
        local_stack::create_tables(&client).await.unwrap();
        aws
    }

    pub fn queue(&self) -> SharedQueue {
        Arc::clone(&self.queue)
    }

    /// The configuration of AWS clients; `calls` counts their calls.
    pub fn config(&self, calls: Option<Calls>) -> SdkConfig {
        let connector = SharedHttpConnector::new(Connector {
            aws: self.clone(),
            calls,
        });
        let credentials = Credentials::new("test", "test", None, None, "simulation");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("sa-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url("http://127.0.0.1:1")
            // Like the functions' own; no wait takes real time.
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }
}

struct Connector {
    aws: Aws,
    calls: Option<Calls>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.aws.clone();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map(|(_, operation)| operation);
        if let (Some(calls), Some(operation)) = (&self.calls, operation) {
            calls.note_operation(operation);
        }
        let Some(calls) = self.calls.clone() else {
            return HttpConnectorFuture::new(async move { Ok(aws.answer(&request)) });
        };
        HttpConnectorFuture::new(async move {
            let answer = async { over_the_network(&aws, calls.fate(), &request) };
            calls.make(Side::DynamoDb, answer).await
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(…)")
    }
}

/// The network between, and a DynamoDB that may be busy.
fn over_the_network(
    aws: &Aws,
    fate: Fate,
    request: &HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let broken = || ConnectorError::io("the connection broke".into());
    match fate {
        Fate::Answered => Ok(aws.answer(request)),
        Fate::Refused => Ok(aws.refuse(request)),
        Fate::NeverArrives => Err(broken()),
        Fate::AnswerLost => {
            aws.answer(request);
            Err(broken())
        }
    }
}

impl Aws {
    /// What DynamoDB answers when it is busy. Of a batch it does a part.
    fn refuse(&self, request: &HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target
            .rsplit_once('.')
            .map_or("", |(_, operation)| operation);
        let (status, body) = match operation {
            "BatchWriteItem" => (200, self.write_part(request)),
            "TransactWriteItems" => (
                400,
                json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "message": "Transaction cancelled",
                    "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
                }),
            ),
            _ => (
                400,
                json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                    "message": "busy",
                }),
            ),
        };
        HttpResponse::new(status.try_into().unwrap(), body.to_string().into())
    }

    /// Does half of a batch, which half follows from its contents, and gives back the rest.
    fn write_part(&self, request: &HttpRequest) -> Value {
        let body = request.body().bytes().unwrap_or_default();
        let mut done: Value = serde_json::from_slice(body).unwrap();
        let mut left = serde_json::Map::new();
        let tables = done["RequestItems"].as_object_mut().unwrap();
        for (table, writes) in tables.iter_mut() {
            let writes = writes.as_array_mut().unwrap();
            let is_left = |it: &Value| it.to_string().bytes().map(u64::from).sum::<u64>() % 2 == 0;
            let (rest, now) = writes.drain(..).partition(is_left);
            *writes = now;
            if !Vec::is_empty(&rest) {
                left.insert(table.clone(), Value::Array(rest));
            }
        }
        tables.retain(|_, writes| writes.as_array().is_some_and(|it| !it.is_empty()));
        if !tables.is_empty() {
            let done = done.to_string();
            perform(&self.database, "BatchWriteItem", done.as_bytes()).unwrap();
        }
        json!({"UnprocessedItems": left})
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (service, operation) = target.rsplit_once('.').unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let answer = match service {
            "AmazonSQS" => Ok(self.queue_up(operation, body).to_string()),
            "secretsmanager" => Ok(json!({"SecretString": SESSION_KEYS}).to_string()),
            _ => perform(&self.database, operation, body),
        };
        let (status, text) = match answer {
            Ok(text) => (200, text),
            Err(error) => (error.status_code(), error.to_json()),
        };
        HttpResponse::new(status.try_into().unwrap(), text.into())
    }

    fn queue_up(&self, operation: &str, body: &[u8]) -> Value {
        let mut queue = self.queue.lock().unwrap();
        match operation {
            "GetQueueAttributes" => {
                let waiting = queue.waiting().to_string();
                json!({"Attributes": {"ApproximateNumberOfMessages": waiting}})
            }
            "SendMessageBatch" => {
                let request: Value = serde_json::from_slice(body).unwrap();
                let entries = request["Entries"].as_array().unwrap();
                let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
                for entry in entries {
                    let group = text(entry, "MessageGroupId");
                    let unique = text(entry, "MessageDeduplicationId");
                    queue.take(group, text(entry, "MessageBody"), unique, self.time.now());
                }
                let sent = |entry: &Value| json!({"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": ""});
                json!({"Successful": entries.iter().map(sent).collect::<Vec<_>>(), "Failed": []})
            }
            other => panic!("{other} is an operation this simulation does not know"),
        }
    }
}

fn perform(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    match operation {
        "BatchGetItem" => through(body, |it| database.batch_get_item(it)),
        "BatchWriteItem" => through(body, |it| database.batch_write_item(it)),
        "CreateTable" => through(body, |it| database.create_table(it)),
        "DeleteItem" => through(body, |it| database.delete_item(it)),
        "GetItem" => through(body, |it| database.get_item(it)),
        "PutItem" => through(body, |it| database.put_item(it)),
        "Query" => through(body, |it| database.query(it)),
        "Scan" => through(body, |it| database.scan(it)),
        "TransactWriteItems" => through(body, |it| database.transact_write_items(it)),
        "UpdateItem" => through(body, |it| database.update_item(it)),
        "UpdateTimeToLive" => through(body, |it| database.update_time_to_live(it)),
        other => panic!("{other} is an operation this simulation does not know"),
    }
}

fn through<Request: DeserializeOwned, Response: Serialize>(
    body: &[u8],
    perform: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<String, DynoxideError> {
    let response = perform(serde_json::from_slice(body).unwrap())?;
    Ok(serde_json::to_string(&response).unwrap())
}
