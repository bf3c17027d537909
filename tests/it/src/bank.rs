//! A user whose bank is connected, and what can happen at that bank.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::world::{Connected, User, World};
use truth::Canonical;

/// A user whose bank is connected, and how to change what Belvo holds without a webhook.
pub struct Bank {
    pub world: World,
    pub user: User,
    pub connected: Connected,
}

/// Items: which table they are of, what its partition key is called, and what they hold.
pub type Backup = Vec<(
    String,
    &'static str,
    std::collections::HashMap<String, AttributeValue>,
)>;

impl Bank {
    pub async fn connected() -> Self {
        Self::connected_in(World::start().await).await
    }

    /// The same in a world that is prepared.
    pub async fn connected_in(world: World) -> Self {
        let user = world.individual().await;
        let connected = world.connected(&user).await;
        Self {
            world,
            user,
            connected,
        }
    }

    /// The same with wishes for the link.
    pub async fn connected_with(world: World, wishes: Value) -> Self {
        let user = world.individual().await;
        let minted = world.mint(&user).await;
        let connected = world.connect_with(&user, &minted, wishes).await;
        world.follow(&connected.redirect_url).await;
        world.settle().await;
        Self {
            world,
            user,
            connected,
        }
    }

    /// The same, but Belvo keeps all its webhooks back.
    pub async fn unheard() -> Self {
        let world = World::start().await;
        let held = json!({"webhooks": {"hold": true}});
        world.sandbox("faults", &held).await;
        let user = world.individual().await;
        let minted = world.mint(&user).await;
        let connected = world.connect(&user, &minted).await;
        world.stack.settle().await.unwrap();
        Self {
            world,
            user,
            connected,
        }
    }

    /// One webhook comes all the same: this resource is ready, and nothing more.
    pub async fn hear_of(&self, webhook_type: &str) {
        let body = json!({
            "webhook_type": webhook_type,
            "webhook_code": "historical_update",
            "link_id": self.link_id(),
        });
        self.world.post_webhook(&body).await;
        self.world.stack.settle().await.unwrap();
    }

    pub fn link_id(&self) -> &str {
        &self.connected.link_id
    }

    pub async fn link(&self) -> BTreeMap<String, Canonical> {
        self.world.link(self.link_id()).await
    }

    pub async fn control(&self, path: &str, body: &Value) -> Value {
        let path = format!("links/{}/{path}", self.link_id());
        self.world.sandbox(&path, body).await
    }

    pub async fn truth(&self) -> Value {
        let path = format!("links/{}/truth", self.link_id());
        serde_json::from_str(&self.world.ask_sandbox(&path).await).unwrap()
    }

    /// Ids of transactions, the earliest `value_date` first.
    pub async fn by_date(&self) -> Vec<String> {
        let truth = self.truth().await;
        let mut rows: Vec<&Value> = truth["transactions"].as_array().unwrap().iter().collect();
        rows.sort_by_key(|row| row["value_date"].as_str());
        let ids = rows
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned());
        ids.collect()
    }

    /// Belvo announces news of a resource.
    pub async fn announce(&self, webhook_type: &str, code: &str, data: Value) {
        let body = json!({
            "webhook_id": "aadf41a1fc8e4f79a49f7f04027ac999",
            "webhook_type": webhook_type,
            "webhook_code": code,
            "link_id": self.link_id(),
            "external_id": self.user.external_id,
            "data": data,
        });
        self.control("webhook", &body).await;
        self.world.settle().await;
    }

    pub async fn news(&self) {
        self.announce("TRANSACTIONS", "new_transactions_available", json!({}))
            .await;
    }

    pub async fn all_news(&self) {
        self.announce("TRANSACTIONS", "historical_update", json!({}))
            .await;
    }

    /// Bills are sums of transactions; when old ones change, so do bills.
    pub async fn news_of_bills(&self) {
        self.announce("BILLS", "historical_update", json!({})).await;
    }

    pub async fn faults(&self, faults: &Value) {
        self.world.sandbox("faults", faults).await;
    }

    pub async fn assert_complete(&self) {
        self.world
            .assert_complete(self.link_id(), &self.user.external_id)
            .await;
    }

    /// What is stored of a resource.
    pub async fn stored(&self, kind: &str) -> BTreeSet<String> {
        let records = self.world.records(self.link_id()).await;
        let prefix = format!("{kind}#");
        let keys = records.into_keys().filter(|key| key.starts_with(&prefix));
        keys.collect()
    }

    pub async fn requests(&self) -> Vec<String> {
        let requests: Value =
            serde_json::from_str(&self.world.ask_sandbox("requests").await).unwrap();
        let requests = requests.as_array().unwrap().iter();
        let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
        requests
            .map(|it| format!("{}?{}", text(it, "path"), text(it, "query")))
            .collect()
    }

    pub async fn forget_requests(&self) {
        let url = format!(
            "{}/_sandbox/requests",
            self.world.stack.endpoints().belvo_url
        );
        self.world.http.delete(url).send().await.unwrap();
    }

    /// The day at Belvo.
    pub async fn today(&self) -> String {
        let clock: Value = serde_json::from_str(&self.world.ask_sandbox("clock").await).unwrap();
        clock["now"].as_str().unwrap()[..10].to_owned()
    }

    /// Everything that is stored of the link and of its user's rows, as backups have it.
    pub async fn items(&self) -> Backup {
        let endpoints = self.world.stack.endpoints();
        let mut backup = Backup::new();
        for (table, key, value) in [
            (&endpoints.link_table, "link_id", self.link_id()),
            (
                &endpoints.resource_table,
                "external_id",
                self.user.external_id.as_str(),
            ),
        ] {
            let query = self
                .world
                .stack
                .dynamodb()
                .query()
                .table_name(table)
                .key_condition_expression(format!("{key} = :value"))
                .expression_attribute_values(":value", AttributeValue::S(value.to_owned()));
            let mut items = query.into_paginator().items().send();
            while let Some(item) = items.next().await {
                backup.push((table.clone(), key, item.unwrap()));
            }
        }
        backup
    }

    /// Puts a backup in the place of what is stored of the link and of its user's rows.
    pub async fn restore(&self, backup: Backup) {
        for (table, partition, item) in self.items().await {
            let delete = self.world.stack.dynamodb().delete_item().table_name(table);
            let keys = [partition, "record"].into_iter();
            let delete = keys.fold(delete, |it, name| it.key(name, item[name].clone()));
            delete.send().await.unwrap();
        }
        for (table, _, item) in backup {
            let put = self.world.stack.dynamodb().put_item().table_name(table);
            put.set_item(Some(item)).send().await.unwrap();
        }
    }

    /// Loses the LINK record, as no job does.
    pub async fn lose_link(&self) {
        let delete = self.world.stack.dynamodb().delete_item();
        delete
            .table_name(&self.world.stack.endpoints().link_table)
            .key("link_id", AttributeValue::S(self.link_id().to_owned()))
            .key("record", AttributeValue::S("LINK".to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// Puts something onto LINK that only time or another release could have written.
    pub async fn set_on_link(&self, path: &[&str], value: AttributeValue) {
        self.world.set_on_link(self.link_id(), path, value).await;
    }
}
