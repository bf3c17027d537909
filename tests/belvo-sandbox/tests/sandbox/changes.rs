//! Changes at the bank, and amounts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, codes, parts};

#[tokio::test]
async fn counted_changes_do_what_they_say_and_announce_it() {
    let bench = Bench::new().await;
    let link = bench.link(4_000).await;
    let before = bench.truth(&link).await;
    let wish = json!({ "add": 10, "update": 4, "delete": 3 });
    let touched = bench.control(&format!("links/{link}/changes"), wish).await;
    bench.settle().await;
    let after = bench.truth(&link).await;
    assert_eq!(after["transactions"].as_array().unwrap().len(), 4_007);
    let find = |truth: &Value, id: &Value| {
        truth["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == *id)
            .cloned()
    };
    for id in touched["added"].as_array().unwrap() {
        assert!(find(&before, id).is_none() && find(&after, id).is_some());
    }
    for id in touched["updated"].as_array().unwrap() {
        let (old, new) = (find(&before, id).unwrap(), find(&after, id).unwrap());
        assert_eq!(
            (&old["status"], &new["status"]),
            (&json!("PENDING"), &json!("PROCESSED"))
        );
        assert_eq!(old["created_at"], new["created_at"]);
    }
    for id in touched["deleted"].as_array().unwrap() {
        assert!(find(&before, id).is_some() && find(&after, id).is_none());
        let answer = bench
            .get(&format!("/api/transactions/{}/", id.as_str().unwrap()))
            .await;
        assert_eq!(answer.status(), 404);
    }
    let bodies = bench.take_webhooks();
    let expected = [
        "new_accounts_available",
        "new_transactions_available",
        "transactions_updated",
        "transactions_deleted",
    ];
    assert_eq!(codes(&bodies), expected);
    assert_eq!(bodies[1]["data"]["new_transactions"], 10);
    assert_eq!(bodies[1]["process_type"], "recurrent_update");
    assert_eq!(bodies[1]["request_id"], touched["request_id"]);
    assert_ne!(
        before["link"]["last_accessed_at"],
        after["link"]["last_accessed_at"]
    );
}

#[tokio::test]
async fn exact_changes_keep_every_digit() {
    let bench = Bench::new().await;
    let link = bench.link(20).await;
    let account = bench.truth(&link).await["accounts"][2]["id"].clone();
    let id = "0d3ffb69-f83b-456e-ad8e-208d0998d71d";
    let wish = format!(
        r#"{{"add":[{{"id":"{id}","value_date":"2026-02-03","amount":123456789012345.6789,"created_at":"2020-01-01T00:00:00Z","status":"UNCATEGORIZED","account":{account},"extra":0.10}}]}}"#
    );
    let path = format!("/_sandbox/links/{link}/changes");
    let answer = bench
        .anonymous(Method::POST, &path)
        .body(wish)
        .send()
        .await
        .unwrap();
    assert_eq!(parts(answer).await.0, 200);
    let text = bench.text(&format!("/api/transactions/{id}/")).await;
    assert!(text.contains(r#""amount":123456789012345.6789"#), "{text}");
    assert!(text.contains(r#""extra":0.10"#), "{text}");
    let row: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&row["value_date"], &row["status"]),
        (&json!("2026-02-03"), &json!("UNCATEGORIZED"))
    );
    assert_eq!(row["account"]["id"], account);
    let first = bench
        .json(&format!("/api/transactions/?link={link}&page_size=1"))
        .await;
    assert_eq!(first["results"][0]["id"], id, "the oldest comes first");
    let update = json!({ "update": [{ "id": id, "value_date": "2026-04-05" }] });
    bench
        .control(&format!("links/{link}/changes"), update)
        .await;
    let moved = bench
        .json(&format!(
            "/api/transactions/?link={link}&value_date=2026-04-05&page_size=1000"
        ))
        .await;
    assert!(
        moved["results"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["id"] == id)
    );
    let undated = json!({ "update": [{ "id": id, "value_date": null }] });
    bench
        .control(&format!("links/{link}/changes"), undated)
        .await;
    let dated = bench
        .json(&format!(
            "/api/transactions/?link={link}&value_date__gte=1990-01-01"
        ))
        .await;
    assert_eq!(dated["count"], 20);
    bench
        .control(&format!("links/{link}/changes"), json!({ "delete": [id] }))
        .await;
    assert_eq!(
        bench
            .get(&format!("/api/transactions/{id}/"))
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn amounts_are_written_as_decimals_with_at_most_two_places() {
    let bench = Bench::new().await;
    let link = bench.link(500).await;
    let text = bench
        .text(&format!(
            "/api/transactions/?link={link}&page_size=1000&fields=amount"
        ))
        .await;
    let amounts: Vec<&str> = text
        .split("\"amount\":")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .collect();
    assert_eq!(amounts.len(), 500);
    for amount in &amounts {
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        assert!(
            whole
                .bytes()
                .chain(fraction.bytes())
                .all(|byte| byte.is_ascii_digit()),
            "{amount}"
        );
        assert!(fraction.len() <= 2 && !fraction.ends_with('0'), "{amount}");
    }
    assert!(amounts.iter().any(|amount| amount.contains('.')));
}

#[tokio::test]
async fn balances_follow_the_transactions() {
    let bench = Bench::new().await;
    let link = bench.link(100).await;
    let truth = bench.truth(&link).await;
    let cents = |truth: &Value| {
        (truth["accounts"][0]["balance"]["current"].as_f64().unwrap() * 100.0).round()
    };
    let account = &truth["accounts"][0]["id"];
    let wish = json!({ "add": [{ "account": account, "amount": 12.34, "type": "INFLOW" }] });
    bench.control(&format!("links/{link}/changes"), wish).await;
    assert_eq!(cents(&bench.truth(&link).await) - cents(&truth), 1_234.0);
}

#[tokio::test]
async fn a_month_later_another_bill_has_closed() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    let account = bench.truth(&link).await["accounts"][2]["id"].clone();
    bench.control("clock", json!({ "advance": "31d" })).await;
    bench.take_webhooks();
    let wish = json!({ "add": [{ "account": account }] });
    bench.control(&format!("links/{link}/changes"), wish).await;
    bench.settle().await;
    assert!(codes(&bench.take_webhooks()).contains(&"new_bills_available"));
    assert_eq!(
        bench.truth(&link).await["bills"].as_array().unwrap().len(),
        13
    );
}

#[tokio::test]
async fn a_backdated_purchase_changes_its_bill_and_that_is_announced() {
    let bench = Bench::new().await;
    let link = bench.link(100).await;
    let before = bench.truth(&link).await;
    let purchase = json!({ "account": before["accounts"][2]["id"], "value_date": "2026-10-20", "amount": 10, "type": "OUTFLOW" });
    bench
        .control(
            &format!("links/{link}/changes"),
            json!({ "add": [purchase] }),
        )
        .await;
    bench.settle().await;
    let bodies = bench.take_webhooks();
    let news = bodies
        .iter()
        .find(|body| body["webhook_code"] == "new_bills_available");
    assert_eq!(news.unwrap()["data"]["new_bills"], 0);
    let after = bench.truth(&link).await;
    assert_ne!(before["bills"], after["bills"]);
    // A refresh that changes no bill does not announce one.
    bench
        .control(
            &format!("links/{link}/changes"),
            json!({ "add": [{ "account": before["accounts"][0]["id"] }] }),
        )
        .await;
    bench.settle().await;
    assert!(!codes(&bench.take_webhooks()).contains(&"new_bills_available"));
}

#[tokio::test]
async fn card_transactions_name_the_bill_that_has_closed_and_its_total_is_theirs() {
    let bench = Bench::new().await;
    let link = bench.link(800).await;
    let truth = bench.truth(&link).await;
    let cents = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as i64;
    let rows = truth["transactions"].as_array().unwrap();
    for bill in truth["bills"].as_array().unwrap() {
        let total: i64 = rows
            .iter()
            .filter(|row| row["credit_card_data"]["credit_card_bill"]["id"] == bill["id"])
            .map(|row| {
                if row["type"] == "OUTFLOW" {
                    cents(&row["amount"])
                } else {
                    -cents(&row["amount"])
                }
            })
            .sum();
        assert_eq!(
            cents(&bill["total_amount"]),
            total.max(0),
            "{}",
            bill["bill_name"]
        );
    }
    let open = rows.iter().filter(|row| {
        row["credit_card_data"].is_object() && row["credit_card_data"]["bill_name"].is_null()
    });
    assert!(open.count() > 0);
}
