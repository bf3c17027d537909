//! Lists: paging, filters, fields, order, and the same data every time.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::bench::Bench;

/// Follows `next` to the end.
async fn walk(bench: &Bench, first: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut path = Some(first.to_owned());
    while let Some(page) = path {
        let body = bench.json(&page).await;
        rows.extend(body["results"].as_array().unwrap().clone());
        path = body["next"]
            .as_str()
            .map(|next| next.replace(bench.sandbox.url(), ""));
    }
    rows
}

fn ids(rows: &[Value]) -> HashSet<String> {
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_cover_every_row_exactly_once() {
    let bench = Bench::new().await;
    let link = bench.link(2_345).await;
    let rows = walk(
        &bench,
        &format!("/api/transactions/?link={link}&page_size=1000"),
    )
    .await;
    assert_eq!(rows.len(), 2_345);
    assert_eq!(ids(&rows).len(), 2_345);
    let truth = bench.truth(&link).await;
    assert_eq!(truth["transactions"], Value::Array(rows));
}

#[tokio::test]
async fn pages_are_a_hundred_rows_unless_asked_and_never_above_a_thousand() {
    let bench = Bench::new().await;
    let link = bench.link(1_500).await;
    let usual = bench.json(&format!("/api/transactions/?link={link}")).await;
    assert_eq!(usual["results"].as_array().unwrap().len(), 100);
    assert_eq!(usual["count"], 1_500);
    let path = format!("/api/transactions/?link={link}&page_size=5000&value_date__gte=2000-01-01");
    let large = bench.json(&path).await;
    assert_eq!(large["results"].as_array().unwrap().len(), 1_000);
    let next = large["next"].as_str().unwrap();
    assert!(next.starts_with(bench.sandbox.url()), "{next}");
    assert!(
        next.contains("value_date__gte=2000-01-01") && next.contains("page_size=5000"),
        "{next}"
    );
    assert!(next.ends_with("page=2"), "{next}");
    let last = bench.json(&next.replace(bench.sandbox.url(), "")).await;
    assert_eq!(last["next"], Value::Null);
    assert!(last["previous"].as_str().unwrap().ends_with("page=1"));
}

#[tokio::test]
async fn slices_by_date_add_up_to_the_whole() {
    let bench = Bench::new().await;
    let link = bench.link(1_000).await;
    let all = bench.truth(&link).await["transactions"]
        .as_array()
        .unwrap()
        .clone();
    let days: Vec<&str> = all
        .iter()
        .map(|row| row["value_date"].as_str().unwrap())
        .collect();
    let middle = days[400];
    let at = |operator: &str| {
        format!("/api/transactions/?link={link}&page_size=1000&value_date{operator}={middle}")
    };
    let count = async |path: String| walk(&bench, &path).await.len();
    let equal = days.iter().filter(|day| **day == middle).count();
    let below = days.iter().filter(|day| **day < middle).count();
    assert_eq!(count(at("")).await, equal);
    assert_eq!(count(at("__lt")).await, below);
    assert_eq!(count(at("__lte")).await, below + equal);
    assert_eq!(count(at("__gt")).await, 1_000 - below - equal);
    assert_eq!(count(at("__gte")).await, 1_000 - below);
    let range = format!(
        "/api/transactions/?link={link}&page_size=1000&value_date__range={middle},{middle}"
    );
    assert_eq!(count(range).await, equal);
}

#[tokio::test]
async fn other_filters_let_pass_what_they_name() {
    let bench = Bench::new().await;
    let link = bench.link(600).await;
    let truth = bench.truth(&link).await;
    let rows = truth["transactions"].as_array().unwrap();
    let account = truth["accounts"][2]["id"].as_str().unwrap();
    let check = async |query: String, keep: &dyn Fn(&Value) -> bool| {
        let path = format!("/api/transactions/?link={link}&page_size=1000&{query}");
        let expected: Vec<&Value> = rows.iter().filter(|row| keep(row)).collect();
        let found = walk(&bench, &path).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        assert!(!expected.is_empty(), "{query} proves nothing");
    };
    check(format!("account={account}"), &|row| {
        row["account"]["id"] == account
    })
    .await;
    check("status=PENDING".into(), &|row| row["status"] == "PENDING").await;
    check("type__in=INFLOW,OTHER".into(), &|row| {
        row["type"] == "INFLOW"
    })
    .await;
    check("amount__gte=500".into(), &|row| {
        row["amount"].as_f64().unwrap() >= 500.0
    })
    .await;
    check("account_type=GOLD".into(), &|row| {
        row["account"]["type"] == "GOLD"
    })
    .await;
    let card_day = rows
        .iter()
        .find_map(|row| row["accounting_date"].as_str())
        .unwrap();
    check(format!("accounting_date={card_day}"), &|row| {
        row["accounting_date"] == card_day
    })
    .await;
    let today = truth["link"]["created_at"].as_str().unwrap()[..10].to_owned();
    check(format!("created_at={today}"), &|_| true).await;
    check(format!("collected_at__gte={today}"), &|_| true).await;
}

#[tokio::test]
async fn several_links_are_listed_together() {
    let bench = Bench::new().await;
    let (one, two, other) = (
        bench.link(30).await,
        bench.link(40).await,
        bench.link(50).await,
    );
    let rows = walk(
        &bench,
        &format!("/api/transactions/?link__in={one},{two}&page_size=20"),
    )
    .await;
    assert_eq!((rows.len(), ids(&rows).len()), (70, 70));
    let accounts = walk(&bench, "/api/accounts/?page_size=5").await;
    assert_eq!(accounts.len(), 12);
    assert!(accounts.iter().any(|row| row["link"] == other.as_str()));
}

#[tokio::test]
async fn fields_and_omit_act_on_the_top_level() {
    let bench = Bench::new().await;
    let link = bench.link(3).await;
    let only = bench
        .json(&format!("/api/transactions/?link={link}&fields=id,amount"))
        .await;
    let keys: Vec<&String> = only["results"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["amount", "id"]);
    let without = bench
        .json(&format!(
            "/api/transactions/?link={link}&omit=account,merchant"
        ))
        .await;
    let row = without["results"][0].as_object().unwrap();
    assert!(!row.contains_key("account") && row.contains_key("description"));
}

#[tokio::test]
async fn a_row_can_be_read_alone() {
    let bench = Bench::new().await;
    let link = bench.link(50).await;
    let truth = bench.truth(&link).await;
    let paths = [
        ("owners", "owners"),
        ("accounts", "accounts"),
        ("transactions", "transactions"),
        ("bills", "bills"),
        ("investments", "br/investments"),
        ("investment_transactions", "br/investment-transactions"),
    ];
    for (kind, path) in paths {
        let row = truth[kind].as_array().unwrap().last().unwrap();
        let id = row["id"].as_str().unwrap();
        assert_eq!(
            &bench.json(&format!("/api/{path}/{id}/")).await,
            row,
            "{kind}"
        );
    }
    let link_object = bench.json(&format!("/api/links/{link}/")).await;
    assert_eq!(link_object, truth["link"]);
}

#[tokio::test]
async fn links_are_found_by_external_id_institution_and_user() {
    let bench = Bench::new().await;
    for (user, owner) in [
        ("user-a", "48291530750"),
        ("user-b", "07531864207"),
        ("user-b", "91360274804"),
    ] {
        let wish =
            json!({ "external_id": user, "transactions": 1, "owner": owner, "webhooks": false });
        bench.control("links", wish).await;
    }
    let count =
        async |query: &str| bench.json(&format!("/api/links/?{query}")).await["count"].as_u64();
    assert_eq!(count("").await, Some(3));
    assert_eq!(count("external_id=user-b").await, Some(2));
    assert_eq!(count("external_id__in=user-a,user-b").await, Some(3));
    assert_eq!(count("status=valid&access_mode=recurrent").await, Some(3));
    assert_eq!(count("status=invalid").await, Some(0));
    assert_eq!(count("created_at__gte=2020-01-01").await, Some(3));
    assert_eq!(count("created_at__lt=2020-01-01").await, Some(0));
    let consents = bench.json("/api/consents/?user_document=07531864207").await;
    assert_eq!(consents["count"], 1);
    let id = consents["results"][0]["id"].as_str().unwrap();
    assert_eq!(
        bench.json(&format!("/api/consents/{id}/")).await,
        consents["results"][0]
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_data_and_another_seed_another() {
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let bench = Bench::with_seed(seed).await;
        let link = bench.connect().await;
        let truth = bench.truth(&link).await;
        let facts: Vec<Value> = truth["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                json!([
                    row["id"],
                    row["value_date"],
                    row["amount"],
                    row["description"]
                ])
            })
            .collect();
        seen.push((link, truth["owners"][0]["id"].clone(), facts));
    }
    assert_eq!(seen[0], seen[1]);
    // Also the same in another process, and in the next version.
    assert_eq!(seen[0].0, "10fcef62-413f-4513-b870-a4967bf1678a");
    assert_ne!(seen[0].0, seen[2].0);
    assert_ne!(seen[0].2, seen[2].2);
}

#[tokio::test]
async fn a_large_link_is_made_and_paged_quickly_enough_to_be_useful() {
    let bench = Bench::new().await;
    let link = bench.link(100_000).await;
    let path = format!("/api/transactions/?link={link}&page_size=1000&page=100");
    let last = bench.json(&path).await;
    assert_eq!(last["count"], 100_000);
    assert_eq!(last["results"].as_array().unwrap().len(), 1_000);
    assert_eq!(last["next"], Value::Null);
}
