//! What the tables hold, and whether it is what Belvo holds.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use truth::{Canonical, key_of, records, stored_form};

pub use truth::{RESOURCES, Records};

use super::{User, World};

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
