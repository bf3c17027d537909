//! What is left when a user has something erased: nothing but a receipt.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::links::body;
use crate::world::{Connected, User, World, failures, record};
use truth::Canonical;

/// What kinds of items of all tables hold a text.
async fn remains(world: &World, text: &str) -> Vec<String> {
    let endpoints = world.stack.endpoints();
    let mut found = BTreeSet::new();
    for table in [
        &endpoints.link_table,
        &endpoints.resource_table,
        &endpoints.connection_table,
    ] {
        let scan = world.stack.dynamodb().scan().table_name(table);
        let mut items = scan.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            if format!("{item:?}").contains(text) {
                let key = |name: &str| match item.get(name) {
                    Some(AttributeValue::S(text)) => Some(text.clone()),
                    _ => None,
                };
                let month = key("external_id").filter(|it| it.starts_with("ERASED#"));
                let key = month
                    .or_else(|| key("record"))
                    .or_else(|| key("session_id"));
                found.insert(key.unwrap().split('#').next().unwrap().to_owned());
            }
        }
    }
    found.into_iter().collect()
}

/// The links Belvo holds.
pub async fn links_at_belvo(world: &World) -> Vec<Value> {
    let links: Value = serde_json::from_str(&world.ask_sandbox("links").await).unwrap();
    links.as_array().unwrap().clone()
}

/// What a receipt says by now.
pub async fn receipt(world: &World, user: &User, asked: &Value) -> Value {
    let id = asked["receipt_id"].as_str().unwrap();
    let answer = world.get(user, &format!("/receipts/{id}")).await;
    assert_eq!(answer.status(), 200);
    body(answer).await
}

