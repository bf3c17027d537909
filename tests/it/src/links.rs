//! The data that app front ends read: links, rows, statements, the export.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Response;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::{RESOURCES, User, World, event, events};
use truth::{Canonical, stored_form};

/// The paths of the six resources, in the order of [`RESOURCES`].
const PATHS: [&str; 6] = [
    "owners",
    "accounts",
    "transactions",
    "bills",
    "investments",
    "investment-transactions",
];

pub async fn body(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Reads a list to its end, page by page, and returns its items.
pub async fn all(world: &World, user: &User, path: &str, limit: usize) -> Vec<Canonical> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    let separator = if path.contains('?') { '&' } else { '?' };
    for _ in 0..1000 {
        let next = cursor.map(|it| format!("&cursor={it}")).unwrap_or_default();
        let page = format!("{path}{separator}limit={limit}{next}");
        let answer = world.get(user, &page).await;
        assert_eq!(answer.status(), 200, "{page}");
        let page = Canonical::from_json(&answer.text().await.unwrap());
        let rows = page.get("items").list();
        assert!(rows.len() <= limit || path == "/export");
        items.extend(rows.iter().cloned());
        match page.get("next_cursor") {
            Canonical::Text(next) => cursor = Some(next.clone()),
            _ => return items,
        }
    }
    panic!("{path} does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_bank_is_shown_with_everything_an_app_needs() {
    let bank = Bank::connected().await;
    let answer = bank.world.get(&bank.user, "/links").await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer.headers().get("retry-after").is_none(),
        "no sync is pending"
    );
    let overview = body(answer).await;
    let link = &overview["links"][0];
    assert_eq!(link["link_id"], bank.link_id());
    assert_eq!(link["status"], "ready");
    assert_eq!(link["next_action"]["action"], "none");
    assert_eq!(link["holder"], "individual");
    assert_eq!(link["access_mode"], "recurrent");
    assert_eq!(link["institution"]["name"], "ofmockbank_br_retail");
    assert!(link["institution"]["display_name"].is_string());
    assert!(
        link["institution"]["logo"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    let consent = &link["consent"];
    assert_eq!(consent["status"], "AUTHORISED");
    assert_eq!(consent["consent_id"], bank.connected.consent_id);
    assert!(consent["permissions"]["ACCOUNTS"].is_array(), "{consent}");
    for (_, name) in RESOURCES {
        let resource = &link["resources"][name];
        assert_eq!(resource["state"], "ready", "{name}");
        assert_eq!(resource["completeness"], "agrees", "{name}");
        assert!(resource["rows"].as_u64().unwrap() > 0, "{name}");
        assert!(resource["age_seconds"].as_u64().is_some(), "{name}");
    }
    let limits = link["limits"]["resources"].as_array().unwrap();
    let owners = limits.iter().find(|it| it["resource"] == "OWNERS").unwrap();
    assert_eq!((&owners["spent"], &owners["limit"]), (&json!(1), &json!(4)));
    let session = &overview["sessions"][0];
    assert_eq!(session["outcome"], "success");
    assert_eq!(session["link_id"], bank.link_id());

    let path = format!("/links/{}", bank.link_id());
    let mut alone = body(bank.world.get(&bank.user, &path).await).await;
    let mut link = link.clone();
    for (_, name) in RESOURCES {
        link["resources"][name]["age_seconds"] = Value::Null;
        alone["resources"][name]["age_seconds"] = Value::Null;
    }
    assert_eq!(alone, link);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_leaves_once_in_order_and_with_every_digit() {
    let bank = Bank::connected().await;
    let truth = bank
        .world
        .ask_sandbox(&format!("links/{}/truth", bank.link_id()))
        .await;
    let truth = Canonical::from_json(&truth);
    for (path, (kind, name)) in PATHS.into_iter().zip(RESOURCES) {
        let list = format!("/links/{}/{path}", bank.link_id());
        let items = all(&bank.world, &bank.user, &list, 500).await;
        let mut expected: Vec<_> = truth.get(name).list().to_vec();
        expected.sort_by_key(key);
        if path.ends_with("transactions") {
            expected.reverse();
        }
        let expected = expected.into_iter().map(|it| {
            let row = stored_form(kind, it).without_read_marks();
            with_link(row, bank.link_id())
        });
        let items: Vec<_> = items
            .into_iter()
            .map(Canonical::without_read_marks)
            .collect();
        assert_eq!(items, expected.collect::<Vec<_>>(), "{path}");
    }
}

/// Transactions by date, then all rows by id.
fn key(row: &Canonical) -> (Canonical, Canonical) {
    (row.get("value_date").clone(), row.get("id").clone())
}

fn with_link(row: Canonical, link_id: &str) -> Canonical {
    let Canonical::Map(mut members) = row else {
        panic!("no object");
    };
    members.insert("link_id".to_owned(), Canonical::Text(link_id.to_owned()));
    Canonical::Map(members)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_hold_the_same_rows() {
    let bank = Bank::connected().await;
    let list = format!("/links/{}/transactions", bank.link_id());
    let large = all(&bank.world, &bank.user, &list, 500).await;
    let month = &large[large.len() / 2].get("value_date").text()[..7];
    let (first, last) = (format!("{month}-01"), format!("{month}-12"));
    let some = format!("{list}?from={first}&to={last}");
    let of_these_days = |row: &&Canonical| {
        let date = row.get("value_date").text();
        date >= first.as_str() && date <= last.as_str()
    };
    let expected: Vec<_> = large.iter().filter(of_these_days).cloned().collect();
    assert!(
        (20..large.len()).contains(&expected.len()),
        "{}",
        expected.len()
    );
    for limit in [1, 7, 500] {
        assert_eq!(
            all(&bank.world, &bank.user, &some, limit).await,
            expected,
            "{limit}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_answer_is_a_304() {
    let bank = Bank::connected().await;
    let link = format!("/links/{}", bank.link_id());
    for path in [
        "/links".to_owned(),
        link.clone(),
        format!("{link}/accounts"),
        format!("{link}/transactions?limit=5"),
        "/transactions?limit=5".to_owned(),
    ] {
        let first = bank.world.get(&bank.user, &path).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = [("if-none-match", tag.as_str())];
        let known = bank.world.get_with(&bank.user, &path, &again).await;
        assert_eq!(known.status(), 304, "{path}");
        assert_eq!(known.headers()["etag"].to_str().unwrap(), tag);
        assert_eq!(known.bytes().await.unwrap().len(), 0);
    }
    let statement = format!("{link}/transactions");
    let before = bank.world.get(&bank.user, &statement).await;
    let tag = before.headers()["etag"].to_str().unwrap().to_owned();
    bank.control("changes", &json!({"add": 1})).await;
    bank.world.settle().await;
    let again = [("if-none-match", tag.as_str())];
    let changed = bank.world.get_with(&bank.user, &statement, &again).await;
    assert_eq!(changed.status(), 200);
}

/// The tag of an answer, if it has one.
async fn tag(bank: &Bank, path: &str) -> Option<String> {
    let answer = bank.world.get(&bank.user, path).await;
    let tag = answer.headers().get("etag");
    tag.map(|it| it.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_rows_changes_with_a_row_and_with_nothing_else() {
    let bank = Bank::connected().await;
    let link = format!("/links/{}", bank.link_id());
    let (accounts, statement) = (format!("{link}/accounts"), format!("{link}/transactions"));
    let tags = async || (tag(&bank, &accounts).await, tag(&bank, &statement).await);
    let before = tags().await;
    assert!(before.0.is_some() && before.1.is_some());
    bank.all_news().await;
    bank.announce("ACCOUNTS", "historical_update", json!({}))
        .await;
    assert_eq!(
        tags().await,
        before,
        "everything was read, and nothing had changed"
    );

    let row = json!({"id": bank.by_date().await[0], "description": "another"});
    bank.control("changes", &json!({"update": [row], "webhooks": false}))
        .await;
    bank.all_news().await;
    let after = tags().await;
    assert_eq!(after.0, before.0);
    assert_ne!(after.1, before.1);
    assert_eq!(
        tag(&bank, "/transactions").await,
        tag(&bank, "/transactions").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_a_link_changes_with_what_is_shown_and_with_nothing_else() {
    let bank = Bank::connected().await;
    let paths = ["/links".to_owned(), format!("/links/{}", bank.link_id())];
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for path in &paths {
        let before = tag(&bank, path).await;
        assert!(before.is_some());
        let full_sync = ["schedule", "full_sync"];
        bank.set_on_link(&full_sync, text("2099-01-01T00:00:00Z"))
            .await;
        assert_eq!(tag(&bank, path).await, before, "{path}: that is not shown");
        bank.set_on_link(&["access_mode"], text("single")).await;
        assert_ne!(tag(&bank, path).await, before, "{path}");
        bank.set_on_link(&["access_mode"], text("recurrent")).await;
        assert_eq!(tag(&bank, path).await, before, "{path}: as it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_read_has_no_tag() {
    let bank = Bank::connected().await;
    let link = format!("/links/{}", bank.link_id());
    let paths = [
        format!("{link}/accounts"),
        format!("{link}/transactions"),
        "/transactions".to_owned(),
    ];
    let views = ["/links".to_owned(), link];
    let mut before = Vec::new();
    for path in &paths {
        before.push(tag(&bank, path).await.unwrap());
    }
    // As a job does, before it reads anything.
    let link_id = domain::LinkId::parse(bank.link_id()).unwrap();
    crate::world::acquire(&bank.world.link_store(), link_id).await;
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(tag(&bank, path).await, None, "{path}");
        let known = [("if-none-match", before.as_str())];
        let answer = bank.world.get_with(&bank.user, path, &known).await;
        assert_eq!(answer.status(), 200, "{path}");
    }
    for path in &views {
        assert_eq!(tag(&bank, path).await, None, "{path}");
    }
    // That job has died, and may have written rows.
    bank.world
        .let_time_pass_until(bank.link_id(), jiff::Timestamp::now())
        .await;
    for (path, before) in paths.iter().zip(&before) {
        let after = tag(&bank, path).await;
        assert!(after.is_some_and(|it| it != *before), "{path}");
    }
    for path in &views {
        assert!(tag(&bank, path).await.is_some(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_has_its_answer() {
    let bank = Bank::connected().await;
    let erased = bank.world.connected(&bank.user).await.link_id;
    let receipt = bank
        .world
        .delete(&bank.user, &format!("/links/{erased}"))
        .await;
    let receipt = body(receipt).await["receipt_id"]
        .as_str()
        .unwrap()
        .to_owned();
    bank.world.settle().await;
    let replacements = [
        ("EXTERNAL_ID", bank.user.external_id.as_str()),
        ("LINK_ID", bank.link_id()),
        ("RECEIPT_ID", &receipt),
    ];
    let answers = [
        ("accounts", 200),
        ("delete_link", 202),
        ("delete_me", 202),
        ("export", 200),
        ("link", 200),
        ("links", 200),
        ("receipt", 200),
        ("refresh_of_accounts", 202),
        ("transactions_of_a_month", 200),
        ("transactions_of_all_links", 200),
    ];
    assert_eq!(events("links"), answers.map(|(name, _)| name));
    let mut in_order = answers.to_vec();
    // The requests that erase come last.
    in_order.sort_by_key(|(name, _)| name.starts_with("delete"));
    for (name, status) in in_order {
        let event = event("links", name, &replacements);
        let answer = bank.world.stack.invoke("links", event).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{name}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_query_names_the_parameter_and_the_rule() {
    let bank = Bank::connected().await;
    let link = format!("/links/{}", bank.link_id());
    for (path, pointer) in [
        ("/links?limit=5".to_owned(), "query ?"),
        (format!("{link}?x=1"), "query ?"),
        (format!("{link}/accounts?limit=0"), "query limit"),
        (format!("{link}/accounts?from=2026-01-01"), "query ?"),
        (format!("{link}/transactions?limit=501"), "query limit"),
        (format!("{link}/transactions?from=2026-02-30"), "query from"),
        (format!("{link}/transactions?cursor=%00"), "query cursor"),
        ("/transactions?to=soon".to_owned(), "query to"),
        ("/export?cursor=abc.def".to_owned(), "query cursor"),
    ] {
        let answer = bank.world.get(&bank.user, &path).await;
        assert_eq!(answer.status(), 400, "{path}");
        let problem = body(answer).await;
        assert_eq!(problem["type"], "/problems/invalid-request", "{path}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}");
    }
    for path in ["/links/x", "/links/76109277673/accounts", "/receipts/x"] {
        assert_eq!(
            bank.world.get(&bank.user, path).await.status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_all_links_are_one() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let other = json!({"institution": "ofbancoprimavera_br_retail"});
    let minted = world.mint(user).await;
    let second = world.connect_with(user, &minted, other).await.link_id;
    world.settle().await;
    let mut expected = Vec::new();
    for link in [bank.link_id(), &second] {
        expected.extend(all(world, user, &format!("/links/{link}/transactions"), 500).await);
    }
    let order = |it: &Canonical| (key(it), it.get("link_id").clone());
    expected.sort_by_key(|it| std::cmp::Reverse(order(it)));
    for limit in [499, 37] {
        let found = all(world, user, "/transactions", limit).await;
        assert_eq!(found.len(), expected.len());
        assert!(found == expected, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_has_every_stored_row_and_attempt() {
    let bank = Bank::connected().await;
    let records = bank.world.records(bank.link_id()).await;
    for limit in [500, 99] {
        let items = all(&bank.world, &bank.user, "/export", limit).await;
        let kinds = |kind: &str| {
            items
                .iter()
                .filter(|it| it.get("kind").text() == kind)
                .count()
        };
        for (kind, _) in RESOURCES {
            let prefix = format!("{kind}#");
            let stored = records
                .keys()
                .filter(|key| key.starts_with(&prefix))
                .count();
            assert_eq!(kinds(kind), stored, "{kind}");
        }
        assert_eq!(
            (kinds("LINK"), kinds("SESSIONS"), kinds("CONSENTS")),
            (1, 1, 1)
        );
        assert!(kinds("EVENTS") > 0);
        assert_eq!(items.len(), records.len() + 1, "each once, and the session");
    }
}
