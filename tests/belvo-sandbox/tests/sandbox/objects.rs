//! Changes of owners, accounts, bills, investments and their movements.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, codes, error, parts};

const KINDS: [(&str, &str); 5] = [
    ("owners", "/api/owners/"),
    ("accounts", "/api/accounts/"),
    ("bills", "/api/bills/"),
    ("investments", "/api/br/investments/"),
    (
        "investment_transactions",
        "/api/br/investment-transactions/",
    ),
];

fn rows<'a>(truth: &'a Value, kind: &str) -> &'a Vec<Value> {
    truth[kind].as_array().unwrap()
}

fn row<'a>(truth: &'a Value, kind: &str, id: &Value) -> Option<&'a Value> {
    rows(truth, kind).iter().find(|row| row["id"] == *id)
}

#[tokio::test]
async fn changes_by_number_show_in_truth_list_and_detail_of_every_kind() {
    let bench = Bench::new().await;
    for (kind, path) in KINDS {
        let link = bench.link(300).await;
        // One owner cannot both change and vanish.
        bench
            .control(
                &format!("links/{link}/objects"),
                json!({ "resource": kind, "add": 1, "webhooks": false }),
            )
            .await;
        let before = bench.truth(&link).await;
        bench.control("clock", json!({ "advance": "1h" })).await;
        let wish =
            json!({ "resource": kind, "add": 2, "update": 1, "delete": 1, "webhooks": false });
        let touched = bench.control(&format!("links/{link}/objects"), wish).await;
        let after = bench.truth(&link).await;
        assert_eq!(
            rows(&after, kind).len(),
            rows(&before, kind).len() + 1,
            "{kind}"
        );
        let list = bench
            .json(&format!("{path}?link={link}&page_size=1000"))
            .await;
        assert_eq!(list["results"], after[kind], "{kind}");
        for id in touched["added"].as_array().unwrap() {
            assert!(row(&before, kind, id).is_none(), "{kind}");
            let detail = bench
                .json(&format!("{path}{}/", id.as_str().unwrap()))
                .await;
            assert_eq!(Some(&detail), row(&after, kind, id), "{kind}");
        }
        let updated = &touched["updated"][0];
        assert_ne!(
            row(&before, kind, updated).unwrap(),
            row(&after, kind, updated).unwrap(),
            "{kind}"
        );
        let deleted = touched["deleted"][0].as_str().unwrap();
        let answer = bench.get(&format!("{path}{deleted}/")).await;
        assert_eq!(answer.status(), 404, "{kind}");
        assert_ne!(
            before["link"]["last_accessed_at"],
            after["link"]["last_accessed_at"]
        );
        for (other, _) in KINDS {
            let is_child = [
                ("accounts", "bills"),
                ("investments", "investment_transactions"),
            ]
            .contains(&(kind, other));
            if other != kind && !is_child {
                assert_eq!(before[other], after[other], "{kind} leaves {other} alone");
            }
        }
    }
    bench.settle().await;
    assert_eq!(bench.take_webhooks(), Vec::<Value>::new());
}

#[tokio::test]
async fn new_rows_have_an_event_and_other_changes_the_totals() {
    let bench = Bench::new().await;
    let link = bench.link(10).await;
    for (kind, _) in KINDS {
        let path = format!("links/{link}/objects");
        let wish = json!({ "resource": kind, "add": 2, "update": 1 });
        let touched = bench.control(&path, wish).await;
        bench.settle().await;
        let bodies = bench.take_webhooks();
        assert_eq!(codes(&bodies), [format!("new_{kind}_available")]);
        assert_eq!(bodies[0]["data"], json!({ format!("new_{kind}"): 2 }));
        assert_eq!(bodies[0]["webhook_type"], kind.to_uppercase());
        assert_eq!(bodies[0]["request_id"], touched["request_id"]);
        for wish in [
            json!({ "resource": kind, "update": 1 }),
            json!({ "resource": kind, "delete": 1 }),
        ] {
            bench.control(&path, wish).await;
            bench.settle().await;
            let bodies = bench.take_webhooks();
            assert_eq!(codes(&bodies), ["historical_update"]);
            assert_eq!(bodies[0]["webhook_type"], kind.to_uppercase());
            let data = &bodies[0]["data"];
            let total = data.get(format!("total_{kind}"));
            let total = total.unwrap_or(&data["total_transactions"]);
            assert_eq!(total, rows(&bench.truth(&link).await, kind).len(), "{kind}");
        }
        let nothing = json!({ "resource": kind });
        bench.control(&path, nothing).await;
        bench.settle().await;
        assert_eq!(bench.take_webhooks().len(), 0, "nothing to tell");
    }
}

