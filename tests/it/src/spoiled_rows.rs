//! One value that is not JSON, or no text, spoils its row at most: its page, its resource and its
//! link go on.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::{RESOURCES, World};
use truth::Canonical;

/// Adds a member to the object of this id, in every answer of the path.
fn odd(path: &str, id: &str, value: &str) -> Value {
    let from = format!(r#""id":"{id}""#);
    json!({"path": path, "from": from, "to": format!(r#"{from},"odd":{value}"#)})
}

/// The list of a resource at Belvo.
fn path(kind: &str) -> &'static str {
    match kind {
        "OWNERS" => "/api/owners/",
        "ACCOUNTS" => "/api/accounts/",
        "TRANSACTIONS" => "/api/transactions/",
        "BILLS" => "/api/bills/",
        "INVESTMENTS" => "/api/br/investments/",
        _ => "/api/br/investment-transactions/",
    }
}

impl Bank {
    /// The id of the first row Belvo holds of a resource.
    async fn first_id(&self, name: &str) -> String {
        self.truth().await[name][0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn rewrite(&self, rewrites: &[Value]) {
        self.faults(&json!({"rewrite": rewrites})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_json_does_not_know_spoils_its_row_alone() {
    for token in ["NaN", "-Infinity", "undefined", "01", "12,5", "'x'"] {
        spoils_its_row_alone(token).await;
    }
}

/// Such a row cannot be told from those behind it, unless Belvo gives it by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_stray_quote_or_bracket_spoils_its_row_alone() {
    for token in [r#""TV 50" LG""#, r#"{"a":[1}"#, r#"["TV", "50" LG"]"#] {
        spoils_its_row_alone(token).await;
    }
}

async fn spoils_its_row_alone(token: &str) {
    let world = World::with(&[("BelvoRequestsPer30Seconds", "10000")]).await;
    let bank = Bank::connected_in(world).await;
    let before = bank.world.records(bank.link_id()).await;
    let mut rewrites = Vec::new();
    let mut spoiled = Vec::new();
    for (kind, name) in RESOURCES {
        let id = bank.first_id(name).await;
        rewrites.push(odd(path(kind), &id, token));
        spoiled.push((kind, id));
    }
    bank.rewrite(&rewrites).await;
    bank.control("changes", &json!({"add": 3, "webhooks": false}))
        .await;
    for (kind, _) in RESOURCES {
        bank.announce(kind, "historical_update", json!({})).await;
    }
    let link = bank.link().await;
    assert!(!link.contains_key("last_error"), "{token}: {link:?}");
    let records = bank.world.records(bank.link_id()).await;
    for (kind, id) in &spoiled {
        let resource = link["resources"].get(kind);
        assert_eq!(resource.get("state").text(), "partial", "{kind} {token}");
        let rejected = resource.get("rejected").get(id);
        assert_eq!(rejected.text(), "not_json", "{kind} {token}");
        let is_it = |key: &&String| key.starts_with(&format!("{kind}#")) && key.ends_with(id);
        let key = before.keys().find(is_it).unwrap();
        assert_eq!(records.get(key), before.get(key), "it stays as it was");
    }
    let count = bank.truth().await["transactions"].as_array().unwrap().len();
    assert_eq!(
        bank.stored("TRANSACTIONS").await.len(),
        count,
        "the others came"
    );

    bank.faults(&json!({})).await;
    for (kind, _) in RESOURCES {
        bank.announce(kind, "historical_update", json!({})).await;
    }
    bank.assert_complete().await;
    assert_eq!(
        bank.link().await["resources"]
            .get("BILLS")
            .get("state")
            .text(),
        "ready"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_row_without_an_id_is_named_by_its_place() {
    let bank = Bank::connected().await;
    let id = bank.first_id("bills").await;
    bank.rewrite(&[json!({
        "path": "/api/bills/", "from": format!(r#""id":"{id}""#), "to": r#""id":NaN"#,
    })])
    .await;
    bank.news_of_bills().await;
    let link = bank.link().await;
    let bills = link["resources"].get("BILLS");
    let count = Canonical::from_json("1");
    assert_eq!(*bills.get("rejected_rows"), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_character_is_stored_as_a_replacement() {
    let bank = Bank::connected().await;
    let ids = bank.by_date().await;
    let (half, byte) = (&ids[0], &ids[1]);
    let cut = odd("/api/transactions/", half, r#""PIX \ud83d""#);
    let mut latin1 = odd("/api/transactions/", byte, "\"S\u{e3}o Paulo\"");
    latin1["latin1"] = json!(true);
    bank.rewrite(&[cut, latin1]).await;
    bank.all_news().await;
    let records = bank.world.records(bank.link_id()).await;
    for (id, text) in [(half, "PIX \u{FFFD}"), (byte, "S\u{FFFD}o Paulo")] {
        let is_it = |key: &&String| key.starts_with("TRANSACTIONS#") && key.ends_with(id);
        let key = records.keys().find(is_it).unwrap();
        assert_eq!(records[key]["data"].get("odd").text(), text);
    }
    let transactions = records["LINK"]["resources"].get("TRANSACTIONS").clone();
    assert_eq!(transactions.get("state").text(), "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_row_that_is_asked_for_by_its_id_stays_as_it_was() {
    for token in ["NaN", r#""TV 50" LG""#] {
        let bank = Bank::connected().await;
        stays_as_it_was(&bank, token).await;
    }
}

async fn stays_as_it_was(bank: &Bank, token: &str) {
    let before = bank.stored("BILLS").await;
    let ids = before.iter().map(|key| key.rsplit('#').next().unwrap());
    let details: Vec<Value> = ids
        .map(|id| odd(&format!("/api/bills/{id}/"), id, token))
        .collect();
    // The list agrees with itself and lacks a row, so that the row is asked for.
    bank.faults(&json!({
        "path": "/api/bills/", "short_page": true, "count_lies": -1, "rewrite": details,
    }))
    .await;
    bank.news_of_bills().await;
    assert_eq!(bank.stored("BILLS").await, before);
    assert!(!bank.link().await.contains_key("last_error"));
    let requests = bank.requests().await;
    let asked = requests
        .iter()
        .any(|it| it.starts_with("/api/bills/") && it.len() > 30);
    assert!(asked, "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_member_of_a_link_or_a_consent_hides_neither() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let odd = |path: &str| json!({"path": path, "from": r#""created_by":"#, "to": r#""odd":NaN,"created_by":"#});
    let of_consents = json!({
        "path": "/api/consents/", "from": r#""permissions":"#, "to": r#""odd":NaN,"permissions":"#,
    });
    let faults = json!({"rewrite": [odd("/api/links/"), of_consents]});
    world.sandbox("faults", &faults).await;
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    let records = world.records(&connected.link_id).await;
    let link = &records["LINK"];
    assert_eq!(link["status"].text(), "bound");
    assert_eq!(link["consent"].get("status").text(), "AUTHORISED");
    assert!(records.contains_key(&format!("CONSENT#{}", connected.consent_id)));
    let walk = json!({"sweep": "links", "page": 1});
    let report = world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!(report["links"], 1);
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

/// Neither something else in a list nor a second member of one name hides the rest.
#[tokio::test(flavor = "multi_thread")]
async fn odd_objects_among_links_and_consents_hide_no_other() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let results = r#""results":["#;
    let others = format!(r#"{results}7,null,{{"x":{deep}}},{{"id":1e999}},"#);
    let odd = r#""stale_in":1e999,"access_mode":1e999,"created_by":"#;
    let rewrites = json!([
        {"path": "/api/consents/", "from": results, "to": others},
        {"path": "/api/links/", "from": results, "to": others},
        {"path": "/api/links/", "from": r#""created_by":"#, "to": odd},
        {"path": "/api/consents/", "from": r#""permissions":"#, "to": r#""status":1e999,"permissions":"#},
    ]);
    world.sandbox("faults", &json!({"rewrite": rewrites})).await;
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    let records = world.records(&connected.link_id).await;
    let link = &records["LINK"];
    assert_eq!(link["status"].text(), "bound");
    assert!(!link.contains_key("last_error"), "{link:?}");
    assert!(!link["consent"].get("id").text().is_empty());
    let walk = json!({"sweep": "links", "page": 1});
    let report = world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!((&report["links"], &report["seen"]), (&json!(1), &json!(0)));
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

/// Otherwise an access to the bank would never be news, and a lost webhook never be found.
#[tokio::test(flavor = "multi_thread")]
async fn times_of_links_are_read_without_an_offset() {
    let bank = Bank::connected().await;
    bank.rewrite(&[json!({"path": "/api/links/", "from": "Z\"", "to": "\""})])
        .await;
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2);
    bank.control("access", &json!({"at": at.to_string()})).await;
    let walk = json!({"sweep": "links", "page": 1});
    let report = bank.world.stack.invoke("sweeper", walk).await.unwrap();
    assert_eq!(report["enqueued"], 1, "{report}");
}

/// What Belvo says is Belvo's word, whatever a member that no rule looks at holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_belvos_is_one_though_its_message_is_spoiled() {
    for odd in [r#""\ud83d""#, "1e999", "NaN"] {
        let bank = Bank::connected().await;
        let error = format!(r#"[{{"code":"not_found","message":{odd}}}]"#);
        let path = format!("/api/links/{}/", bank.link_id());
        let gateway = json!({
            "status": 404, "type": "application/json", "body": error, "path": path,
        });
        bank.faults(&json!({"gateway": [gateway]})).await;
        bank.announce("LINK", "link_deleted", json!({})).await;
        assert_eq!(bank.link().await["status"].text(), "gone", "{odd}");
    }
}
