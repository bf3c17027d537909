//! Rows of another link than was asked for: a list that ignores its filter, an object that names
//! another link, and rows that name none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::metrics::counted;
use crate::world::{Connected, OTHER_CPF, RESOURCES, User, World};

const LISTS: [&str; 6] = [
    "owners",
    "accounts",
    "transactions",
    "bills",
    "investments",
    "investment-transactions",
];

/// A user with another CPF than the usual one.
async fn another_person(world: &World) -> User {
    let claims = json!({"cpf": OTHER_CPF, "name": "Rui Cardoso"});
    world.sign_in(claims).await
}

/// The ids of the rows Belvo holds of a link.
async fn row_ids(world: &World, link_id: &str) -> BTreeSet<String> {
    let truth = world.ask_sandbox(&format!("links/{link_id}/truth")).await;
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let rows = RESOURCES
        .iter()
        .flat_map(|(_, name)| truth[*name].as_array().unwrap());
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The ids of the rows that are stored of a link.
async fn stored_ids(world: &World, link_id: &str) -> BTreeSet<String> {
    let records = world.records(link_id).await;
    let is_row = |key: &&String| {
        RESOURCES
            .iter()
            .any(|(kind, _)| key.starts_with(&format!("{kind}#")))
    };
    let ids = records.keys().filter(is_row);
    ids.map(|key| key.rsplit('#').next().unwrap().to_owned())
        .collect()
}

/// Everything the API shows a user of a path, page after page.
async fn shown(world: &World, user: &User, path: &str) -> String {
    let (mut shown, mut cursor) = (String::new(), String::new());
    loop {
        let page = world.get(user, &format!("{path}?limit=500{cursor}")).await;
        assert_eq!(page.status(), 200, "{path}");
        let text = page.text().await.unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        shown.push_str(&text);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return shown,
        }
    }
}

/// The user sees rows of their own link, and none of the other.
async fn assert_shows_only(world: &World, user: &User, own: &Connected, other: &Connected) {
    let theirs = row_ids(world, &other.link_id).await;
    let stored = stored_ids(world, &own.link_id).await;
    assert!(!stored.is_empty());
    assert!(stored.is_disjoint(&theirs));
    let lists = LISTS.map(|list| format!("/links/{}/{list}", own.link_id));
    let all = ["/transactions".to_owned(), "/export".to_owned()];
    for path in lists.iter().chain(&all) {
        let shown = shown(world, user, path).await;
        let foreign = theirs.iter().find(|id| shown.contains(id.as_str()));
        assert_eq!(foreign, None, "{path}");
        assert!(!shown.contains(&other.link_id), "{path}");
    }
}

