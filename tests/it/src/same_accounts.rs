//! Several links of one person at one bank: which of them shows what, and what the others say.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::links::{all, body};
use crate::world::{CPF, RESOURCES, User, World};
use truth::Canonical;

/// A row of a statement, as far as it matters which link shows it.
#[derive(Clone)]
struct Row {
    id: String,
    account: String,
    day: String,
}

async fn shown(world: &World, user: &User, link_id: &str) -> Value {
    let answer = world.get(user, &format!("/links/{link_id}")).await;
    assert_eq!(answer.status(), 200);
    body(answer).await
}

/// What an app goes by: status, code and action of the link, and the link that has taken its place.
async fn advice(world: &World, user: &User, link_id: &str) -> [Value; 4] {
    let link = shown(world, user, link_id).await;
    let next = &link["next_action"];
    [
        link["status"].clone(),
        next["code"].clone(),
        next["action"].clone(),
        link["duplicate_of"].clone(),
    ]
}

fn replaced_by(link_id: &str) -> [Value; 4] {
    ["replaced", "replaced", "none", link_id].map(|it| json!(it))
}

/// Another link of the user to the same accounts, made by another consent.
async fn connected_again(bank: &Bank) -> String {
    let same = json!({"new_link": true, "external_id": bank.user.external_id});
    let made = bank.control("renew", &same).await;
    bank.world.settle().await;
    made["link_id"].as_str().unwrap().to_owned()
}

/// The statement of a link, each account by the bank's own words.
async fn statement(world: &World, user: &User, link_id: &str) -> Vec<Row> {
    let accounts = all(world, user, &format!("/links/{link_id}/accounts"), 500).await;
    let words = |it: &Canonical| {
        let word = |name: &str| it.get(name).text().to_owned();
        format!("{} {} {}", word("agency"), word("number"), word("category"))
    };
    let words: BTreeMap<String, String> = accounts
        .iter()
        .map(|it| (it.get("id").text().to_owned(), words(it)))
        .collect();
    let rows = all(world, user, &format!("/links/{link_id}/transactions"), 500).await;
    let row = |it: &Canonical| Row {
        id: it.get("id").text().to_owned(),
        account: words[it.get("account_id").text()].clone(),
        day: match it.get("value_date") {
            Canonical::Text(day) => day.clone(),
            _ => PENDING.to_owned(),
        },
    };
    rows.iter().map(row).collect()
}

/// The first day of each account.
fn first_days(rows: &[Row]) -> BTreeMap<&str, &str> {
    let mut first = BTreeMap::new();
    for row in rows {
        let day = first.entry(row.account.as_str()).or_insert(&*row.day);
        *day = (*day).min(&row.day);
    }
    first
}

async fn merged(world: &World, user: &User, limit: usize) -> Vec<String> {
    let rows = all(world, user, "/transactions", limit).await;
    rows.iter()
        .map(|it| it.get("id").text().to_owned())
        .collect()
}

/// The day of a movement that has none; the newest link shows those.
const PENDING: &str = "9999-12-31";

/// The last day of each account.
fn last_days(rows: &[Row]) -> BTreeMap<&str, &str> {
    let mut last = BTreeMap::new();
    for row in rows.iter().filter(|it| it.day != PENDING) {
        let day = last.entry(row.account.as_str()).or_insert(&*row.day);
        *day = (*day).max(&row.day);
    }
    last
}

/// The newer link shows every row of its own, and the older one those of the days before, and of
/// days of which the newer one has nothing yet.
async fn assert_each_day_is_shown_once(world: &World, user: &User, newer: &str, older: &str) {
    let new = statement(world, user, newer).await;
    let old = statement(world, user, older).await;
    let (first, last) = (first_days(&new), last_days(&new));
    let is_outside = |it: &&Row| {
        let days = first.get(&*it.account).zip(last.get(&*it.account));
        let is_later = |last: &str| it.day.as_str() > last && it.day != PENDING;
        days.is_none_or(|(first, last)| &*it.day < *first || is_later(last))
    };
    let kept = old.iter().filter(is_outside);
    let expected: BTreeSet<String> = new.iter().chain(kept).map(|it| it.id.clone()).collect();
    for limit in [500, 37] {
        let shown = merged(world, user, limit).await;
        let distinct: BTreeSet<String> = shown.iter().cloned().collect();
        assert_eq!(shown.len(), distinct.len(), "{limit}");
        assert!(distinct == expected, "{limit}: {} rows", distinct.len());
    }
}

