//! What other services are told of links: each change once, and nothing about a person.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::pipe::Pipe;
use crate::world::World;

/// A bank that is connected, and the events of that.
async fn connected() -> (Bank, Vec<Value>) {
    let world = World::start().await;
    world.stream().await;
    let bank = Bank::connected_in(world).await;
    let events = bank.events().await;
    (bank, events)
}

impl Bank {
    /// Every event since the stream was switched on, checked to be what is documented.
    async fn events(&self) -> Vec<Value> {
        let written = self.world.written().await;
        let events = Pipe::of_the_template().events(&written);
        for event in &events {
            assert_eq!(
                *event,
                json!({
                    "source": "belvo-open-finance",
                    "detail-type": event["detail-type"],
                    "detail": {
                        "version": 1,
                        "change_id": event["detail"]["change_id"],
                        "link_id": self.link_id(),
                        "external_id": self.user.external_id,
                        "occurred_at": event["detail"]["occurred_at"],
                        "unavailable": "",
                    }
                })
            );
            let at = event["detail"]["occurred_at"].as_str().unwrap();
            let at: jiff::Timestamp = at.parse().unwrap();
            assert!(at <= jiff::Timestamp::now());
        }
        let ids = events.iter().map(|it| it["detail"]["change_id"].as_str());
        let different: std::collections::BTreeSet<_> = ids.collect();
        assert_eq!(different.len(), events.len(), "{events:?}");
        events
    }

    /// The events' names.
    pub async fn told(&self) -> Vec<String> {
        names(&self.events().await)
    }
}

fn names(events: &[Value]) -> Vec<String> {
    let name = |event: &Value| event["detail-type"].as_str().unwrap().to_owned();
    events.iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_bank_is_told_of_once_however_many_rows_it_has() {
    let (bank, events) = connected().await;
    assert!(bank.stored("TRANSACTIONS").await.len() > 2000);
    assert_eq!(names(&events), ["transactions.changed", "link.ready"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_carries_records_of_links_and_no_rows() {
    let (bank, _) = connected().await;
    for write in bank.world.written().await {
        let item = &write["dynamodb"]["NewImage"];
        let record = item["record"]["S"].as_str().unwrap();
        let kind = record.split('#').next().unwrap();
        assert!(["LINK", "CONSENT", "EVENT"].contains(&kind), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_changes_something_is_told_of_and_one_that_does_not_is_not() {
    let (bank, before) = connected().await;
    bank.news().await;
    assert_eq!(bank.told().await.len(), before.len(), "nothing is new");
    assert!(!bank.link().await.contains_key("change"));

    bank.control(
        "changes",
        &json!({"add": 5, "update": 4, "delete": 3, "webhooks": false}),
    )
    .await;
    bank.all_news().await;
    assert_eq!(bank.told().await[before.len()..], ["transactions.changed"]);
    let told = bank.link().await["change"].clone();
    assert_eq!(told.get("type").text(), "transactions.changed");

    bank.news().await;
    assert!(!bank.link().await.contains_key("change"));
    assert_eq!(bank.told().await.len(), before.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_only_vanishes_is_a_change_too() {
    let (bank, before) = connected().await;
    let old = bank.by_date().await[0].clone();
    bank.control("changes", &json!({"delete": [old], "webhooks": false}))
        .await;
    bank.all_news().await;
    assert_eq!(bank.told().await[before.len()..], ["transactions.changed"]);
}

/// The job died between its rows and LINK; the next one finds the rows in their places.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_job_has_changed_is_told_by_the_next_that_reads() {
    let (bank, before) = connected().await;
    // A job with nothing to tell takes what was told off LINK; a test that writes would repeat it.
    bank.news().await;
    let older = AttributeValue::N("0".to_owned());
    bank.set_on_link(&["saved_token"], older).await;
    bank.announce(
        "CONSENT",
        "openfinance_consent_expiration_date_updated",
        json!({}),
    )
    .await;
    assert_eq!(bank.told().await.len(), before.len(), "nothing was read");
    bank.news().await;
    assert_eq!(bank.told().await[before.len()..], ["transactions.changed"]);
    bank.news().await;
    assert_eq!(bank.told().await.len(), before.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_a_consent_is_told_of_once() {
    let (bank, before) = connected().await;
    let in_days = |days: i64| {
        let hours = jiff::SignedDuration::from_hours(24 * days);
        (jiff::Timestamp::now() + hours).to_string()
    };
    let ends = async |days: i64| {
        bank.control("consent", &json!({"expired_at": in_days(days)}))
            .await;
        bank.world.settle().await;
        bank.told().await.split_off(before.len())
    };
    assert_eq!(ends(8).await, Vec::<String>::new());
    assert_eq!(ends(6).await, ["consent.expiring"]);
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.told().await.len(), before.len() + 1, "the same end");

    bank.control("consent", &json!({"expire": true})).await;
    bank.world.settle().await;
    let ended = bank.told().await;
    assert_eq!(ended.last().unwrap(), "consent.expiring", "it ended early");
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.told().await, ended);

    let logs = bank.world.stack.logs();
    let counted = |metric: &str| {
        let count = format!("\"{metric}\":1");
        let lines = logs.iter().filter(|line| line.contains(&count));
        let lines = lines.filter(|line| line.contains("\"BelvoOpenFinance/sandbox\""));
        lines.count()
    };
    assert_eq!(counted("ConsentExpiring"), 2, "once for each end");
    assert_eq!(counted("ConsentLapsed"), 2, "with each look at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_told_of_once_and_nothing_after_it() {
    let (bank, before) = connected().await;
    let path = format!("/links/{}", bank.link_id());
    assert_eq!(bank.world.delete(&bank.user, &path).await.status(), 202);
    bank.world.settle().await;
    assert_eq!(bank.told().await[before.len()..], ["link.erased"]);
    let tombstone = bank.world.records(bank.link_id()).await["TOMBSTONE"].clone();
    assert_eq!(tombstone["change"].get("type").text(), "link.erased");

    bank.world.let_time_pass(bank.link_id()).await;
    bank.news().await;
    assert_eq!(bank.told().await.len(), before.len() + 1);
}

/// No event tells of a link of another account holder.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_link_that_is_not_read() {
    let world = World::start().await;
    world.stream().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let stranger = json!({"owner": crate::world::OTHER_CPF});
    let connected = world.connect_with(&user, &minted, stranger).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "quarantined");
    let written = world.written().await;
    assert_eq!(
        Pipe::of_the_template().events(&written),
        Vec::<Value>::new()
    );
}
