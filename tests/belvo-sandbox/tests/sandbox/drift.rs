//! Lists that change while they are read, and pages that misreport their rows.

use serde_json::{Value, json};

use crate::bench::Bench;

async fn page(bench: &Bench, link: &str, number: u64) -> Value {
    bench
        .json(&format!(
            "/api/transactions/?link={link}&page_size=10&page={number}"
        ))
        .await
}

async fn read(bench: &Bench, link: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut number = 1;
    loop {
        let body = page(bench, link, number).await;
        let rows = body["results"].as_array().unwrap();
        pages.push(rows.iter().map(|row| row["id"].clone()).collect());
        if body["next"].is_null() {
            return pages;
        }
        number += 1;
    }
}

fn truth_ids(truth: &Value) -> Vec<Value> {
    let rows = truth["transactions"].as_array().unwrap();
    rows.iter().map(|row| row["id"].clone()).collect()
}

#[tokio::test]
async fn a_row_that_vanishes_between_pages_hides_another() {
    let bench = Bench::new().await;
    let link = bench.link(35).await;
    let before = truth_ids(&bench.truth(&link).await);
    let drift = json!([{ "path": "transactions", "page": 1, "delete": [before[3]] }]);
    bench.faults(json!({ "drift": drift })).await;
    let pages = read(&bench, &link).await;
    assert_eq!(pages[0], before[..10], "computed before the change");
    assert_eq!(pages[1][0], before[11], "the eleventh was never shown");
    bench.settle().await;
    assert_eq!(bench.take_webhooks().len(), 0);
    let noted = bench.json("/_sandbox/drifts").await;
    assert_eq!(noted.as_array().unwrap().len(), 1);
    assert_eq!(noted[0]["deleted"], json!([before[3]]));
    assert_eq!(
        read(&bench, &link).await.concat(),
        truth_ids(&bench.truth(&link).await),
        "once"
    );
}

#[tokio::test]
async fn an_old_row_that_comes_between_pages_repeats_another() {
    let bench = Bench::new().await;
    let link = bench.link(35).await;
    let before = truth_ids(&bench.truth(&link).await);
    let drift = json!([
        { "path": "transactions", "page": 1, "add": [{ "created_at": "2020-01-01T00:00:00Z" }] },
        { "path": "transactions", "page": 2, "add": 3, "update": 1 },
        { "path": "bills", "page": 1, "delete": 1 },
    ]);
    bench.faults(json!({ "drift": drift })).await;
    let pages = read(&bench, &link).await;
    assert_eq!(pages[1][0], before[9], "the tenth again");
    assert_eq!(
        bench.json("/_sandbox/drifts").await[1]["added"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(truth_ids(&bench.truth(&link).await).len(), 39);
    bench.json(&format!("/api/bills/?link={link}")).await;
    assert_eq!(truth_ids(&bench.truth(&link).await).len(), 38);
}

#[tokio::test]
async fn an_impossible_drift_is_logged() {
    let bench = Bench::new().await;
    let link = bench.link(5).await;
    let unknown = "7d3ffb69-f83b-456e-ad8e-208d0998d71d";
    let drift = json!([{ "path": "", "page": 1, "delete": [unknown] }]);
    bench.faults(json!({ "drift": drift })).await;
    page(&bench, &link, 1).await;
    let noted = bench.json("/_sandbox/drifts").await;
    assert!(noted[0]["error"].as_str().unwrap().contains(unknown));
}

#[tokio::test]
async fn repeated_rows_come_in_addition() {
    let bench = Bench::new().await;
    let link = bench.link(25).await;
    let before = truth_ids(&bench.truth(&link).await);
    bench.faults(json!({ "repeat_rows": 1 })).await;
    let pages = read(&bench, &link).await;
    assert_eq!(pages[1], before[9..20]);
    assert_eq!(pages[2], before[20..]);
}

#[tokio::test]
async fn pages_can_lack_rows_and_lists_can_be_empty_for_a_while() {
    let bench = Bench::new().await;
    let link = bench.link(25).await;
    let check = async |fault: &str, count: u64, rows: usize, more: bool| {
        bench
            .faults(json!({ fault: 1, "path": "transactions" }))
            .await;
        // Requests for other lists neither see the fault nor use it up.
        assert_eq!(
            bench.json(&format!("/api/owners/?link={link}")).await["count"],
            1
        );
        let struck = page(&bench, &link, 1).await;
        assert_eq!(struck["count"], count, "{fault}");
        assert_eq!(struck["results"].as_array().unwrap().len(), rows, "{fault}");
        assert_eq!(struck["next"].is_string(), more, "{fault}");
        let again = page(&bench, &link, 1).await;
        assert_eq!(again["count"], 25, "{fault}");
        assert_eq!(again["results"].as_array().unwrap().len(), 10, "{fault}");
    };
    check("short_page", 25, 9, true).await;
    check("empty_page", 25, 0, true).await;
    check("empty_list", 0, 0, false).await;
    check("count_flips", 26, 10, true).await;
}
