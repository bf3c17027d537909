//! What the tables hold, and whether it is what Belvo holds.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{User, World};
use crate::canonical::Canonical;

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

impl World {
    /// Everything stored of a link.
    pub async fn records(&self, link_id: &str) -> Records {
        let endpoints = self.stack.endpoints();
        let tables = [&endpoints.link_table, &endpoints.resource_table];
        records(self.stack.dynamodb(), tables.map(String::as_str), link_id).await
    }

    /// The LINK record.
    pub async fn link(&self, link_id: &str) -> BTreeMap<String, Canonical> {
        self.records(link_id)
            .await
            .remove("LINK")
            .unwrap_or_default()
    }

    /// Changes a member of the LINK record.
    pub async fn set_on_link(&self, link_id: &str, path: &[&str], value: AttributeValue) {
        let names: Vec<String> = (0..path.len()).map(|n| format!("#n{n}")).collect();
        let mut update = self
            .stack
            .dynamodb()
            .update_item()
            .table_name(&self.stack.endpoints().link_table)
            .key("link_id", AttributeValue::S(link_id.to_owned()))
            .key("record", AttributeValue::S("LINK".to_owned()))
            .update_expression(format!("SET {} = :value", names.join(".")))
            .expression_attribute_values(":value", value);
        for (name, part) in names.iter().zip(path) {
            update = update.expression_attribute_names(name, *part);
        }
        update.send().await.unwrap();
    }

    /// The attempts of a user, by session.
    pub async fn attempts(&self, user: &User) -> BTreeMap<String, BTreeMap<String, Canonical>> {
        self.attempts_of(&user.external_id).await
    }

    pub async fn attempts_of(
        &self,
        external_id: &str,
    ) -> BTreeMap<String, BTreeMap<String, Canonical>> {
        let user = AttributeValue::S(external_id.to_owned());
        let answer = self
            .stack
            .dynamodb()
            .query()
            .table_name(&self.stack.endpoints().connection_table)
            .key_condition_expression("external_id = :user AND session_id < :end")
            .expression_attribute_values(":user", user)
            .expression_attribute_values(":end", AttributeValue::S("g".to_owned()))
            .send();
        let items = answer.await.unwrap().items.unwrap_or_default();
        let canonical = |item: &std::collections::HashMap<String, AttributeValue>| {
            let item = item
                .iter()
                .map(|(k, v)| (k.clone(), Canonical::from_attribute(v)));
            let item: BTreeMap<String, Canonical> = item.collect();
            (item["session_id"].text().to_owned(), item)
        };
        items.iter().map(canonical).collect()
    }

    /// Compares everything stored of a link with what Belvo holds, row by row, and gives how many
    /// rows there are of each resource.
    ///
    /// The times of reading are left out: a row in which nothing else changed is not rewritten.
    pub async fn assert_complete(&self, link_id: &str, external_id: &str) -> BTreeMap<&str, usize> {
        self.compare(link_id, external_id, Canonical::without_read_marks)
            .await
    }

    /// The same, to the last field: right after a first read.
    pub async fn assert_identical(
        &self,
        link_id: &str,
        external_id: &str,
    ) -> BTreeMap<&str, usize> {
        self.compare(link_id, external_id, |object| object).await
    }

    async fn compare(
        &self,
        link_id: &str,
        external_id: &str,
        form: fn(Canonical) -> Canonical,
    ) -> BTreeMap<&str, usize> {
        let truth =
            Canonical::from_json(&self.ask_sandbox(&format!("links/{link_id}/truth")).await);
        let records = self.records(link_id).await;
        let mut counts = BTreeMap::new();
        for (kind, name) in RESOURCES {
            let mut expected = BTreeMap::new();
            for object in truth.get(name).list() {
                let object = form(stored_form(kind, object.clone()));
                expected.insert(key_of(kind, &object), object);
            }
            let prefix = format!("{kind}#");
            let stored = records
                .iter()
                .filter(|(record, _)| record.starts_with(&prefix));
            let mut rows = 0;
            for (record, item) in stored {
                let object = expected.remove(record);
                assert_eq!(Some(form(item["data"].clone())), object, "{record}");
                let members: Vec<&str> = item.keys().map(String::as_str).collect();
                assert_eq!(members, ["data", "external_id", "record"], "{record}");
                let sort_key = format!("{link_id}#{record}");
                assert_eq!(item["record"].text(), sort_key);
                assert_eq!(item["external_id"].text(), external_id, "{record}");
                rows += 1;
            }
            assert!(expected.is_empty(), "{kind} lacks {:?}", expected.keys());
            counts.insert(kind, rows);
        }
        counts
    }
}

/// Everything stored of a link, in the tables of links and of rows; rows of whatever user.
pub async fn records(
    dynamodb: &aws_sdk_dynamodb::Client,
    [links, rows]: [&str; 2],
    link_id: &str,
) -> Records {
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
pub(crate) fn stored_form(kind: &str, object: Canonical) -> Canonical {
    match kind {
        "TRANSACTIONS" | "BILLS" => object.with_reference("account"),
        "INVESTMENT_TRANSACTIONS" => object.with_reference("investment"),
        _ => object,
    }
}

/// Where it is stored.
pub(crate) fn key_of(kind: &str, object: &Canonical) -> String {
    let id = object.get("id").text();
    match kind {
        "TRANSACTIONS" | "INVESTMENT_TRANSACTIONS" => {
            format!("{kind}#{}#{id}", object.get("value_date").text())
        }
        _ => format!("{kind}#{id}"),
    }
}
