//! What DynamoDB and SQS bill for what happens most often, in units. OPERATIONS.md says these
//! numbers, and `cargo run -p it --bin cost` what they come to.

use std::collections::BTreeMap;

use local_stack::{Used, What};
use serde_json::{Value, json};

use crate::world::{Connected, User, World};

/// LINK of a bank whose six resources are read has some three kilobytes, and may have four.
const LINK: u64 = 4;
/// The four accounts of the simulated bank have some five kilobytes, and are read with one query.
const ACCOUNTS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_brings_nothing_new_costs_two_writes_of_link_and_one_of_the_journal() {
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
    assert_eq!(places, ["ResourceTable"], "no index changes");
    let units = written["ResourceTable"] / 2;
    assert!((3..=2 * LINK + 1).contains(&units), "{units}");
    // The accounts that are stored, to compare them with Belvo's.
    assert_eq!(
        billed(&used, What::HalfReadUnits),
        [("ResourceTable", 2 * ACCOUNTS)].into()
    );
    // One to queue the job; Lambda needs one to take it off, and one to delete it.
    assert_eq!(
        billed(&used, What::QueueRequests),
        [("FetchQueue.fifo", 3)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_writes_nothing_and_a_page_that_is_known_costs_a_look_at_link() {
    let (world, user, connected) = connected().await;
    let page = format!("/links/{}/transactions", connected.link_id);
    // Reads the key its cursors are signed with.
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
        [("ResourceTable", 2)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_in_which_nothing_is_due_costs_four_read_units() {
    let (world, ..) = connected().await;
    let before = world.stack.used();
    let due = json!({"sweep": "due"});
    let report: Value = world.stack.invoke("sweeper", due).await.unwrap();
    assert_eq!(report, json!({"due": 0, "enqueued": 0}));
    let used = since(&before, &world.stack.used());
    let read = billed(&used, What::HalfReadUnits);
    assert_eq!(read, [("ResourceTable/index/by_due", 8)].into());
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

/// How much of a thing, by table, index or queue.
fn billed(used: &Used, what: What) -> BTreeMap<&str, u64> {
    let mut billed = BTreeMap::new();
    for (it, amount) in used.iter().filter(|(it, _)| it.what == what) {
        *billed.entry(it.of.as_str()).or_default() += amount;
    }
    billed
}