/// Asks for an erasure; gives the receipt as it is at first.
pub async fn erase(world: &World, user: &User, path: &str) -> Value {
    let answer = world.delete(user, path).await;
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let asked = body(answer).await;
    let id = asked["receipt_id"].as_str().unwrap();
    assert_eq!(location, format!("/receipts/{id}"));
    assert_eq!(asked["status"], "requested");
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_link_is_gone_here_at_once_and_at_belvo() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let path = format!("/links/{}", bank.link_id());
    let rows = body(world.get(user, &path).await).await["resources"].clone();

    let asked = erase(world, user, &path).await;
    // Whatever the job is doing, nothing is shown any more.
    for path in [path.clone(), format!("{path}/accounts")] {
        assert_eq!(world.get(user, &path).await.status(), 404, "{path}");
    }
    let overview = body(world.get(user, "/links").await).await;
    assert_eq!(overview["links"], json!([]));

    world.settle().await;
    // What the bank counts as spent this month stays spent; that is kept for no user.
    let left = ["ERASED", "TOMBSTONE", "month", "receipt"];
    assert_eq!(remains(world, bank.link_id()).await, left);
    assert_eq!(links_at_belvo(world).await, Vec::<Value>::new());
    assert_eq!(receipt(world, user, &asked).await["status"], "purged");

    world.let_erasure_end(bank.link_id()).await;
    let receipt = receipt(world, user, &asked).await;
    assert_eq!(receipt["status"], "complete");
    assert!(receipt["purged_at"].is_string() && receipt["confirmed_at"].is_string());
    assert_eq!(
        receipt["rows"]["TRANSACTIONS"],
        rows["transactions"]["rows"]
    );
    let answer = world.delete(user, &path).await;
    assert_eq!(answer.status(), 404, "it was erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_brings_an_erased_link_back() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let path = format!("/links/{}", bank.link_id());
    erase(world, user, &path).await;
    world.settle().await;
    bank.forget_requests().await;
    for (webhook_type, code) in [
        ("TRANSACTIONS", "historical_update"),
        ("LINK", "link_deleted"),
        ("CONSENT", "openfinance_consent_expired"),
    ] {
        let body =
            json!({"webhook_type": webhook_type, "webhook_code": code, "link_id": bank.link_id()});
        world.post_webhook(&body).await;
    }
    assert_eq!(
        world.follow(&bank.connected.redirect_url).await.status(),
        200
    );
    world.stack.settle().await.unwrap();
    assert_eq!(
        bank.requests().await,
        Vec::<String>::new(),
        "Belvo is not even asked"
    );
    let records = world.records(bank.link_id()).await;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["TOMBSTONE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_twice_an_erasure_is_one() {
    let bank = Bank::connected().await;
    let path = format!("/links/{}", bank.link_id());
    // Belvo holds the job up, so that the second request comes meanwhile.
    bank.faults(&json!({"latency_ms": 1500})).await;
    let first = erase(&bank.world, &bank.user, &path).await;
    let second = bank.world.delete(&bank.user, &path).await;
    assert_eq!(second.status(), 202);
    assert_eq!(body(second).await["receipt_id"], first["receipt_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn belvos_failure_does_not_hold_up_our_own_purge() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    bank.faults(&json!({"http_5xx": true})).await;
    let asked = erase(world, user, &format!("/links/{}", bank.link_id())).await;
    world.stack.settle().await.unwrap();
    let records = world.records(bank.link_id()).await;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["TOMBSTONE"]);
    world.let_time_pass(bank.link_id()).await;
    let waiting = receipt(world, user, &asked).await;
    assert_eq!(
        (&waiting["status"], &waiting["confirmed_at"]),
        (&json!("purged"), &Value::Null)
    );
    assert_eq!(links_at_belvo(world).await.len(), 1);

    bank.faults(&json!({})).await;
    world.let_erasure_end(bank.link_id()).await;
    assert_eq!(links_at_belvo(world).await, Vec::<Value>::new());
    world.let_erasure_end(bank.link_id()).await;
    assert_eq!(receipt(world, user, &asked).await["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_erased_with_the_links_nobody_has_told_us_of() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let other = world.individual().await;
    let theirs = world.connected(&other).await;
    let silent = json!({"external_id": user.external_id, "webhooks": false});
    let unseen = world.sandbox("links", &silent).await["link_id"].clone();
    assert_eq!(links_at_belvo(world).await.len(), 3);

    let asked = erase(world, user, "/me").await;
    assert_eq!(asked["scope"], "user");
    let overview = body(world.get(user, "/links").await).await;
    assert_eq!(overview["links"], json!([]));
    world.settle().await;
    let unseen = unseen.as_str().unwrap();
    world.let_erasure_end(unseen).await;
    world.let_erasure_end(bank.link_id()).await;
    // Belvo's list is read once more; what remains of the user lies under the receipt's id.
    world
        .let_time_pass(asked["receipt_id"].as_str().unwrap())
        .await;

    let receipt = receipt(world, user, &asked).await;
    assert_eq!(receipt["status"], "complete", "{receipt}");
    assert_eq!(receipt["links"].as_array().unwrap().len(), 2);
    let left = links_at_belvo(world).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], theirs.link_id);
    // The user's id is on nothing but the receipt, what would erase again after a restore, what
    // voids attempts still under way, and this hour's counter.
    assert_eq!(
        remains(world, &user.external_id).await,
        ["ERASED", "hour", "receipt", "user"]
    );
    world
        .assert_complete(&theirs.link_id, &other.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_backup_brings_back_is_erased_again() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let backup = bank.items().await;
    erase(world, user, &format!("/links/{}", bank.link_id())).await;
    world.settle().await;
    bank.restore(backup).await;
    let overview = body(world.get(user, "/links").await).await;
    assert_eq!(overview["links"].as_array().unwrap().len(), 1, "it is back");

    let month = domain::Month::of(jiff::Timestamp::now()).to_string();
    let event = json!({"sweep": "erased", "month": month});
    let report = world.stack.invoke("sweeper", event).await.unwrap();
    assert_eq!(report["enqueued"], 1);
    world.settle().await;
    let records = world.records(bank.link_id()).await;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["TOMBSTONE"]);
    let end = world.stack.invoke("sweeper", report["next"].clone()).await;
    assert_eq!(
        end.unwrap(),
        json!({"erased": 0, "enqueued": 0, "next": null})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_sees_of_an_erasure_names_nobody() {
    let bank = Bank::connected().await;
    let asked = erase(&bank.world, &bank.user, "/me").await;
    bank.world.settle().await;
    let receipt = receipt(&bank.world, &bank.user, &asked).await.to_string();
    for personal in [crate::world::CPF, "Ralph", "Bragg"] {
        assert!(!receipt.contains(personal), "{receipt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_from_the_bank_after_erasing_everything_is_not_stored() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    world.settle().await;
    erase(&world, &user, "/me").await;
    world.settle().await;
    let connected = world.connect(&user, &minted).await;
    assert_eq!(world.follow(&connected.redirect_url).await.status(), 200);
    world.settle().await;
    assert!(world.attempts(&user).await.is_empty());
    let records = world.records(&connected.link_id).await;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["LINK"]);
    assert_eq!(records["LINK"]["status"].text(), "unclaimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_erasures_at_once_both_receipts_complete() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let (first, second) = tokio::join!(world.delete(user, "/me"), world.delete(user, "/me"));
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    let (first, second) = (body(first).await, body(second).await);
    assert_ne!(first["receipt_id"], second["receipt_id"]);
    world.settle().await;
    world.let_erasure_end(bank.link_id()).await;
    for asked in [first, second] {
        assert_eq!(receipt(world, user, &asked).await["status"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_erased_only_when_what_was_begun_before_is() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let down = json!({"http_5xx": true, "path": format!("/api/links/{}/", bank.link_id())});
    bank.faults(&down).await;
    let one = erase(world, user, &format!("/links/{}", bank.link_id())).await;
    world.stack.settle().await.unwrap();
    let everything = erase(world, user, "/me").await;
    world.stack.settle().await.unwrap();
    assert_eq!(receipt(world, user, &one).await["status"], "purged");
    assert_eq!(receipt(world, user, &everything).await["status"], "purged");
    bank.faults(&json!({})).await;
    world.let_erasure_end(bank.link_id()).await;
    assert_eq!(
        receipt(world, user, &everything).await["status"],
        "complete"
    );
}

/// Connects a bank in another second than that of an erasure: attempts are dated to the second, and
/// one of the same second is void.
async fn connected_after(world: &World, user: &User, asked: &Value) -> Connected {
    let erased_at: jiff::Timestamp = asked["requested_at"].as_str().unwrap().parse().unwrap();
    while jiff::Timestamp::now().as_second() <= erased_at.as_second() {
        tokio::task::yield_now().await;
    }
    world.connected(user).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_connected_after_everything_was_erased_stays() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let down = json!({"http_5xx": true, "path": "/api/links/"});
    bank.faults(&down).await;
    let asked = erase(world, user, "/me").await;
    world.stack.settle().await.unwrap();
    bank.faults(&json!({})).await;
    let new = connected_after(world, user, &asked).await;
    let receipt_id = asked["receipt_id"].as_str().unwrap();
    world.let_time_pass(receipt_id).await;
    world.settle().await;
    world.assert_complete(&new.link_id, &user.external_id).await;
}

/// Without the date, nothing says whether the link was there before.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_which_belvo_does_not_say_when_it_was_made_is_not_taken_for_an_old_one() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let down = json!({"http_5xx": true, "path": "/api/links/"});
    bank.faults(&down).await;
    let asked = erase(world, user, "/me").await;
    world.stack.settle().await.unwrap();
    let undated = json!({"path": "/api/links/", "from": "\"created_at\"", "to": "\"made_at\""});
    bank.faults(&json!({"rewrite": [undated]})).await;
    let new = connected_after(world, user, &asked).await;
    let receipt_id = asked["receipt_id"].as_str().unwrap();
    world.let_time_pass(receipt_id).await;
    world.settle().await;
    world.let_erasure_end(&new.link_id).await;
    world.assert_complete(&new.link_id, &user.external_id).await;

    bank.faults(&json!({})).await;
    for id in [receipt_id, receipt_id, bank.link_id()] {
        world.let_erasure_end(id).await;
        world.settle().await;
    }
    assert_eq!(receipt(world, user, &asked).await["status"], "complete");
    world.assert_complete(&new.link_id, &user.external_id).await;
}

/// OPERATIONS.md, "Erasing what a user asks for": for a user who cannot sign in.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_by_hand_has_a_receipt_and_spares_what_is_connected_later() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let ids = [(); 2].map(|()| uuid::Uuid::new_v4().to_string());
    let job = |mut job: Value, id: &str| {
        job["external_id"] = json!(user.external_id);
        job["receipt_id"] = json!(id);
        job
    };
    let of_link = json!({"job": "link_erase.v1", "link_id": bank.link_id()});
    let of_link = job(of_link, &ids[0]);
    let of_user = job(json!({"job": "user_erase.v1"}), &ids[1]);
    let hand_over = async |group: &str, job: &Value| {
        let batch = json!({"Records": [record("by-hand", group, job)]});
        let answer = world.stack.invoke("fetcher", batch).await.unwrap();
        assert_eq!(failures(&answer), Vec::<String>::new());
    };
    hand_over(bank.link_id(), &of_link).await;
    hand_over("user", &of_user).await;
    world.settle().await;
    world.let_erasure_end(bank.link_id()).await;
    world.let_erasure_end(&ids[1]).await;
    for id in &ids {
        let asked = receipt(world, user, &json!({"receipt_id": id})).await;
        assert_eq!(asked["status"], "complete", "{asked}");
    }
    assert_eq!(links_at_belvo(world).await, Vec::<Value>::new());

    let asked = receipt(world, user, &json!({"receipt_id": ids[1]})).await;
    let new = connected_after(world, user, &asked).await;
    // As after a redrive, or when the erasures of a month are queued again.
    hand_over("user", &of_user).await;
    world.settle().await;
    world.let_erasure_end(&ids[1]).await;
    world.let_erasure_end(&new.link_id).await;
    world.assert_complete(&new.link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_by_hand_that_waited_spares_what_was_connected_meanwhile() {
    let bank = Bank::connected().await;
    let job = json!({
        "job": "user_erase.v1", "external_id": bank.user.external_id,
        "receipt_id": uuid::Uuid::new_v4().to_string(),
    });
    let an_hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let sent = an_hour_ago.as_millisecond().to_string();
    let record = crate::world::record_sent("waited", "user", &job, &sent);
    let records = json!({"Records": [record]});
    bank.world.stack.invoke("fetcher", records).await.unwrap();
    bank.world.settle().await;
    bank.world.let_erasure_end(bank.link_id()).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_connected_since_survives_when_a_month_is_erased_again_without_its_receipts() {
    let world = World::start().await;
    let user = world.individual().await;
    let asked = erase(&world, &user, "/me").await;
    world.settle().await;
    let new = connected_after(&world, &user, &asked).await;
    // As when the table was restored, and only the list of erasures kept.
    let receipt = format!("receipt#{}", asked["receipt_id"].as_str().unwrap());
    let delete = world.stack.dynamodb().delete_item();
    let delete = delete.table_name(&world.stack.endpoints().connection_table);
    let delete = delete.key("external_id", AttributeValue::S(user.external_id.clone()));
    let delete = delete.key("session_id", AttributeValue::S(receipt));
    delete.send().await.unwrap();
    let month = jiff::Timestamp::now().strftime("%Y-%m").to_string();
    let again = json!({"sweep": "erased", "month": month});
    let report = world.stack.invoke("sweeper", again).await.unwrap();
    assert_eq!(report["enqueued"], 1, "{report}");
    world.settle().await;
    world.let_erasure_end(&new.link_id).await;
    world.assert_complete(&new.link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_does_not_bring_the_second_purge_forward() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    erase(world, user, &format!("/links/{}", bank.link_id())).await;
    world.settle().await;
    let sweep = json!({"sweep": "due", "until": "2099-01-01T00:00:00Z"});
    world.stack.invoke("sweeper", sweep).await.unwrap();
    world.settle().await;
    let records = world.records(bank.link_id()).await;
    let tombstone = &records["TOMBSTONE"];
    assert_eq!(tombstone["user"].text(), user.external_id);
    let purge_at = tombstone["schedule"].get("purge");
    assert_ne!(*purge_at, Canonical::Null, "{tombstone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_link_is_lost_go_with_their_user() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let other = world.individual().await;
    let theirs = world.connected(&other).await;
    let kept = world.connected(user).await;
    bank.lose_link().await;
    // Nor does Belvo say that there was such a link.
    bank.control("gone", &json!({"gone": true})).await;
    let rows = world.records(bank.link_id()).await;
    assert!(rows.keys().any(|it| it.starts_with("TRANSACTIONS#")));
    let overview = body(world.get(user, "/links").await).await;
    assert_eq!(overview["links"].as_array().unwrap().len(), 1, "it is lost");

    // A late webhook makes a LINK that names no user.
    bank.announce("LINK", "link_deleted", json!({})).await;
    let made = world.link(bank.link_id()).await;
    assert!(!made.contains_key("external_id"), "{made:?}");

    let asked = erase(world, user, "/me").await;
    world.settle().await;
    world.let_erasure_end(&kept.link_id).await;
    let left = world.records(bank.link_id()).await;
    let rows = left.keys().filter(|it| !it.starts_with("EVENT#"));
    assert_eq!(rows.collect::<Vec<_>>(), ["LINK"]);
    assert_eq!(receipt(world, user, &asked).await["status"], "complete");
    world
        .assert_complete(&theirs.link_id, &other.external_id)
        .await;
}
