//! Jobs that come back, or were never sent, and links that have nothing in common: none waits for
//! another.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bank::Bank;
use crate::erasing::receipt;
use crate::world::{World, failures, record};

/// Far more than any wait here takes.
const LIMIT: Duration = Duration::from_secs(120);

/// Waits until the log says what is waited for.
async fn logged(world: &World, what: &str, is_there: impl Fn(&[String]) -> bool) {
    let found = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while !is_there(&world.stack.logs()) {
            looks.tick().await;
        }
    };
    let found = tokio::time::timeout(LIMIT, found).await;
    assert!(found.is_ok(), "{what} is not logged");
}

/// How many jobs of this link are done.
fn done(logs: &[String], link_id: &str) -> usize {
    let done = logs.iter().filter(|it| it.contains("job done"));
    done.filter(|it| it.contains(link_id)).count()
}

fn webhook(link_id: &str, kind: &str) -> Value {
    json!({"webhook_type": kind, "webhook_code": "historical_update", "link_id": link_id})
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_read_soon_after_an_outage_of_the_tables() {
    let bank = Bank::connected().await;
    let (world, link_id) = (&bank.world, bank.link_id());
    bank.control("changes", &json!({"add": 3, "webhooks": false}))
        .await;
    world.stack.fail_tables(true);
    world.post_webhook(&webhook(link_id, "TRANSACTIONS")).await;
    let failed = |logs: &[String]| logs.iter().any(|it| it.contains("job failed"));
    logged(world, "the failed job", failed).await;
    // These come behind it.
    for kind in ["TRANSACTIONS", "ACCOUNTS"] {
        world.post_webhook(&webhook(link_id, kind)).await;
    }
    world.stack.fail_tables(false);
    world.stack.settle().await.unwrap();
    bank.assert_complete().await;
}

/// A slow link is in one batch with others if batches hold several links, because all of them have
/// come while both fetchers were busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_holds_up_no_other() {
    let world = World::with(&[("FetcherConcurrency", "2")]).await;
    let user = world.individual().await;
    let mut links = Vec::new();
    for _ in 0..6 {
        links.push(world.connected(&user).await.link_id);
    }
    let [busy, also_busy, slow, quick @ ..] = links.as_slice() else {
        panic!("six links are connected");
    };
    let slowly = json!({"path": "/api/bills/", "latency_ms": 8_000});
    world.sandbox("faults", &slowly).await;
    for link_id in [busy, also_busy] {
        world.post_webhook(&webhook(link_id, "BILLS")).await;
    }
    in_flight(&world, 2).await;
    let before = world.stack.logs();
    world.post_webhook(&webhook(slow, "BILLS")).await;
    for round in 1..=2 {
        for link_id in quick {
            world.post_webhook(&webhook(link_id, "OWNERS")).await;
        }
        for link_id in quick {
            let least = done(&before, link_id) + round;
            logged(&world, "a quick job", |logs| done(logs, link_id) >= least).await;
        }
    }
    let after = world.stack.logs();
    assert_eq!(
        done(&after, slow),
        done(&before, slow),
        "they waited for it"
    );
}

/// Waits until so many jobs are with the fetchers.
async fn in_flight(world: &World, jobs: usize) {
    let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let found = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        loop {
            let asked = world.stack.sqs().get_queue_attributes();
            let asked = asked.queue_url(&world.stack.endpoints().queue_url);
            let answer = asked.attribute_names(name.clone()).send().await.unwrap();
            if answer.attributes().unwrap()[&name] == jobs.to_string() {
                return;
            }
            looks.tick().await;
        }
    };
    tokio::time::timeout(LIMIT, found).await.unwrap();
}

/// A job as a later release may send it.
async fn send_unknown(world: &World, link_id: &str) {
    let sqs: &Client = world.stack.sqs();
    let sent = sqs
        .send_message()
        .queue_url(&world.stack.endpoints().queue_url)
        .message_group_id(link_id)
        .message_deduplication_id(Uuid::new_v4().to_string())
        .message_body(json!({"job": "of_a_later_release.v9", "link_id": link_id}).to_string());
    sent.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_an_unknown_kind_holds_up_no_other_of_its_link() {
    let bank = Bank::connected().await;
    let (world, link_id) = (&bank.world, bank.link_id());
    send_unknown(world, link_id).await;
    let unreadable = |logs: &[String]| logs.iter().any(|it| it.contains("a job cannot be read"));
    logged(world, "the unreadable job", unreadable).await;
    let before = done(&world.stack.logs(), link_id);
    for round in 1..=2 {
        world.post_webhook(&webhook(link_id, "OWNERS")).await;
        let more = |logs: &[String]| done(logs, link_id) >= before + round;
        logged(world, "the job behind it", more).await;
    }
}

/// The release that knows the job finds it among those that were set apart. It must not run there,
/// beside the jobs of its link.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_set_apart_returns_to_its_link_once_it_can_be_read() {
    let bank = Bank::connected().await;
    let (world, link_id) = (&bank.world, bank.link_id());
    bank.control("changes", &json!({"add": 3, "webhooks": false}))
        .await;
    let job = json!({
        "job": "webhook_received.v1",
        "link_id": link_id,
        "event": {"link_id": link_id, "event": "historical_update", "resource": "TRANSACTIONS"},
    });
    let before = done(&world.stack.logs(), link_id);
    // The second is the same message once more.
    for _ in 0..2 {
        let batch = json!({"Records": [record("m", "unreadable-m", &job)]});
        let answer = world.stack.invoke("fetcher", batch).await.unwrap();
        assert!(failures(&answer).is_empty());
    }
    world.settle().await;
    let more = |logs: &[String]| done(logs, link_id) > before;
    logged(world, "the job of the link", more).await;
    assert_eq!(done(&world.stack.logs(), link_id), before + 1);
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_whose_job_was_not_queued_is_found_by_the_next_sweep() {
    let bank = Bank::connected().await;
    let (world, link_id) = (&bank.world, bank.link_id());
    let path = format!("/links/{link_id}");
    world.stack.fail_queue(true);
    // Nothing else would know of it, so nothing is written.
    assert_eq!(world.delete(&bank.user, "/me").await.status(), 503);
    assert_eq!(world.get(&bank.user, &path).await.status(), 200);

    assert_eq!(world.delete(&bank.user, &path).await.status(), 503);
    assert_eq!(world.get(&bank.user, &path).await.status(), 404);
    let mark = &world.link(link_id).await["erase"];
    let asked = json!({"receipt_id": mark.get("receipt_id").text()});
    world.stack.fail_queue(false);
    let sweep = world.stack.invoke("sweeper", json!({"sweep": "due"}));
    assert_eq!(sweep.await.unwrap()["enqueued"], 1);
    world.settle().await;
    let records = world.records(link_id).await;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["TOMBSTONE"]);
    assert_eq!(receipt(world, &bank.user, &asked).await["status"], "purged");
}
