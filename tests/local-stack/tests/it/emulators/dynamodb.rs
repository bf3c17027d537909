//! DynamoDB, with the tables of the deployed template.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Delete, Put, PutRequest, TransactWriteItem, WriteRequest},
};
use local_stack::{Stack, StackOptions};

type Item = HashMap<String, AttributeValue>;

const TABLE: &str = "LinkTable";

async fn start() -> Stack {
    Stack::start(StackOptions::default()).await.unwrap()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn item(link_id: &str, record: &str, more: &[(&str, AttributeValue)]) -> Item {
    let mut item = Item::from([
        ("link_id".to_owned(), text(link_id)),
        ("record".to_owned(), text(record)),
    ]);
    item.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    item
}

async fn put(db: &Client, item: Item) {
    db.put_item()
        .table_name(TABLE)
        .set_item(Some(item))
        .send()
        .await
        .unwrap();
}

async fn get(db: &Client, link_id: &str, record: &str) -> Option<Item> {
    let request = db.get_item().table_name(TABLE).consistent_read(true);
    request
        .key("link_id", text(link_id))
        .key("record", text(record))
        .send()
        .await
        .unwrap()
        .item
}

#[tokio::test]
async fn numbers_keep_all_of_their_38_digits() {
    let stack = start().await;
    let db = stack.dynamodb();
    for digits in [
        "12345678901234567890123456789012345678",
        "-0.12345678901234567890123456789012345678",
        "1990.35",
    ] {
        put(
            db,
            item("l", "r", &[("n", AttributeValue::N(digits.to_owned()))]),
        )
        .await;
        assert_eq!(
            get(db, "l", "r").await.unwrap()["n"],
            AttributeValue::N(digits.to_owned())
        );
    }
    let too_many = item("l", "r", &[("n", AttributeValue::N("1".repeat(39)))]);
    let error = db
        .put_item()
        .table_name(TABLE)
        .set_item(Some(too_many))
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        error.into_service_error().meta().code(),
        Some("ValidationException")
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_condition_writes_nothing() {
    let stack = start().await;
    let db = stack.dynamodb();
    put(
        db,
        item("l", "LINK", &[("epoch", AttributeValue::N("1".to_owned()))]),
    )
    .await;
    let raise = async |from: &str| {
        db.update_item()
            .table_name(TABLE)
            .key("link_id", text("l"))
            .key("record", text("LINK"))
            .update_expression("SET epoch = epoch + :one")
            .condition_expression("epoch = :from")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":from", AttributeValue::N(from.to_owned()))
            .send()
            .await
    };
    raise("1").await.unwrap();
    assert!(
        raise("1")
            .await
            .unwrap_err()
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
    assert_eq!(
        get(db, "l", "LINK").await.unwrap()["epoch"],
        AttributeValue::N("2".to_owned())
    );
    let first = db
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item("l", "LINK", &[])))
        .condition_expression("attribute_not_exists(link_id)")
        .send()
        .await;
    assert!(
        first
            .unwrap_err()
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_writes_25_rows_and_not_one_more() {
    let stack = start().await;
    let db = stack.dynamodb();
    let write = async |count: usize| {
        let rows = (0..count).map(|number| {
            let put = PutRequest::builder()
                .set_item(Some(item("l", &format!("R#{number:02}"), &[])))
                .build()
                .unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        db.batch_write_item()
            .request_items(TABLE, rows.collect())
            .send()
            .await
    };
    assert!(
        write(25)
            .await
            .unwrap()
            .unprocessed_items
            .unwrap_or_default()
            .is_empty()
    );
    assert_eq!(
        write(26)
            .await
            .unwrap_err()
            .into_service_error()
            .meta()
            .code(),
        Some("ValidationException")
    );
    let rows = db
        .query()
        .table_name(TABLE)
        .key_condition_expression("link_id = :l AND begins_with(#r, :p)")
        .expression_attribute_names("#r", "record")
        .expression_attribute_values(":l", text("l"))
        .expression_attribute_values(":p", text("R#"))
        .send()
        .await
        .unwrap();
    let order: Vec<_> = rows
        .items()
        .iter()
        .map(|item| item["record"].as_s().unwrap().clone())
        .collect();
    assert_eq!(order.len(), 25);
    assert!(order.is_sorted(), "{order:?}");
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    let stack = start().await;
    let db = stack.dynamodb();
    put(db, item("l", "OLD", &[])).await;
    let move_row = async |condition: &str| {
        let put = Put::builder()
            .table_name(TABLE)
            .set_item(Some(item("l", "NEW", &[])))
            .condition_expression(condition);
        let delete = Delete::builder()
            .table_name(TABLE)
            .key("link_id", text("l"))
            .key("record", text("OLD"));
        db.transact_write_items()
            .transact_items(
                TransactWriteItem::builder()
                    .put(put.build().unwrap())
                    .build(),
            )
            .transact_items(
                TransactWriteItem::builder()
                    .delete(delete.build().unwrap())
                    .build(),
            )
            .send()
            .await
    };
    let refused = move_row("attribute_exists(link_id)")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_transaction_canceled_exception(), "{refused}");
    assert!(get(db, "l", "OLD").await.is_some());
    assert!(get(db, "l", "NEW").await.is_none());
    move_row("attribute_not_exists(link_id)").await.unwrap();
    assert!(get(db, "l", "OLD").await.is_none());
    assert!(get(db, "l", "NEW").await.is_some());
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_sparse_index_holds_only_records_with_its_key() {
    let stack = start().await;
    let db = stack.dynamodb();
    let user = ("external_id", text("user-1"));
    put(db, item("l1", "LINK", &[user])).await;
    put(db, item("l1", "EVENT#2026-01-01#e", &[])).await;
    put(
        db,
        item(
            "l2",
            "LINK",
            &[
                ("due_shard", text("0")),
                ("due_at", AttributeValue::N("7".to_owned())),
            ],
        ),
    )
    .await;
    let query = async |index: &str, key: &str, value: &str| {
        db.query()
            .table_name(TABLE)
            .index_name(index)
            .key_condition_expression("#k = :v")
            .expression_attribute_names("#k", key)
            .expression_attribute_values(":v", text(value))
            .send()
            .await
            .unwrap()
            .items
            .unwrap_or_default()
    };
    let found = query("by_external_id", "external_id", "user-1").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["record"], text("LINK"));
    let due = query("by_due", "due_shard", "0").await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0]["link_id"], text("l2"));
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_data_folder_keeps_the_tables_between_runs() {
    let folder = std::env::temp_dir().join(format!("local-stack-{}", uuid::Uuid::new_v4()));
    let options = || StackOptions {
        data_dir: Some(folder.clone()),
        ..StackOptions::default()
    };
    let first = Stack::start(options()).await.unwrap();
    put(first.dynamodb(), item("l", "LINK", &[])).await;
    first.stop().await.unwrap();
    let second = Stack::start(options()).await.unwrap();
    assert!(get(second.dynamodb(), "l", "LINK").await.is_some());
    second.stop().await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
