//! AWS behind the real clients, without a socket: DynamoDB, SQS and Secrets Manager.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::dynamodb::{Answer, DynamoDb};
use super::network::{Call, Fate, Line, Side};
use super::protection::Protection;
use super::queue::Queue;
use super::time::Time;

/// The template's names.
pub const LINK_TABLE: &str = "LinkTable";
pub const RESOURCE_TABLE: &str = "ResourceTable";
pub const CONNECTION_TABLE: &str = "ConnectionTable";

/// Operations that change nothing.
const READS: [&str; 6] = [
    "BatchGetItem",
    "GetItem",
    "GetQueueAttributes",
    "GetSecretValue",
    "Query",
    "Scan",
];

/// The account of one world.
#[derive(Clone)]
pub struct Aws {
    dynamodb: DynamoDb,
    queue: SharedQueue,
    secrets: SharedSecrets,
    outage: Arc<Mutex<AwsOutage>>,
    time: Time,
}

/// What does not work of AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AwsOutage {
    #[default]
    Nothing,
    Tables,
    /// Nothing works that needs the key, and the key does not.
    Everything,
}

pub type SharedQueue = Arc<Mutex<Queue>>;

/// Secrets by name.
pub type SharedSecrets = Arc<Mutex<BTreeMap<String, String>>>;

/// How often a function tries a call again.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// A user or Belvo waits.
    Request,
    Job,
}

impl Aws {
    /// Creates the tables that the template describes, and an empty queue whose clock is ahead by
    /// `skew`.
    pub async fn create(
        time: Time,
        late: bool,
        skew: SignedDuration,
        without: Option<Protection>,
    ) -> Self {
        let aws = Self {
            dynamodb: DynamoDb::new(time.clone(), late, without),
            queue: Arc::new(Mutex::new(Queue::new(skew, without))),
            secrets: SharedSecrets::default(),
            outage: Arc::default(),
            time,
        };
        let client = aws_sdk_dynamodb::Client::new(&aws.config(None, Patience::Job));
        local_stack::create_tables(&client).await.unwrap();
        aws
    }

    pub fn dynamodb(&self) -> DynamoDb {
        self.dynamodb.clone()
    }

    pub fn queue(&self) -> SharedQueue {
        Arc::clone(&self.queue)
    }

    pub fn secrets(&self) -> SharedSecrets {
        Arc::clone(&self.secrets)
    }

    /// From now on, this does not work.
    pub fn fail(&self, outage: AwsOutage) {
        *self.outage.lock().unwrap() = outage;
    }

    fn is_out(&self, request: &HttpRequest) -> bool {
        match *self.outage.lock().unwrap() {
            AwsOutage::Nothing => false,
            AwsOutage::Tables => target(request).0.starts_with("DynamoDB"),
            AwsOutage::Everything => true,
        }
    }

