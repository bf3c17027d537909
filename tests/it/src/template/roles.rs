//! Each function's role, against the function's calls.
//!
//! In every test of this crate, the local stack refuses calls that a role does not allow. Here a
//! run makes every kind of call once, and a role may not allow more than that.

use std::collections::BTreeSet;

use local_stack::Call;
use serde_json::{Value, json};
use url::Url;

use super::{TEXT, account, template};
use crate::bank::Bank;
use crate::world::{Connected, User, World, failures, record};

/// The mode whose functions read one more secret.
const PARAMETERS: [(&str, &str); 1] = [("ExternalIdMode", "derived")];

/// AWS's own calls with a function's role, before or after the function runs.
fn is_in_its_name(function: &str, action: &str) -> bool {
    let polls = ["DeleteMessage", "GetQueueAttributes", "ReceiveMessage"];
    let polls = polls.iter().any(|it| action == format!("sqs:{it}"));
    let services = ["kms:", "logs:"];
    services.iter().any(|it| action.starts_with(it)) || (function == "fetcher" && polls)
}

/// All permissions of roles for the functions' own calls.
fn allowed() -> BTreeSet<Call> {
    let system = template(TEXT, &PARAMETERS).system(&account()).unwrap();
    let functions = system.functions.iter();
    let grants = functions.flat_map(|function| {
        let grants = function.role.as_ref().unwrap().grants.iter();
        let own = grants.filter(|(action, _)| !is_in_its_name(&function.name, action));
        own.map(|(action, arn)| (function.name.clone(), action.clone(), arn.clone()))
    });
    grants.collect()
}

/// A secret's ARN without its random end.
fn without_chance((function, action, arn): Call) -> Call {
    let arn = match arn.rsplit_once('-') {
        Some((name, _)) if arn.contains(":secret:") => name.to_owned(),
        _ => arn,
    };
    (function, action, arn)
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_allow_exactly_the_functions_own_calls() {
    let world = World::with(&PARAMETERS).await;
    let mut user = world.individual().await;
    let connected = connect(&world, &mut user).await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    read(&bank).await;
    come_back(&bank).await;
    change(&bank).await;
    sweep(&bank).await;
    erase(&bank).await;
    fail(&bank).await;

    let calls = bank.world.stack.calls().into_iter();
    let calls: BTreeSet<Call> = calls.map(without_chance).collect();
    let allowed = allowed();
    let refused: Vec<_> = calls.difference(&allowed).collect();
    assert!(refused.is_empty(), "not allowed: {refused:#?}");
    let unused: Vec<_> = allowed.difference(&calls).collect();
    assert!(unused.is_empty(), "not needed: {unused:#?}");
}

/// A user whose id is derived with our secret.
async fn connect(world: &World, user: &mut User) -> Connected {
    let minted = world.mint(user).await;
    let url = Url::parse(&minted.widget_url).unwrap();
    let id = url.query_pairs().find(|(name, _)| name == "external_id");
    user.external_id = id.unwrap().1.into_owned();
    let connected = world.connect(user, &minted).await;
    assert_eq!(world.follow(&connected.redirect_url).await.status(), 200);
    world.settle().await;
    assert_eq!(
        world.link(&connected.link_id).await["status"].text(),
        "bound"
    );
    connected
}

async fn read(bank: &Bank) {
    let link = format!("/links/{}", bank.link_id());
    for path in [
        "/links",
        &link,
        &format!("{link}/transactions?limit=5"),
        "/transactions",
        "/export",
    ] {
        let answer = bank.world.get(&bank.user, path).await;
        assert_eq!(answer.status(), 200, "{path}");
    }
    // The records of a link begin on the second page.
    let first = bank.world.get(&bank.user, "/export").await;
    let first: Value = first.json().await.unwrap();
    let next = format!("/export?cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(bank.world.get(&bank.user, &next).await.status(), 200);
}

/// The same user again: with a connected bank, in the portal, and in an app that catches redirects.
async fn come_back(bank: &Bank) {
    let known = json!({"institutions": ["ofmockbank_br_retail"]});
    let minted = bank.world.mint_with(&bank.user, &known).await;
    let failed = json!({"outcome": "exit_error:login_error"});
    let failed = bank.world.connect_with(&bank.user, &minted, failed).await;
    let renew = json!({"mode": "renew", "link_id": bank.link_id()});
    for (path, body, status) in [
        ("/callback", json!({"url": failed.redirect_url}), 202),
        ("/portal", renew, 201),
    ] {
        let answer = bank.world.post(&bank.user, path, &body).await;
        assert_eq!(answer.status(), status, "{path}");
    }
    bank.world.settle().await;
}

/// Rows are added, changed, moved and removed; a renewed consent makes a new link; the user
/// requests a refresh.
async fn change(bank: &Bank) {
    let today = bank.today().await;
    let ids = bank.by_date().await;
    let moved = json!([{"id": ids[0], "value_date": today}]);
    for changes in [
        json!({"add": 3, "update": 3, "delete": 3}),
        json!({"update": moved}),
        // So many are marked before any of them goes.
        json!({"delete": 80}),
    ] {
        bank.control("changes", &changes).await;
        bank.world.settle().await;
    }
    bank.control("renew", &json!({"new_link": true})).await;
    bank.world.settle().await;
    let path = format!("/links/{}/refresh", bank.link_id());
    let answer = bank.world.post(&bank.user, &path, &json!({})).await;
    assert_eq!(answer.status(), 202);
    bank.world.settle().await;
}

/// All sweeps of the schedules and of an operator.
async fn sweep(bank: &Bank) {
    let link_id = bank.link_id();
    let later = "2099-01-01T00:00:00Z";
    for event in [
        json!({"sweep": "due", "until": later}),
        json!({"sweep": "due", "until": later, "link_id": link_id}),
        json!({"sweep": "links"}),
        json!({"sweep": "replay", "link_id": link_id}),
        json!({"sweep": "reread", "link_id": link_id}),
        json!({"sweep": "reread", "all": true}),
        json!({"sweep": "erased", "month": "2026-11"}),
    ] {
        let answer = bank.world.stack.invoke("sweeper", event.clone()).await;
        assert!(answer.is_ok(), "{event}: {answer:?}");
        bank.world.settle().await;
    }
}

async fn erase(bank: &Bank) {
    let link = format!("/links/{}", bank.link_id());
    for path in [link.as_str(), "/me"] {
        let answer = bank.world.delete(&bank.user, path).await;
        assert_eq!(answer.status(), 202, "{path}");
        let asked: Value = answer.json().await.unwrap();
        bank.world.settle().await;
        let receipt = format!("/receipts/{}", asked["receipt_id"].as_str().unwrap());
        let answer = bank.world.get(&bank.user, &receipt).await;
        assert_eq!(answer.status(), 200);
    }
    bank.world.let_time_pass(bank.link_id()).await;
    bank.world.settle().await;
}

/// A job fails, and comes again; one that had to be set apart is sent to where it belongs.
async fn fail(bank: &Bank) {
    let due =
        json!({"job": "link_due.v1", "link_id": bank.link_id(), "until": "2026-11-23T12:00:00Z"});
    for (group, tables_fail, failed) in [(bank.link_id(), true, 1), ("unreadable-m", false, 0)] {
        bank.world.stack.fail_tables(tables_fail);
        let batch = json!({"Records": [record("m", group, &due)]});
        let answer = bank.world.stack.invoke("fetcher", batch).await.unwrap();
        assert_eq!(failures(&answer).len(), failed);
    }
    bank.world.settle().await;
}