/// A change of a link's rows that Belvo tells of.
async fn change(world: &World, link_id: &str, changes: &Value) {
    let path = format!("links/{link_id}/changes");
    world.sandbox(&path, changes).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consents_to_different_accounts_of_one_bank_are_both_shown() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let second = world.connected(user).await.link_id;
    let links = [world.link(bank.link_id()).await, world.link(&second).await];
    let [first_person, second_person] = links.map(|it| it["institution_user_id"].clone());
    assert_eq!(first_person, second_person);
    let mut expected = BTreeSet::new();
    for link in [bank.link_id(), &second] {
        let rows = statement(world, user, link).await;
        assert!(!rows.is_empty());
        expected.extend(rows.into_iter().map(|it| it.id));
        let ok = ["ready", "ok", "none"].map(|it| json!(it));
        let [status, code, action, duplicate_of] = advice(world, user, link).await;
        assert_eq!([status, code, action], ok);
        assert_eq!(duplicate_of, Value::Null);
    }
    let shown: BTreeSet<String> = merged(world, user, 500).await.into_iter().collect();
    assert!(shown == expected, "{} of {}", shown.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_shared_account_the_newest_link_shows_the_days_it_covers() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let newer = connected_again(&bank).await;
    assert_each_day_is_shown_once(world, user, &newer, bank.link_id()).await;
    assert_eq!(
        advice(world, user, bank.link_id()).await,
        replaced_by(&newer)
    );

    // The bank gives fewer months of one account, and none of another, under the new consent.
    let rows = statement(world, user, &newer).await;
    let mut accounts: Vec<String> = first_days(&rows).keys().map(|it| it.to_string()).collect();
    let (none, fewer) = (accounts.remove(0), accounts.remove(0));
    let days: BTreeSet<&str> = rows.iter().map(|it| &*it.day).collect();
    let middle = *days.iter().nth(days.len() / 2).unwrap();
    let is_missing =
        |it: &&Row| it.account == none || (it.account == fewer && it.day.as_str() < middle);
    let missing: Vec<&str> = rows.iter().filter(is_missing).map(|it| &*it.id).collect();
    assert!(missing.len() > 100);
    change(world, &newer, &json!({"delete": missing})).await;
    // So many are believed to be gone after a second read, two minutes later.
    let long_ago = AttributeValue::S("2026-11-23T00:00:00Z".to_owned());
    let read_at = ["resources", "TRANSACTIONS", "missing", "all", "read_at"];
    world.set_on_link(&newer, &read_at, long_ago).await;
    world.let_time_pass(&newer).await;
    assert_eq!(
        statement(world, user, &newer).await.len(),
        rows.len() - missing.len()
    );
    assert_each_day_is_shown_once(world, user, &newer, bank.link_id()).await;

    // Nothing is gone from any other list.
    let exported = all(world, user, "/export", 500).await;
    for link in [bank.link_id(), &newer] {
        let records = world.records(link).await;
        for (kind, name) in RESOURCES {
            let prefix = format!("{kind}#");
            let stored = records.keys().filter(|it| it.starts_with(&prefix)).count();
            let path = format!("/links/{link}/{}", name.replace('_', "-"));
            assert_eq!(all(world, user, &path, 500).await.len(), stored, "{path}");
            let is_it =
                |it: &&Canonical| it.get("link_id").text() == link && it.get("kind").text() == kind;
            let copies = exported
                .iter()
                .filter(|it| *it.get("link_id") != Canonical::Null);
            assert_eq!(copies.filter(is_it).count(), stored, "{kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_after_a_thousand_rows_that_another_link_shows() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    let mut links = Vec::new();
    for transactions in [2300, 60] {
        let wish = json!({
            "external_id": user.external_id, "owner": CPF, "seed": 7, "transactions": transactions,
        });
        let made = world.sandbox("links", &wish).await;
        world.settle().await;
        links.push(made["link_id"].as_str().unwrap().to_owned());
    }
    let [older, newer] = links.try_into().unwrap();
    // One account is left to the older link, so that its statement is asked for to the last day.
    let rows = statement(&world, &user, &newer).await;
    let all_rows = statement(&world, &user, &older).await;
    let count = |account: &str| all_rows.iter().filter(|it| it.account == account).count();
    let left = first_days(&all_rows).into_keys().min_by_key(|it| count(it));
    let left = left.unwrap().to_owned();
    let of_left = rows.iter().filter(|it| it.account == left);
    let of_left: Vec<&str> = of_left.map(|it| &*it.id).collect();
    change(&world, &newer, &json!({"delete": of_left})).await;
    world.let_time_pass(&newer).await;

    let shown = merged(&world, &user, 500).await.len();
    let passed = all_rows.len() + statement(&world, &user, &newer).await.len() - shown;
    assert!(passed > 1000, "{passed}");
    let page = body(world.get(&user, "/transactions?limit=500").await).await;
    let first = page["items"].as_array().unwrap().len();
    assert!(first < 500.min(shown), "{first} of {shown}");
    assert!(page["next_cursor"].is_string());
    assert_each_day_is_shown_once(&world, &user, &newer, &older).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_the_same_by_agency_number_and_category_or_by_the_banks_own_id() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let newer = world.connected(user).await.link_id;
    let accounts = async |link: &str| all(world, user, &format!("/links/{link}/accounts"), 9).await;
    let of = |accounts: &[Canonical], category: &str| {
        let found = accounts
            .iter()
            .find(|it| it.get("category").text() == category);
        found.unwrap().clone()
    };
    let (old, new) = (accounts(bank.link_id()).await, accounts(&newer).await);
    // One by number, written otherwise; one by the bank's id; two are others.
    let mut updates = Vec::new();
    for (category, name) in [
        ("CHECKING_ACCOUNT", "number"),
        ("SAVINGS_ACCOUNT", "internal_identification"),
    ] {
        let value = of(&old, category).get(name).text().to_owned();
        let value = if name == "number" {
            format!("00{value}")
        } else {
            value
        };
        updates.push(json!({"id": of(&new, category).get("id").text(), name: value}));
    }
    let said = json!({"resource": "accounts", "update": updates});
    world
        .sandbox(&format!("links/{newer}/objects"), &said)
        .await;
    world.settle().await;

    let id = |accounts: &[Canonical], category| of(accounts, category).get("id").text().to_owned();
    let shown = all(world, user, "/transactions", 500).await;
    let by_account = |id: &str| {
        let rows = shown.iter().filter(|it| it.get("account_id").text() == id);
        rows.count()
    };
    for (category, is_shared) in [
        ("CHECKING_ACCOUNT", true),
        ("SAVINGS_ACCOUNT", true),
        ("CREDIT_CARD", false),
    ] {
        assert!(by_account(&id(&new, category)) > 0, "{category}");
        // Of the day on which the newer link's history begins, the older one may have less.
        let of_older = by_account(&id(&old, category));
        assert_eq!(of_older > 100, !is_shared, "{category}: {of_older}");
    }
    // It holds a card that the newer link does not.
    assert_eq!(shown_link(&bank).await["duplicate_of"], Value::Null);
}

async fn shown_link(bank: &Bank) -> Value {
    shown(&bank.world, &bank.user, bank.link_id()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_links_to_the_same_accounts_the_healthy_one_shows_what_it_covers() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let second = connected_again(&bank).await;
    let path = format!("links/{second}/consent");
    world.sandbox(&path, &json!({"expire": true})).await;
    world.settle().await;
    assert_eq!(shown_link(&bank).await["duplicate_of"], Value::Null);
    let replaced = replaced_by(bank.link_id());
    assert_eq!(advice(world, user, &second).await, replaced);
    assert_each_day_is_shown_once(world, user, bank.link_id(), &second).await;
}

async fn portal(bank: &Bank, link_id: &str) -> (u16, Value) {
    let wish = json!({"mode": "renew", "link_id": link_id});
    let answer = bank.world.post(&bank.user, "/portal", &wish).await;
    (answer.status().as_u16(), body(answer).await["type"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_renewed_as_another_link_asks_for_nothing() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    bank.control("consent", &json!({"expire": true})).await;
    world.settle().await;
    let asked = advice(world, user, bank.link_id()).await;
    assert_eq!(asked[2], "renew_consent");
    assert_eq!(portal(&bank, bank.link_id()).await.0, 201);

    let renewed = bank.control("renew", &json!({"new_link": true})).await;
    world.settle().await;
    let new = renewed["link_id"].as_str().unwrap();
    assert_eq!(shown(world, user, new).await["replaces"], bank.link_id());
    let replaced = advice(world, user, bank.link_id()).await;
    assert_eq!(replaced, replaced_by(new));
    let refused = portal(&bank, bank.link_id()).await;
    assert_eq!(refused, (409, json!("/problems/link-replaced")));
    assert_eq!(portal(&bank, new).await.0, 201);
    let again = json!({"institutions": ["ofmockbank_br_retail"]});
    let minted = body(world.post(user, "/token", &again).await).await;
    assert_eq!(minted["warnings"][0]["link_id"], new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_bank_was_connected_again_asks_for_nothing_if_its_accounts_are_the_same() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    bank.control("consent", &json!({"expire": true})).await;
    world.settle().await;
    // Another account of the same bank does not make up for it.
    let other = world.connected(user).await.link_id;
    let asked = advice(world, user, bank.link_id()).await;
    assert_eq!(
        (&asked[0], &asked[2]),
        (&json!("needs_user"), &json!("renew_consent"))
    );
    assert_eq!(portal(&bank, bank.link_id()).await.0, 201);
    assert_eq!(advice(world, user, &other).await[0], "ready");

    let new = connected_again(&bank).await;
    assert_eq!(shown(world, user, &new).await["replaces"], Value::Null);
    assert_eq!(advice(world, user, bank.link_id()).await, replaced_by(&new));
    let refused = portal(&bank, bank.link_id()).await;
    assert_eq!(refused, (409, json!("/problems/link-replaced")));
    assert_eq!(advice(world, user, &new).await[0], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_without_its_callback_is_a_success_once_its_link_is_there() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    bank.control("consent", &json!({"expire": true})).await;
    world.settle().await;
    // The user connects the bank again and closes the app at the end. Belvo names no user, so the
    // link is bound as one that continues the first.
    let minted = world.mint(user).await;
    world.stack.settle().await.unwrap();
    let made = bank.control("renew", &json!({"new_link": true})).await;
    world.settle().await;
    let link_id = made["link_id"].as_str().unwrap();
    assert_eq!(advice(world, user, link_id).await[0], "ready");
    let long_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(16);
    crate::next_action::set_started_at(world, user, &minted.session_id, long_ago).await;
    let session = session(world, user, &minted.session_id).await;
    assert_eq!(session["outcome"], "success");
    assert_eq!(session["guidance"], Value::Null);
    assert_eq!(session["link_id"], link_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_visits_without_a_callback_neither_is_told_to_try_again() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let finished = world.mint(user).await;
    // The user has opened the widget once more, and has finished in the first.
    let opened = world.mint(user).await;
    let made = world.connect(user, &finished).await;
    world.settle().await;
    for (minted, minutes) in [(&finished, 17), (&opened, 16)] {
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
        crate::next_action::set_started_at(world, user, &minted.session_id, then).await;
        let session = session(world, user, &minted.session_id).await;
        assert_eq!(session["outcome"], "success");
        assert_eq!(session["link_id"], made.link_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_names_every_link_it_has_brought() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let second = connected_again(&bank).await;
    let attempts = world.attempts(user).await;
    let session = session(world, user, attempts.keys().next().unwrap()).await;
    assert_eq!(session["link_id"], bank.link_id());
    assert_eq!(session["link_ids"], json!([bank.link_id(), second]));
}

async fn session(world: &World, user: &User, session_id: &str) -> Value {
    let list = body(world.get(user, "/links").await).await;
    let sessions = list["sessions"].as_array().unwrap();
    let found = sessions.iter().find(|it| it["session_id"] == session_id);
    found.unwrap().clone()
}
