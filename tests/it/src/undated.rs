//! Movements without a date: a bank has announced them, and has not booked them yet.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::links::all;
use crate::world::{Connected, User, World};
use truth::Canonical;

/// A bank with few movements, two of which are pending and have no date yet.
async fn with_pending() -> (Bank, Vec<String>) {
    let world = World::start().await;
    let bank = Bank::connected_with(world, json!({"transactions": 8})).await;
    let ids = bank.by_date().await;
    let pending = vec![ids[1].clone(), ids[4].clone()];
    let today = bank.today().await;
    let mut rows: Vec<Value> = ids
        .iter()
        .filter(|id| !pending.contains(id))
        .map(|id| json!({"id": id, "value_date": today}))
        .collect();
    let undated = |id: &String| json!({"id": id, "value_date": null, "status": "PENDING"});
    rows.extend(pending.iter().map(undated));
    let changes = json!({"update": rows, "webhooks": false});
    bank.control("changes", &changes).await;
    bank.all_news().await;
    (bank, pending)
}

/// The ids of a list, page after page.
async fn ids(bank: &Bank, path: &str, limit: usize) -> Vec<String> {
    let rows = all(&bank.world, &bank.user, path, limit).await;
    let ids = rows
        .iter()
        .map(|row: &Canonical| row.get("id").text().to_owned());
    ids.collect()
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut sorted = ids.to_vec();
    sorted.sort();
    sorted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_movement_without_a_date_comes_first_and_is_of_today() {
    let (bank, pending) = with_pending().await;
    let today: jiff::civil::Date = bank.today().await.parse().unwrap();
    let (yesterday, tomorrow) = (today.yesterday().unwrap(), today.tomorrow().unwrap());
    let link = format!("/links/{}/transactions", bank.link_id());
    for path in [link.as_str(), "/transactions"] {
        for limit in [1, 2, 3, 8, 100] {
            let everything = ids(&bank, path, limit).await;
            assert_eq!(everything.len(), 8, "{path} by {limit}");
            assert_eq!(
                sorted(&everything[..2]),
                sorted(&pending),
                "{path} by {limit}"
            );
            let month = format!("{path}?from={}", today.first_of_month());
            assert_eq!(ids(&bank, &month, limit).await, everything, "{month}");
            let until = format!("{path}?from={yesterday}&to={tomorrow}");
            assert_eq!(ids(&bank, &until, limit).await, everything, "{until}");
        }
        let before = format!("{path}?to={}", yesterday.yesterday().unwrap());
        assert_eq!(ids(&bank, &before, 100).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_movements_of_several_banks_come_first_together() {
    let (bank, pending) = with_pending().await;
    let (world, user): (&World, &User) = (&bank.world, &bank.user);
    let minted = world.mint(user).await;
    let few = json!({"transactions": 5, "institution": "ofcontaviva_br_retail"});
    let second: Connected = world.connect_with(user, &minted, few).await;
    world.follow(&second.redirect_url).await;
    world.settle().await;
    for limit in [1, 4, 100] {
        let everything = ids(&bank, "/transactions", limit).await;
        assert_eq!(everything.len(), 13, "{limit}");
        assert_eq!(sorted(&everything[..2]), sorted(&pending), "{limit}");
    }
}
