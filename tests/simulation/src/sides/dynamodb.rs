//! DynamoDB in this process: it may be busy, its indexes and ordinary reads may be late, and it
//! deletes expired records when it likes.
//!
//! Each call takes effect in one step: when a process is dropped, none of its writes is still in
//! flight.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use dynoxide::{Database, DynoxideError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::aws::LINK_TABLE;
use super::protection::Protection;
use super::time::Time;

/// How far at most an index, or a read that is not consistent, is behind if it is late.
const LATEST: SignedDuration = SignedDuration::from_secs(10);

/// The condition by which a job that was overtaken is refused, and one that always holds.
const FENCE: &str = "fencing_token = :token";
const NO_FENCE: &str = "(fencing_token = :token OR NOT fencing_token = :token)";

/// All tables of one world.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
    late: Option<Arc<Late>>,
    reads_late: bool,
    time: Time,
    without: Option<Protection>,
    touched: Arc<Mutex<BTreeSet<Partition>>>,
}

/// A table, and the value of its partition key.
type Partition = (String, String);

/// The tables as they were some seconds ago.
struct Late {
    database: Database,
    /// Writes that did not get here yet.
    writes: Mutex<VecDeque<(Timestamp, String, Value)>>,
}

/// A status, and a body.
pub type Answer = (u16, String);

impl DynamoDb {
    /// Empty, with indexes that are late or not.
    pub fn new(time: Time, late: bool, without: Option<Protection>) -> Self {
        let open = || Database::memory().unwrap();
        let late = late.then(|| Late {
            database: open(),
            writes: Mutex::default(),
        });
        Self {
            database: open(),
            reads_late: late.is_some(),
            late: late.map(Arc::new),
            time,
            without,
            touched: Arc::default(),
        }
    }

    /// The partitions that were written since the last time.
    pub fn take_touched(&self) -> BTreeSet<Partition> {
        std::mem::take(&mut self.touched.lock().unwrap())
    }

    /// The same tables for a reader to whom nothing is late.
    pub fn in_time(self) -> Self {
        Self {
            reads_late: false,
            ..self
        }
    }

    /// Answers a request.
    pub fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let mut request: Value = serde_json::from_slice(body).unwrap();
        self.weaken(&mut request);
        if !is_read(operation) {
            self.touched.lock().unwrap().extend(partitions(&request));
        }
        match &self.late {
            Some(late) if self.reads_late && may_be_late(operation, &request) => {
                late.catch_up(self.time.now() - self.lateness());
                reply(perform(&late.database, operation, request))
            }
            Some(late) if !is_read(operation) => {
                let done = perform(&self.database, operation, request.clone());
                if done.is_ok() {
                    let write = (self.time.now(), operation.to_owned(), request);
                    late.writes.lock().unwrap().push_back(write);
                }
                reply(done)
            }
            _ => reply(perform(&self.database, operation, request)),
        }
    }

    /// As much as the time of day says, so that it differs from read to read.
    fn lateness(&self) -> SignedDuration {
        let millis = self.time.now().as_millisecond() % LATEST.as_millis() as i64;
        SignedDuration::from_millis(millis)
    }

    /// What DynamoDB answers when it is busy. Of a batch it does a part.
    pub fn refuse(&self, operation: &str, body: &[u8]) -> Answer {
        let kind = |name: &str| format!("com.amazonaws.dynamodb.v20120810#{name}");
        match operation {
            "BatchWriteItem" => (200, self.write_part(body).to_string()),
            "BatchGetItem" => {
                let request: Value = serde_json::from_slice(body).unwrap();
                let unread = json!({"Responses": {}, "UnprocessedKeys": request["RequestItems"]});
                (200, unread.to_string())
            }
            "TransactWriteItems" => {
                let answer = json!({
                    "__type": kind("TransactionCanceledException"),
                    "message": "Transaction cancelled",
                    "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
                });
                (400, answer.to_string())
            }
            _ => {
                let kind = kind("ProvisionedThroughputExceededException");
                let answer = json!({"__type": kind, "message": "busy"});
                (400, answer.to_string())
            }
        }
    }

    /// Does half of a batch, which half follows from its contents, and gives back the rest.
    fn write_part(&self, body: &[u8]) -> Value {
        let mut done: Value = serde_json::from_slice(body).unwrap();
        let mut left = Map::new();
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
            let (status, answer) = self.answer("BatchWriteItem", done.to_string().as_bytes());
            assert_eq!(status, 200, "{answer}");
        }
        json!({"UnprocessedItems": left})
    }

    /// Takes a protection out of a request.
    fn weaken(&self, request: &mut Value) {
        match self.without {
            Some(Protection::Fence) => {
                let text = request.to_string();
                if text.contains(FENCE) {
                    *request = serde_json::from_str(&text.replace(FENCE, NO_FENCE)).unwrap();
                }
            }
            Some(Protection::Checkpoint) => {
                let values = &mut request["ExpressionAttributeValues"];
                if values.get(":pending").is_some() {
                    values[":pending"] = json!({"M": {}});
                }
                let resources = values.pointer_mut("/:resources/M");
                let resources = resources.and_then(Value::as_object_mut);
                for resource in resources.into_iter().flat_map(|it| it.values_mut()) {
                    if let Some(members) = resource.pointer_mut("/M").and_then(Value::as_object_mut)
                    {
                        members.remove("run");
                    }
                }
            }
            _ => {}
        }
    }
}

