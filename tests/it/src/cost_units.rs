//! The units that DynamoDB and SQS bill for the most frequent operations. OPERATIONS.md has these
//! numbers, and `cargo run -p it --bin cost` has their prices.

use std::collections::BTreeMap;

use local_stack::{Used, What};
use serde_json::{Value, json};

use crate::world::{Connected, User, World};

/// LINK of a bank with six synced resources has some three kilobytes, and may have four.
const LINK: u64 = 4;
/// The four accounts of the simulated bank have some five kilobytes, and one query reads them.
const ACCOUNTS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_without_news_costs_two_writes_of_link_and_one_of_the_webhook_log() {
    let (world, _, connected) = connected().await;
    let before = world.stack.used();
    let webhook = json!({
        "webhook_type": "ACCOUNTS", "webhook_code": "new_accounts_available",
        "link_id": connected.link_id, "external_id": null, "data": {"new_accounts": 0},
    });
    world.post_webhook(&webhook).await;
    world.settle().await;
    let used = since(&before, &world.stack.used());
    let written = billed(&used, What::HalfWriteUnits);
    let places: Vec<&str> = written.keys().copied().collect();
    assert_eq!(places, ["LinkTable"], "no index changes, and no row");
    let units = written["LinkTable"] / 2;
    assert!((3..=2 * LINK + 1).contains(&units), "{units}");
    // The stored accounts, for the comparison with Belvo's.
    assert_eq!(
        billed(&used, What::HalfReadUnits),
        [("ResourceTable", 2 * ACCOUNTS)].into()
    );
    // One to queue the job; Lambda needs one to receive it, and one to delete it.
    assert_eq!(
        billed(&used, What::QueueRequests),
        [("FetchQueue.fifo", 3)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_writes_nothing_and_an_unchanged_page_costs_one_read_of_link() {
    let (world, user, connected) = connected().await;
    let page = format!("/links/{}/transactions", connected.link_id);
    // Reads the key that signs its cursors.
    world.get(&user, &page).await;
    let before = world.stack.used();
    assert_eq!(world.get(&user, "/links").await.status(), 200);
    let answer = world.get(&user, &page).await;
    let first = since(&before, &world.stack.used());
    assert!(billed(&first, What::HalfWriteUnits).is_empty());
    assert!(billed(&first, What::QueueRequests).is_empty());

    let before = world.stack.used();
    let etag = answer.headers()["etag"].to_str().unwrap();
    let known = [("if-none-match", etag)];
    assert_eq!(world.get_with(&user, &page, &known).await.status(), 304);
    let again = since(&before, &world.stack.used());
    assert_eq!(
        billed(&again, What::HalfReadUnits),
        [("LinkTable", 2)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_without_due_links_costs_four_read_units() {
    let (world, ..) = connected().await;
    let before = world.stack.used();
    let due = json!({"sweep": "due"});
    let report: Value = world.stack.invoke("sweeper", due).await.unwrap();
    assert_eq!(report, json!({"due": 0, "enqueued": 0}));
    let used = since(&before, &world.stack.used());
    let read = billed(&used, What::HalfReadUnits);
    assert_eq!(read, [("LinkTable/index/by_due", 8)].into());
    assert!(billed(&used, What::HalfWriteUnits).is_empty());
    assert!(billed(&used, What::QueueRequests).is_empty());
}

async fn connected() -> (World, User, Connected) {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    (world, user, connected)
}

fn since(before: &Used, now: &Used) -> Used {
    let mut used = now.clone();
    for (of, amount) in before {
        used.entry(of.clone()).and_modify(|it| *it -= amount);
    }
    used.retain(|_, amount| *amount > 0);
    used
}

/// The units, by table, index or queue.
fn billed(used: &Used, what: What) -> BTreeMap<&str, u64> {
    let mut billed = BTreeMap::new();
    for (it, amount) in used.iter().filter(|(it, _)| it.what == what) {
        *billed.entry(it.of.as_str()).or_default() += amount;
    }
    billed
}
