//! What the tables hold, as a test reads it: nothing of it fails or is late.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use truth::{Canonical, Records};

use crate::sides::aws::{CONNECTION_TABLE, LINK_TABLE, RESOURCE_TABLE};

/// A record.
pub type Item = BTreeMap<String, Canonical>;

/// A part of the tables, or all of them.
#[derive(Default)]
pub struct Tables {
    /// The records of each link by their sort key, without rows.
    links: BTreeMap<String, Records>,
    /// The rows of each link.
    rows: BTreeMap<String, Vec<Row>>,
    /// The records of each user, and those that are nobody's, by their sort key.
    connections: BTreeMap<String, BTreeMap<String, Canonical>>,
}

/// An object of a bank.
pub struct Row {
    pub user: String,
    pub link_id: String,
    pub kind: String,
    pub id: String,
    /// The sort key without the link.
    key: String,
    item: Item,
}

impl Tables {
    /// Everything.
    pub async fn all(client: &Client) -> Self {
        let mut tables = Self::default();
        for table in [LINK_TABLE, CONNECTION_TABLE, RESOURCE_TABLE] {
            let scan = client.scan().table_name(table).consistent_read(true);
            let mut items = scan.into_paginator().items().send();
            while let Some(item) = items.next().await {
                tables.insert(table, item.unwrap());
            }
        }
        tables
    }

    /// Everything of these users, and of these links without their rows.
    pub async fn of(client: &Client, users: &BTreeSet<String>, links: &BTreeSet<String>) -> Self {
        let mut tables = Self::default();
        for (table, key, values) in [
            (LINK_TABLE, "link_id", links),
            (CONNECTION_TABLE, "external_id", users),
            (RESOURCE_TABLE, "external_id", users),
        ] {
            for value in values {
                let query = client.query().table_name(table).consistent_read(true);
                let query = query
                    .key_condition_expression("#key = :value")
                    .expression_attribute_names("#key", key)
                    .expression_attribute_values(":value", AttributeValue::S(value.clone()));
                let mut items = query.into_paginator().items().send();
                while let Some(item) = items.next().await {
                    tables.insert(table, item.unwrap());
                }
            }
        }
        tables
    }

    fn insert(&mut self, table: &str, item: std::collections::HashMap<String, AttributeValue>) {
        let members = item.into_iter();
        // The hash beside an object says nothing else than the object.
        let members = members.filter(|(name, _)| name != "hash");
        let item: Item = members
            .map(|(name, it)| (name, Canonical::from_attribute(&it)))
            .collect();
        let text = |name: &str| item[name].text().to_owned();
        match table {
            LINK_TABLE => {
                let records = self.links.entry(text("link_id")).or_default();
                records.insert(text("record"), item);
            }
            CONNECTION_TABLE => {
                let records = self.connections.entry(text("external_id")).or_default();
                records.insert(text("session_id"), Canonical::Map(item));
            }
            _ => {
                let row = Row::new(item);
                self.rows.entry(row.link_id.clone()).or_default().push(row);
            }
        }
    }

    /// The links of which there is anything but rows.
    pub fn link_ids(&self) -> impl Iterator<Item = &String> {
        self.links.keys()
    }

    /// The records of this name, with their links.
    pub fn links<'a>(&'a self, record: &'a str) -> impl Iterator<Item = (&'a String, &'a Item)> {
        let links = self.links.iter();
        links.filter_map(move |(id, records)| Some((id, records.get(record)?)))
    }

    /// A record of a link.
    pub fn link(&self, link_id: &str, record: &str) -> Option<&Item> {
        self.links.get(link_id)?.get(record)
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().flatten()
    }

    /// Every record with its user and its key.
    pub fn connections(&self) -> impl Iterator<Item = (&String, &String, &Canonical)> {
        let users = self.connections.iter();
        users.flat_map(|(user, it)| it.iter().map(move |(key, item)| (user, key, item)))
    }

    /// The records of a user by their keys.
    pub fn connections_of(&self, user: &str) -> BTreeMap<String, Canonical> {
        self.connections.get(user).cloned().unwrap_or_default()
    }

    /// The records of links, without rows.
    pub fn of_links(&self) -> impl Iterator<Item = &Item> {
        self.links.values().flat_map(BTreeMap::values)
    }

    /// Everything of a link: items by their sort key, of rows without the link.
    ///
    /// # Panics
    /// If a row lies under two users.
    pub fn records(&self, link_id: &str) -> Records {
        let mut records = self.links.get(link_id).cloned().unwrap_or_default();
        for row in self.rows.get(link_id).into_iter().flatten() {
            let former = records.insert(row.key.clone(), row.item.clone());
            assert!(former.is_none(), "{} lies under two users", row.key);
        }
        records
    }
}

impl Row {
    fn new(item: Item) -> Self {
        let record = item["record"].text();
        let (link_id, key) = record.split_once('#').unwrap();
        let mut parts = key.split('#');
        Self {
            user: item["external_id"].text().to_owned(),
            link_id: link_id.to_owned(),
            kind: parts.next().unwrap().to_owned(),
            id: parts.next_back().unwrap().to_owned(),
            key: key.to_owned(),
            item,
        }
    }
}