impl Late {
    fn catch_up(&self, until: Timestamp) {
        let mut writes = self.writes.lock().unwrap();
        while let Some((_, operation, request)) = writes.pop_front_if(|(at, _, _)| *at <= until) {
            perform(&self.database, &operation, request).unwrap();
        }
    }
}

/// Whether DynamoDB may answer this from a copy that is late.
fn may_be_late(operation: &str, request: &Value) -> bool {
    match operation {
        "Query" | "Scan" | "GetItem" => request["ConsistentRead"] != json!(true),
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().unwrap().values();
            tables
                .into_iter()
                .all(|it| it["ConsistentRead"] != json!(true))
        }
        _ => false,
    }
}

/// The partitions that a request writes.
fn partitions(request: &Value) -> Vec<Partition> {
    let mut found = Vec::new();
    for (table, writes) in request["RequestItems"].as_object().into_iter().flatten() {
        for write in writes.as_array().into_iter().flatten() {
            found.extend(partition(table, &write["PutRequest"]["Item"]));
            found.extend(partition(table, &write["DeleteRequest"]["Key"]));
        }
    }
    let parts = request["TransactItems"].as_array().into_iter().flatten();
    let parts = parts.flat_map(|it| it.as_object().into_iter().flat_map(Map::values));
    for write in parts.chain([request]) {
        let table = write["TableName"].as_str().unwrap_or_default();
        found.extend(partition(table, &write["Item"]));
        found.extend(partition(table, &write["Key"]));
    }
    found
}

fn partition(table: &str, item: &Value) -> Option<Partition> {
    let key = match table {
        LINK_TABLE => "link_id",
        _ => "external_id",
    };
    let value = item[key]["S"].as_str()?;
    Some((table.to_owned(), value.to_owned()))
}

fn is_read(operation: &str) -> bool {
    matches!(operation, "Query" | "Scan" | "GetItem" | "BatchGetItem")
}

fn reply(done: Result<String, DynoxideError>) -> Answer {
    match done {
        Ok(text) => (200, text),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn perform(database: &Database, operation: &str, request: Value) -> Result<String, DynoxideError> {
    match operation {
        "BatchGetItem" => through(request, |it| database.batch_get_item(it)),
        "BatchWriteItem" => through(request, |it| database.batch_write_item(it)),
        "CreateTable" => through(request, |it| database.create_table(it)),
        "DeleteItem" => through(request, |it| database.delete_item(it)),
        "GetItem" => through(request, |it| database.get_item(it)),
        "PutItem" => through(request, |it| database.put_item(it)),
        "Query" => through(request, |it| database.query(it)),
        "Scan" => through(request, |it| database.scan(it)),
        "TransactWriteItems" => through(request, |it| database.transact_write_items(it)),
        "UpdateItem" => through(request, |it| database.update_item(it)),
        "UpdateTimeToLive" => through(request, |it| database.update_time_to_live(it)),
        other => panic!("{other} is an operation this simulation does not know"),
    }
}

fn through<Request: DeserializeOwned, Response: Serialize>(
    request: Value,
    perform: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<String, DynoxideError> {
    let response = perform(serde_json::from_value(request).unwrap())?;
    Ok(serde_json::to_string(&response).unwrap())
}
