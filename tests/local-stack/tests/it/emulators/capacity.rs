//! The capacity that DynamoDB reports for a request, by its documented rules.
//!
//! A write is billed by each started kilobyte of the larger of the item before and after it. An
//! index is billed by its changes, a strongly consistent read by each started four kilobytes, any
//! other read by half of that. A part of a transaction costs twice as much.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, ConsumedCapacity, KeysAndAttributes, Put, PutRequest,
        ReturnConsumedCapacity::Indexes, TransactWriteItem, WriteRequest,
    },
};
use local_stack::{Stack, StackOptions};

type Item = HashMap<String, AttributeValue>;

const TABLE: &str = "LinkTable";
/// Bytes of the names and values of a key, `{"link_id": "l", "record": "r"}`, and of the name of
/// `x`.
const BESIDES: usize = 7 + 1 + 6 + 1 + 1;

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// An item of this many bytes.
fn item(record: &str, bytes: usize) -> Item {
    Item::from([
        ("link_id".to_owned(), text("l")),
        ("record".to_owned(), text(record)),
        ("x".to_owned(), text(&"x".repeat(bytes - BESIDES))),
    ])
}

fn with(mut item: Item, more: &[(&str, AttributeValue)]) -> Item {
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    item.extend(more);
    item
}

/// Units of the table, and of the two indexes.
fn units(consumed: &ConsumedCapacity) -> (f64, f64, f64) {
    let of = |name: &str| {
        let indexes = consumed.global_secondary_indexes.as_ref();
        let index = indexes.and_then(|it| it.get(name));
        index.and_then(|it| it.capacity_units).unwrap_or_default()
    };
    let table = consumed.table.as_ref().and_then(|it| it.capacity_units);
    (
        table.unwrap_or_default(),
        of("by_external_id"),
        of("by_due"),
    )
}

async fn put(db: &Client, item: Item) -> (f64, f64, f64) {
    let request = db.put_item().table_name(TABLE).set_item(Some(item));
    let answer = request.return_consumed_capacity(Indexes).send().await;
    units(&answer.unwrap().consumed_capacity.unwrap())
}

async fn get(db: &Client, record: &str, consistent: bool) -> f64 {
    let request = db.get_item().table_name(TABLE).consistent_read(consistent);
    let request = request
        .key("link_id", text("l"))
        .key("record", text(record));
    let answer = request.return_consumed_capacity(Indexes).send().await;
    units(&answer.unwrap().consumed_capacity.unwrap()).0
}

async fn start() -> Stack {
    Stack::start(StackOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_write_is_billed_by_kilobytes_of_the_larger_item() {
    let stack = start().await;
    let db = stack.dynamodb();
    assert_eq!(put(db, item("r", 1024)).await, (1.0, 0.0, 0.0));
    assert_eq!(put(db, item("r", 1025)).await, (2.0, 0.0, 0.0));
    assert_eq!(put(db, item("r", 100)).await, (2.0, 0.0, 0.0), "the old");
    let request = PutRequest::builder().set_item(Some(item("s", 1025)));
    let request = WriteRequest::builder().put_request(request.build().unwrap());
    let batch = db
        .batch_write_item()
        .request_items(TABLE, vec![request.build()]);
    let answer = batch.return_consumed_capacity(Indexes).send().await;
    let consumed = answer.unwrap().consumed_capacity.unwrap();
    assert_eq!(units(&consumed[0]), (2.0, 0.0, 0.0));
}

#[tokio::test]
async fn an_index_is_billed_by_its_changes() {
    let stack = start().await;
    let db = stack.dynamodb();
    let owned = |bytes, user: &str| with(item("r", bytes), &[("external_id", text(user))]);
    let due = |at: &str| {
        let due_at = AttributeValue::N(at.to_owned());
        with(
            owned(100, "u"),
            &[("due_shard", text("s")), ("due_at", due_at)],
        )
    };
    assert_eq!(put(db, item("r", 100)).await, (1.0, 0.0, 0.0), "in none");
    assert_eq!(put(db, owned(100, "u")).await, (1.0, 1.0, 0.0), "added");
    assert_eq!(put(db, owned(3000, "u")).await, (3.0, 0.0, 0.0), "the same");
    assert_eq!(put(db, owned(100, "v")).await, (3.0, 2.0, 0.0), "moved");
    assert_eq!(put(db, due("1")).await, (1.0, 2.0, 1.0), "moved and added");
    assert_eq!(put(db, due("2")).await, (1.0, 0.0, 2.0), "moved");
    assert_eq!(put(db, item("r", 100)).await, (1.0, 1.0, 1.0), "removed");
}

#[tokio::test]
async fn a_part_of_a_transaction_is_billed_twice() {
    let stack = start().await;
    let put = Put::builder()
        .table_name(TABLE)
        .set_item(Some(item("r", 1025)));
    let part = TransactWriteItem::builder().put(put.build().unwrap());
    let request = stack
        .dynamodb()
        .transact_write_items()
        .transact_items(part.build());
    let answer = request.return_consumed_capacity(Indexes).send().await;
    let consumed = answer.unwrap().consumed_capacity.unwrap();
    assert_eq!(units(&consumed[0]), (4.0, 0.0, 0.0));
}

#[tokio::test]
async fn a_read_is_billed_by_four_kilobytes_and_half_if_eventually_consistent() {
    let stack = start().await;
    let db = stack.dynamodb();
    put(db, item("a", 4096)).await;
    put(db, item("b", 4097)).await;
    assert_eq!(get(db, "a", true).await, 1.0);
    assert_eq!(get(db, "a", false).await, 0.5);
    assert_eq!(get(db, "b", true).await, 2.0);
    assert_eq!(get(db, "c", true).await, 1.0, "an absent item");
    assert_eq!(get(db, "c", false).await, 0.5);

    let keys = KeysAndAttributes::builder()
        .keys(Item::from([
            ("link_id".to_owned(), text("l")),
            ("record".to_owned(), text("a")),
        ]))
        .keys(Item::from([
            ("link_id".to_owned(), text("l")),
            ("record".to_owned(), text("b")),
        ]));
    let batch = db
        .batch_get_item()
        .request_items(TABLE, keys.build().unwrap());
    let answer = batch.return_consumed_capacity(Indexes).send().await;
    let consumed = answer.unwrap().consumed_capacity.unwrap();
    assert_eq!(units(&consumed[0]).0, 1.5, "each by itself");

    // A query is billed by the stored size of all items together, whatever its projection.
    let query = |consistent| {
        db.query()
            .table_name(TABLE)
            .consistent_read(consistent)
            .key_condition_expression("link_id = :l")
            .expression_attribute_values(":l", text("l"))
            .projection_expression("link_id")
            .return_consumed_capacity(Indexes)
            .send()
    };
    for (consistent, expected) in [(true, 3.0), (false, 1.5)] {
        let answer = query(consistent).await.unwrap();
        let consumed = answer.consumed_capacity.unwrap();
        assert_eq!(units(&consumed).0, expected);
    }
}