    /// The configuration of a function's clients, on a line of its own; without a line nothing
    /// fails.
    pub fn config(&self, line: Option<Line>, patience: Patience) -> SdkConfig {
        let connector = SharedHttpConnector::new(Connector {
            aws: self.clone(),
            line,
        });
        let credentials = Credentials::new("test", "test", None, None, "simulation");
        // The functions' own: `runtime::RetryBudget`.
        let (attempts, timeout) = match patience {
            Patience::Request => (2, Duration::from_millis(1800)),
            Patience::Job => (3, Duration::from_secs(10)),
        };
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(timeout);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("sa-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url("http://127.0.0.1:1")
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(attempts))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    fn deliver(&self, fate: Fate, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let broken = || ConnectorError::io("the connection broke".into());
        match fate {
            _ if self.is_out(request) => {
                let answer = json!({"__type": "InternalServerError", "message": "an outage"});
                Ok(respond((500, answer.to_string())))
            }
            Fate::Answered | Fate::Intercepted => Ok(respond(self.answer(request))),
            Fate::Refused => Ok(respond(self.refuse(request))),
            Fate::NeverArrives => Err(broken()),
            Fate::AnswerLost => {
                self.answer(request);
                Err(broken())
            }
            // The SDK sends nothing again that was answered, so the first answer counts.
            Fate::Repeated => {
                let first = self.answer(request);
                self.answer(request);
                Ok(respond(first))
            }
        }
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        let (service, operation) = target(request);
        let body = request.body().bytes().unwrap_or_default();
        match service {
            "AmazonSQS" => (200, self.queue_up(operation, body).to_string()),
            "secretsmanager" => {
                let request: Value = serde_json::from_slice(body).unwrap();
                let name = request["SecretId"].as_str().unwrap();
                let secrets = self.secrets.lock().unwrap();
                let value = secrets.get(name);
                let value = value.unwrap_or_else(|| panic!("there is no secret {name}"));
                (200, json!({"SecretString": value}).to_string())
            }
            _ => self.dynamodb.answer(operation, body),
        }
    }

    fn refuse(&self, request: &HttpRequest) -> Answer {
        let (service, operation) = target(request);
        let body = request.body().bytes().unwrap_or_default();
        match service {
            "AmazonSQS" if operation == "SendMessageBatch" => {
                (200, self.queue_part(body).to_string())
            }
            "AmazonSQS" | "secretsmanager" => {
                let answer = json!({"__type": "ThrottlingException", "message": "busy"});
                (400, answer.to_string())
            }
            _ => self.dynamodb.refuse(operation, body),
        }
    }

    /// Accepts every second message of a batch.
    fn queue_part(&self, body: &[u8]) -> Value {
        let mut request: Value = serde_json::from_slice(body).unwrap();
        let entries = request["Entries"].as_array_mut().unwrap();
        let mut position = 0;
        let is_refused = |_: &mut Value| {
            position += 1;
            position % 2 == 1
        };
        let refused: Vec<Value> = entries.extract_if(.., is_refused).collect();
        let mut answer = match entries.is_empty() {
            true => json!({"Successful": []}),
            false => self.queue_up("SendMessageBatch", request.to_string().as_bytes()),
        };
        let failed =
            |it: &Value| json!({"Id": it["Id"], "SenderFault": false, "Code": "InternalError"});
        answer["Failed"] = refused.iter().map(failed).collect();
        answer
    }

    fn queue_up(&self, operation: &str, body: &[u8]) -> Value {
        let request: Value = serde_json::from_slice(body).unwrap();
        let mut queue = self.queue.lock().unwrap();
        let now = self.time.now();
        let mut take = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            let group = text("MessageGroupId");
            queue.take(
                group,
                text("MessageBody"),
                text("MessageDeduplicationId"),
                now,
            );
        };
        match operation {
            "GetQueueAttributes" => {
                let waiting = queue.waiting().to_string();
                json!({"Attributes": {"ApproximateNumberOfMessages": waiting}})
            }
            "SendMessage" => {
                take(&request);
                json!({"MessageId": "sent"})
            }
            "SendMessageBatch" => {
                let entries = request["Entries"].as_array().unwrap();
                entries.iter().for_each(take);
                let sent = |it: &Value| json!({"Id": it["Id"], "MessageId": it["Id"], "MD5OfMessageBody": ""});
                json!({"Successful": entries.iter().map(sent).collect::<Vec<_>>(), "Failed": []})
            }
            "ChangeMessageVisibilityBatch" => {
                let entries = request["Entries"].as_array().unwrap();
                for entry in entries {
                    let handle = entry["ReceiptHandle"].as_str().unwrap();
                    let wait = entry["VisibilityTimeout"].as_i64().unwrap();
                    queue.change_visibility(handle, SignedDuration::from_secs(wait), now);
                }
                let changed = entries.iter().map(|it| json!({"Id": it["Id"]}));
                json!({"Successful": changed.collect::<Vec<_>>(), "Failed": []})
            }
            other => panic!("{other} is an operation this simulation does not know"),
        }
    }
}

struct Connector {
    aws: Aws,
    line: Option<Line>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.aws.clone();
        let Some(line) = self.line.clone() else {
            // A test sees what is there.
            let aws = Aws {
                dynamodb: aws.dynamodb.clone().in_time(),
                ..aws
            };
            return HttpConnectorFuture::new(async move { Ok(respond(aws.answer(&request))) });
        };
        let operation = target(&request).1;
        line.network().note_operation(operation);
        let call = Call {
            side: Side::Aws,
            is_effect: !READS.contains(&operation),
        };
        HttpConnectorFuture::new(async move {
            let deliver = |fate| std::future::ready(aws.deliver(fate, &request));
            line.call(call, deliver).await
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(…)")
    }
}

/// The service and the operation of a request.
fn target(request: &HttpRequest) -> (&str, &str) {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit_once('.').unwrap_or_default()
}

fn respond((status, text): Answer) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), text.into())
}