#[tokio::test]
async fn fields_set_by_a_test_keep_every_digit_through_the_next_collection() {
    let bench = Bench::new().await;
    let link = bench.link(50).await;
    let path = format!("/_sandbox/links/{link}/objects");
    for (kind, list) in KINDS {
        let id = bench.truth(&link).await[kind][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let wish = format!(
            r#"{{"resource":"{kind}","update":[{{"id":"{id}","amount":123456789012345.6700,"type":"OUTRO"}}]}}"#
        );
        let request = bench.anonymous(Method::POST, &path).body(wish);
        assert_eq!(parts(request.send().await.unwrap()).await.0, 200);
        bench
            .control(&format!("links/{link}/changes"), json!({ "add": 1 }))
            .await;
        let text = bench.text(&format!("{list}{id}/")).await;
        assert!(text.contains(r#""amount":123456789012345.6700"#), "{text}");
        assert!(text.contains(r#""type":"OUTRO""#), "{text}");
    }
    // Filters use the fields set by the test.
    let by_kind = bench
        .json(&format!(
            "/api/transactions/?link={link}&account_type=OUTRO"
        ))
        .await;
    assert!(by_kind["count"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn rows_show_the_account_or_investment_as_it_is_now() {
    let bench = Bench::new().await;
    let link = bench.link(200).await;
    let path = format!("links/{link}/objects");
    let before = bench.truth(&link).await;
    let shown = async |kind: &str, field: &str, id: &Value| {
        let truth = bench.truth(&link).await;
        let all = rows(&truth, kind).iter().map(|row| row[field].clone());
        all.filter(|shown| shown["id"] == *id).collect::<Vec<_>>()
    };
    let card = &before["accounts"][2]["id"];
    let wish =
        json!({ "resource": "accounts", "update": [{ "id": card, "name": "Cartão Platina" }] });
    bench.control(&path, wish).await;
    for round in 0..2 {
        let truth = bench.truth(&link).await;
        let current = row(&truth, "accounts", card).unwrap();
        assert_eq!(current["name"], "Cartão Platina");
        for kind in ["transactions", "bills"] {
            let copies = shown(kind, "account", card).await;
            assert!(!copies.is_empty());
            assert!(
                copies.iter().all(|copy| copy == current),
                "{kind}, round {round}"
            );
        }
        // The balance changes, the name set by the test stays, and the embedded copies follow.
        bench
            .control(&format!("links/{link}/changes"), json!({ "add": 9 }))
            .await;
    }
    let fund = &before["investments"][0]["id"];
    let wish =
        json!({ "resource": "investments", "update": [{ "id": fund, "product_name": "Outro" }] });
    bench.control(&path, wish).await;
    let copies = shown("investment_transactions", "investment", fund).await;
    assert_eq!(copies.len(), 5);
    assert!(copies.iter().all(|copy| copy["product_name"] == "Outro"));
    let wish = json!({ "resource": "investments", "delete": [fund] });
    bench.control(&path, wish).await;
    let copies = shown("investment_transactions", "investment", fund).await;
    assert_eq!(copies.len(), 5, "movements of a vanished investment stay");
}

#[tokio::test]
async fn exact_rows_can_be_added_and_a_vanished_one_can_come_back() {
    let bench = Bench::new().await;
    let link = bench.link(20).await;
    let path = format!("links/{link}/objects");
    let account = "7d3ffb69-f83b-456e-ad8e-208d0998d71d";
    let wish = json!({ "resource": "accounts", "add": [{ "id": account, "type": "NOVA", "balance": { "current": 1 } }] });
    bench.control(&path, wish).await;
    let wish = json!({ "add": [{ "account": account, "amount": 5 }] });
    let touched = bench.control(&format!("links/{link}/changes"), wish).await;
    let found = bench
        .json(&format!("/api/transactions/?link={link}&account_type=NOVA"))
        .await;
    assert_eq!(found["results"][0]["id"], touched["added"][0]);
    assert_eq!(found["results"][0]["account"]["balance"]["current"], 1);
    let bill =
        json!({ "resource": "bills", "add": [{ "account": account, "due_date": "2026-01-15" }] });
    let touched = bench.control(&path, bill).await;
    let truth = bench.truth(&link).await;
    let bill = row(&truth, "bills", &touched["added"][0]).unwrap();
    assert_eq!(
        bill["account"],
        *row(&truth, "accounts", &json!(account)).unwrap()
    );
    bench
        .control(
            &path,
            json!({ "resource": "accounts", "delete": [account] }),
        )
        .await;
    assert!(row(&bench.truth(&link).await, "accounts", &json!(account)).is_none());
    bench
        .control(
            &path,
            json!({ "resource": "accounts", "add": [{ "id": account }] }),
        )
        .await;
    assert!(row(&bench.truth(&link).await, "accounts", &json!(account)).is_some());
}

#[tokio::test]
async fn an_impossible_change_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let path = format!("/_sandbox/links/{link}/objects");
    let before = bench.truth(&link).await;
    let unknown = "7d3ffb69-f83b-456e-ad8e-208d0998d71d";
    for wish in [
        json!({ "resource": "transactions", "add": 1 }),
        json!({ "resource": "nothing" }),
        json!({ "add": 1 }),
        json!({ "resource": "owners", "add": 1, "delete": [unknown] }),
        json!({ "resource": "owners", "add": 1, "update": [{ "id": unknown }] }),
        json!({ "resource": "owners", "update": [{ "email": "a@example.com" }] }),
        json!({ "resource": "bills", "add": [{ "account": unknown }] }),
        json!({ "resource": "owners", "add": [{ "id": before["owners"][0]["id"] }] }),
    ] {
        let answer = bench.request(Method::POST, &path, Some(wish.clone())).await;
        assert_eq!(answer.status(), 400, "{wish}");
    }
    assert_eq!(bench.truth(&link).await, before);
    let answer = bench.get(&format!("/api/owners/{unknown}/")).await;
    assert_eq!(error(answer).await.1, "not_found");
}
