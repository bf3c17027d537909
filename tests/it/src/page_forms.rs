//! `count` and `next` of pages in other forms than documented: what counts are the rows that came.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;

/// Texts that become others in all lists.
fn rewritten(texts: &[(&str, &str)]) -> Value {
    let rewrite = |(from, to): &(&str, &str)| json!({"path": "/api/", "from": from, "to": to});
    let rewrites: Vec<Value> = texts.iter().map(rewrite).collect();
    json!({ "rewrite": rewrites })
}

async fn reads_everything(faults: &Value) {
    let world = World::with(&[("BelvoRequestsPer30Seconds", "10000")]).await;
    world.sandbox("faults", faults).await;
    let bank = Bank::connected_in(world).await;
    let user = &bank.user.external_id;
    bank.world.assert_identical(bank.link_id(), user).await;
    bank.assert_ready(faults).await;

    let changes = json!({"add": 7, "update": 6, "delete": 5});
    bank.control("changes", &changes).await;
    bank.world.settle().await;
    bank.assert_complete().await;
    bank.assert_ready(faults).await;
    let requests = bank.requests().await.len();
    assert!(requests < 200, "{faults}: {requests}");
}

impl Bank {
    async fn assert_ready(&self, when: &Value) {
        let path = format!("/links/{}", self.link_id());
        let link = self.world.get(&self.user, &path).await;
        let link: Value = link.json().await.unwrap();
        assert_eq!(link["status"], "ready", "{when}");
        for (name, resource) in link["resources"].as_object().unwrap() {
            assert_eq!(resource["state"], "ready", "{when}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_may_be_a_text_or_absent() {
    let texts = [
        (r#"{"count":"#, r#"{"count":""#),
        (r#","next":"#, r#"","next":"#),
    ];
    reads_everything(&rewritten(&texts)).await;
    reads_everything(&rewritten(&[(r#"{"count":"#, r#"{"counted":"#)])).await;
    reads_everything(&rewritten(&[(r#"{"count":"#, r#"{"count":null,"was":"#)])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn next_may_be_anything() {
    // Absent, a number, a relative address, and false although there is more.
    for next in [
        r#""onward":"#,
        r#""next":7,"was":"#,
        r#""next":"?page=2","was":"#,
        r#""next":false,"was":"#,
    ] {
        reads_everything(&rewritten(&[(r#""next":"#, next)])).await;
    }
    let elsewhere = json!({"next_circle": {"every": 2}, "next_elsewhere": true});
    reads_everything(&elsewhere).await;
    reads_everything(&json!({"next_circle": true})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_have_neither_count_nor_next() {
    let texts = [
        (r#"{"count":"#, r#"{"counted":"#),
        (r#""next":"#, r#""onward":"#),
    ];
    reads_everything(&rewritten(&texts)).await;
}
