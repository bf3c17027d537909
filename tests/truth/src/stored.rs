//! The stored form of Belvo's objects, and what the tables hold.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::canonical::Canonical;

/// The part of a key that stands for a missing date.
const NO_DATE: &str = "0000-00-00";

/// The six resources by their name in records, and by their name in the sandbox's truth.
pub const RESOURCES: [(&str, &str); 6] = [
    ("OWNERS", "owners"),
    ("ACCOUNTS", "accounts"),
    ("TRANSACTIONS", "transactions"),
    ("BILLS", "bills"),
    ("INVESTMENTS", "investments"),
    ("INVESTMENT_TRANSACTIONS", "investment_transactions"),
];

/// What is stored of a link, in both tables: items by their sort key, of rows without the link.
pub type Records = BTreeMap<String, BTreeMap<String, Canonical>>;

/// Everything stored of a link, in the tables of links and of rows; rows of whatever user.
pub async fn records(dynamodb: &Client, [links, rows]: [&str; 2], link_id: &str) -> Records {
    let query = dynamodb
        .query()
        .table_name(links)
        .consistent_read(true)
        .key_condition_expression("link_id = :link")
        .expression_attribute_values(":link", AttributeValue::S(link_id.to_owned()));
    let mut items = Vec::new();
    let mut pages = query.into_paginator().items().send();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    let prefix = format!("{link_id}#");
    let scan = dynamodb
        .scan()
        .table_name(rows)
        .consistent_read(true)
        .filter_expression("begins_with(#record, :link)")
        .expression_attribute_names("#record", "record")
        .expression_attribute_values(":link", AttributeValue::S(prefix.clone()));
    let mut pages = scan.into_paginator().items().send();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    let mut records = Records::new();
    for mut item in items {
        item.remove("hash");
        let members = item.iter();
        let members = members.map(|(name, it)| (name.clone(), Canonical::from_attribute(it)));
        let members: BTreeMap<_, _> = members.collect();
        let key = members["record"].text();
        let key = key.strip_prefix(&prefix).unwrap_or(key).to_owned();
        assert!(records.insert(key, members).is_none(), "under two users");
    }
    records
}

/// An object of the truth as it is stored.
pub fn stored_form(kind: &str, object: Canonical) -> Canonical {
    match kind {
        "TRANSACTIONS" | "BILLS" => object.with_reference("account"),
        "INVESTMENT_TRANSACTIONS" => object.with_reference("investment"),
        _ => object,
    }
}

/// Where it is stored.
pub fn key_of(kind: &str, object: &Canonical) -> String {
    let id = object.get("id").text();
    match kind {
        "TRANSACTIONS" | "INVESTMENT_TRANSACTIONS" => match object.get("value_date") {
            Canonical::Null => format!("{kind}#{NO_DATE}#{id}"),
            date => format!("{kind}#{}#{id}", date.text()),
        },
        _ => format!("{kind}#{id}"),
    }
}

/// How what is stored of a link differs from what Belvo holds of it, but for the times of reading.
pub fn differences(belvo: &Canonical, records: &Records, external_id: &str) -> Vec<String> {
    let mut differences = Vec::new();
    for (kind, name) in RESOURCES {
        let mut expected = BTreeMap::new();
        for object in belvo.get(name).list() {
            let object = stored_form(kind, object.clone()).without_read_marks();
            expected.insert(key_of(kind, &object), object);
        }
        let prefix = format!("{kind}#");
        let stored = records.iter().filter(|(it, _)| it.starts_with(&prefix));
        for (record, item) in stored {
            let data = item["data"].clone().without_read_marks();
            match expected.remove(record) {
                // Belvo's own list never had it, and its other objects still hold it.
                None if item.contains_key("only_embedded") => {}
                None => differences.push(format!("{record} is stored, but Belvo does not have it")),
                Some(object) if object != data => {
                    differences.push(format!("{record} is {data:?} instead of {object:?}"));
                }
                Some(_) => {}
            }
            if item["external_id"].text() != external_id {
                differences.push(format!("{record} has another user"));
            }
        }
        let missing = expected.keys();
        differences.extend(missing.map(|record| format!("{record} is not stored")));
    }
    differences
}