/// A change of some members of a row, without a webhook.
pub async fn say(world: &World, link_id: &str, resource: &str, row: Value) {
    let body = json!({"resource": resource, "update": [row], "webhooks": false});
    world
        .sandbox(&format!("links/{link_id}/objects"), &body)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_ignore_their_filter_show_no_user_the_rows_of_another() {
    let world = World::start().await;
    let (ana, rui) = (world.individual().await, another_person(&world).await);
    world
        .sandbox("faults", &json!({"ignore_filter": true}))
        .await;
    let first = world.connected(&ana).await;
    let second = world.connected(&rui).await;
    let before = stored_ids(&world, &first.link_id).await;
    let again = format!("links/{}/status", first.link_id);
    world.sandbox(&again, &json!({"refresh": true})).await;
    world.settle().await;
    world.let_time_pass(&first.link_id).await;

    for (user, own, other) in [(&ana, &first, &second), (&rui, &second, &first)] {
        assert_shows_only(&world, user, own, other).await;
        let link = world.link(&own.link_id).await;
        assert_eq!(link["status"].text(), "bound", "by their own owner");
        assert_eq!(link["owner_verdict"].text(), "matched");
        // A few misplaced rows are refused, many make the list one that was not filtered.
        let accounts = link["resources"].get("ACCOUNTS");
        assert_eq!(accounts.get("state").text(), "partial");
        let theirs = row_ids(&world, &other.link_id).await;
        let reason = truth::Canonical::Text("another_link".to_owned());
        let named = |it: &&String| *accounts.get("rejected").get(it) == reason;
        assert_eq!(theirs.iter().filter(named).count(), 4);
        assert_eq!(link["last_error"].get("code").text(), "no_answer");
        assert_ne!(*link["schedule"].get("retry"), truth::Canonical::Null);
    }
    assert!(
        stored_ids(&world, &first.link_id)
            .await
            .is_superset(&before),
        "nothing was removed"
    );
    assert!(!counted(&world, "RowsForeign").is_empty());

    world.sandbox("faults", &json!({})).await;
    for (user, own) in [(&ana, &first), (&rui, &second)] {
        world.let_time_pass(&own.link_id).await;
        world.assert_complete(&own.link_id, &user.external_id).await;
        let link = world.link(&own.link_id).await;
        for (kind, _) in RESOURCES {
            assert_eq!(
                link["resources"].get(kind).get("state").text(),
                "ready",
                "{kind}"
            );
        }
        assert!(!link.contains_key("last_error"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_of_another_link_is_refused_and_named_and_holds_up_nothing() {
    let bank = Bank::connected().await;
    let other = another_person(&bank.world).await;
    let other = bank.world.connected(&other).await.link_id;
    let row = bank.truth().await["investment_transactions"][0].clone();
    let id = row["id"].as_str().unwrap();
    let before = bank.world.records(bank.link_id()).await;
    let update = json!({"id": id, "link": other, "subtype": "ALHEIO"});
    let changes = json!({"resource": "investment_transactions", "update": [update]});
    bank.control("objects", &changes).await;
    bank.world.settle().await;

    let link = bank.link().await;
    let movements = link["resources"].get("INVESTMENT_TRANSACTIONS");
    assert_eq!(movements.get("state").text(), "partial");
    assert_eq!(movements.get("rejected").get(id).text(), "another_link");
    assert!(!link.contains_key("last_error"), "{link:?}");
    let after = bank.world.records(bank.link_id()).await;
    let of = |records: &crate::world::Records| {
        let mut rows = records.clone();
        rows.retain(|key, _| key.starts_with("INVESTMENT_TRANSACTIONS#"));
        rows
    };
    assert_eq!(of(&after), of(&before), "the row stays as it was");
    assert!(!counted(&bank.world, "RowsForeign").is_empty());

    let update = json!({"id": id, "link": bank.link_id()});
    let changes = json!({"resource": "investment_transactions", "update": [update]});
    bank.control("objects", &changes).await;
    bank.world.settle().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_an_earlier_link_of_the_same_user_at_the_same_bank_is_stored() {
    let world = World::start().await;
    let (ana, rui) = (world.individual().await, world.individual().await);
    let earlier = world.connected(&ana).await;
    let minted = world.mint(&ana).await;
    let elsewhere = json!({"institution": "ofcontaviva_br_retail"});
    let elsewhere = world.connect_with(&ana, &minted, elsewhere).await;
    let anothers = world.connected(&rui).await;
    let connected = world.connected(&ana).await;
    let bank = Bank {
        world,
        user: ana,
        connected,
    };
    let id = bank.truth().await["investment_transactions"][0]["id"].clone();
    let unknown = uuid::Uuid::new_v4().to_string();
    for (named, state) in [
        (earlier.link_id.to_uppercase(), "ready"),
        (elsewhere.link_id, "partial"),
        (anothers.link_id, "partial"),
        (unknown, "partial"),
        (earlier.link_id, "ready"),
    ] {
        let update = json!({"id": id, "link": named, "subtype_additional_info": named});
        let changes = json!({"resource": "investment_transactions", "update": [update]});
        bank.control("objects", &changes).await;
        bank.world.settle().await;
        // Equal announcements within a minute are read for a little later.
        bank.world.let_time_pass(bank.link_id()).await;
        let link = bank.link().await;
        let movements = link["resources"].get("INVESTMENT_TRANSACTIONS");
        assert_eq!(movements.get("state").text(), state, "{named}");
        if state == "ready" {
            bank.assert_complete().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_link_may_hold_nothing_but_rows_that_name_the_earlier_one() {
    let world = World::start().await;
    let ana = world.individual().await;
    let earlier = world.connected(&ana).await.link_id;
    world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    let minted = world.mint(&ana).await;
    let connected = world.connect(&ana, &minted).await;
    let bank = Bank {
        world,
        user: ana,
        connected,
    };
    let truth = bank.truth().await;
    for resource in ["owners", "accounts", "investment_transactions"] {
        for row in truth[resource].as_array().unwrap() {
            let row = json!({"id": row["id"], "link": earlier});
            say(&bank.world, bank.link_id(), resource, row).await;
        }
    }
    bank.world.sandbox("webhooks/release", &json!({})).await;
    bank.faults(&json!({})).await;
    bank.world.settle().await;
    bank.assert_complete().await;

    // The rows of the earlier link are stored under it, and do not come once more under this one.
    let before = stored_ids(&bank.world, bank.link_id()).await;
    bank.faults(&json!({"ignore_filter": true})).await;
    for (kind, _) in RESOURCES {
        bank.announce(kind, "historical_update", json!({})).await;
        bank.world.let_time_pass(bank.link_id()).await;
    }
    assert_eq!(stored_ids(&bank.world, bank.link_id()).await, before);
    bank.faults(&json!({})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn investments_of_a_list_that_ignores_its_filter_are_not_believed() {
    let world = World::start().await;
    let (ana, rui) = (world.individual().await, another_person(&world).await);
    let first = world.connected(&ana).await;
    let fault = json!({"ignore_filter": true, "path": "/api/br/investments/"});
    world.sandbox("faults", &fault).await;
    let second = world.connected(&rui).await;
    assert_shows_only(&world, &rui, &second, &first).await;
    let link = world.link(&second.link_id).await;
    assert_eq!(
        link["resources"].get("INVESTMENTS").get("state").text(),
        "syncing"
    );
    assert_eq!(
        link["resources"].get("TRANSACTIONS").get("state").text(),
        "ready"
    );
    assert_eq!(link["last_error"].get("code").text(), "no_answer");

    world.sandbox("faults", &json!({})).await;
    world.let_time_pass(&second.link_id).await;
    world
        .assert_complete(&second.link_id, &rui.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_name_no_link_wait_until_owners_or_accounts_name_it() {
    let world = World::with(&[("OwnerCheck", "off")]).await;
    world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    let truth = bank.truth().await;
    let name = async |resource: &str, link: Value| {
        for row in truth[resource].as_array().unwrap() {
            let row = json!({"id": row["id"], "link": link});
            say(&bank.world, bank.link_id(), resource, row).await;
        }
    };
    name("owners", Value::Null).await;
    name("accounts", Value::Null).await;
    bank.hear_of("INVESTMENTS").await;
    assert_eq!(bank.stored("INVESTMENTS").await, BTreeSet::new());
    assert_eq!(
        bank.link().await["last_error"].get("code").text(),
        "no_answer"
    );

    name("accounts", json!(bank.link_id())).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.stored("INVESTMENTS").await.len(), 3);
    assert_eq!(
        bank.stored("OWNERS").await.len(),
        1,
        "named by none, and believed for the accounts"
    );
    bank.assert_complete().await;

    // That they were named on another day says nothing about this one.
    name("accounts", Value::Null).await;
    let another = json!({"resource": "investments", "add": 1, "webhooks": false});
    bank.control("objects", &another).await;
    bank.hear_of("INVESTMENTS").await;
    assert_eq!(bank.stored("INVESTMENTS").await.len(), 3);
    assert_eq!(
        bank.link().await["last_error"].get("code").text(),
        "no_answer"
    );
    name("accounts", json!(bank.link_id())).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.stored("INVESTMENTS").await.len(), 4);
}

/// The sandbox is asked for a link that does not exist by its id alone.
const NOBODY: &str = "link=00000000-0000-0000-0000-000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn only_a_refusal_of_a_link_that_does_not_exist_shows_that_a_list_is_filtered() {
    for (status, code, is_believed) in [
        (404, "not_found", true),
        (400, "does_not_exist", true),
        (400, "invalid", true),
        (403, "permission_denied", false),
        (403, "access_to_resource_denied", false),
    ] {
        let bank = Bank::unheard().await;
        bank.hear_of("OWNERS").await;
        bank.hear_of("ACCOUNTS").await;
        let refusal = json!([{"code": code, "message": "No.", "request_id": "0".repeat(32)}]);
        bank.faults(&json!({"webhooks": {"hold": true}, "gateway": [{
            "status": status, "type": "application/json", "body": refusal.to_string(),
            "path": "/api/br/investments/", "query": NOBODY,
        }]}))
        .await;
        bank.hear_of("INVESTMENTS").await;
        let stored = bank.stored("INVESTMENTS").await.len();
        assert_eq!(stored, if is_believed { 3 } else { 0 }, "{code}");
        let waits = bank.link().await.contains_key("last_error");
        assert_eq!(waits, !is_believed, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_one_owners_that_name_no_link_are_believed_while_the_list_is_filtered() {
    let world = World::start().await;
    let user = world.individual().await;
    let held = json!({"webhooks": {"hold": true}});
    world.sandbox("faults", &held).await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    let add = json!({"resource": "owners", "add": 50, "webhooks": false});
    bank.control("objects", &add).await;
    let owners = bank.truth().await["owners"].clone();
    let nameless: Vec<Value> = owners
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!({"id": it["id"], "link": null}))
        .collect();
    assert_eq!(nameless.len(), 51);
    let update = json!({"resource": "owners", "update": nameless, "webhooks": false});
    bank.control("objects", &update).await;

    let mut faults = held.clone();
    faults["ignore_filter"] = json!(true);
    faults["path"] = json!("/api/owners/");
    bank.faults(&faults).await;
    bank.hear_of("OWNERS").await;
    let link = bank.link().await;
    assert_eq!(link["status"].text(), "awaiting_owner");
    assert!(!link.contains_key("owner_verdict"));

    bank.faults(&held).await;
    bank.hear_of("OWNERS").await;
    let link = bank.link().await;
    assert_eq!(link["status"].text(), "bound");
    assert_eq!(link["owner_verdict"].text(), "matched");
    assert_eq!(bank.stored("OWNERS").await.len(), 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_row_that_names_another_link_changes_nothing() {
    let bank = Bank::connected().await;
    let other = another_person(&bank.world).await;
    bank.world.connected(&other).await;
    let rows = async || {
        let mut records = bank.world.records(bank.link_id()).await;
        records.retain(|key, _| key.starts_with("TRANSACTIONS#"));
        records
    };
    let before = rows().await;
    let id = bank.by_date().await.pop().unwrap();
    // It leaves the days that are read, so it is asked for by itself.
    let moved = json!({"id": id, "value_date": "2026-02-03", "description": "of another"});
    bank.control("changes", &json!({"update": [moved], "webhooks": false}))
        .await;
    let fault = json!({"foreign_object": true, "path": "/api/transactions/"});
    bank.faults(&fault).await;
    let no_rows = json!({"new_transactions": 0});
    bank.announce("TRANSACTIONS", "new_transactions_available", no_rows)
        .await;
    assert_eq!(rows().await, before);
    let link = bank.link().await;
    let rejected = link["resources"].get("TRANSACTIONS").get("rejected");
    assert_eq!(rejected.get(&id).text(), "another_link");

    bank.faults(&json!({})).await;
    bank.all_news().await;
    bank.news_of_bills().await;
    bank.assert_complete().await;
}

/// A new link of which nothing was read yet, beside one of somebody else; no webhook comes by itself.
async fn unread() -> (Bank, Value) {
    let world = World::start().await;
    let hold = json!({"webhooks": {"hold": true}});
    world.sandbox("faults", &hold).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let few = json!({"transactions": 8});
    let connected = world.connect_with(&user, &minted, few).await;
    world.stack.settle().await.unwrap();
    let bank = Bank {
        world,
        user,
        connected,
    };
    let body = json!({"external_id": "somebody-else", "seed": 3, "webhooks": false});
    bank.world.sandbox("links", &body).await;
    (bank, hold)
}

impl Bank {
    async fn assert_nothing_stored(&self) {
        assert_eq!(self.stored("TRANSACTIONS").await, BTreeSet::new());
        assert_eq!(self.stored("ACCOUNTS").await, BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_an_embedded_account_that_is_another_links_nor_its_rows_are_stored() {
    let (bank, hold) = unread().await;
    let mut fault = hold.clone();
    fault["foreign_object"] = json!(true);
    fault["path"] = json!("/api/accounts/");
    bank.faults(&fault).await;
    bank.hear_of("OWNERS").await;
    bank.hear_of("TRANSACTIONS").await;
    bank.assert_nothing_stored().await;
    let link = bank.link().await;
    let transactions = link["resources"].get("TRANSACTIONS");
    assert_eq!(transactions.get("state").text(), "partial");
    let eight = truth::Canonical::from_json("8");
    assert_eq!(*transactions.get("rejected_rows"), eight);
    for id in bank.by_date().await {
        let rejected = transactions.get("rejected").get(&id);
        assert_eq!(rejected.text(), "another_link");
    }

    bank.faults(&hold).await;
    bank.hear_of("TRANSACTIONS").await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.stored("TRANSACTIONS").await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_account_waits_while_nobody_says_whose_it_is() {
    let (bank, hold) = unread().await;
    let mut fault = hold.clone();
    fault["gateway"] = json!([{"status": 503, "path": "/api/accounts/"}]);
    bank.faults(&fault).await;
    bank.hear_of("OWNERS").await;
    bank.hear_of("TRANSACTIONS").await;
    assert_eq!(bank.stored("ACCOUNTS").await, BTreeSet::new());

    bank.faults(&hold).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.stored("TRANSACTIONS").await.len(), 8);
    bank.assert_complete().await;
}
