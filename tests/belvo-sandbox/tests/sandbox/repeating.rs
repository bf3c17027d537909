//! Under a frozen clock, the same requests lead to the same answers and webhooks, to the digit.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::Bench;

/// The answers and the webhooks of a link's life with every kind of event.
async fn life(seed: u64) -> (Vec<String>, Value) {
    let bench = Bench::with_seed(seed).await;
    bench.sandbox.set_webhook(None);
    let start = json!({ "set": "2026-11-20T12:00:00Z", "freeze": true });
    bench.control("clock", start).await;
    let wish = json!({ "external_id": "user-1", "transactions": 120, "seed": 3 });
    let made = bench.control("links", wish).await;
    let link = made["link_id"].as_str().unwrap().to_owned();
    let refresh = format!("/api/links/{link}/refresh/");
    let mut answers = vec![made.to_string()];
    for step in [
        ("changes", json!({ "add": 9, "update": 2, "delete": 2 })),
        (
            "objects",
            json!({ "resource": "accounts", "add": 1, "update": 1, "delete": 1 }),
        ),
        (
            "objects",
            json!({ "resource": "bills", "add": 2, "delete": 3 }),
        ),
        ("renew", json!({ "new_link": true })),
        ("status", json!({ "status": "invalid" })),
        ("consent", json!({ "about_to_expire": true })),
    ] {
        bench.control("clock", json!({ "advance": "3h" })).await;
        let (route, wish) = step;
        let answer = bench.control(&format!("links/{link}/{route}"), wish).await;
        answers.push(answer.to_string());
    }
    for path in [refresh.as_str(), "/api/token/"] {
        let answer = bench.request(Method::POST, path, Some(json!({}))).await;
        answers.push(answer.text().await.unwrap());
    }
    bench.control("clock", json!({ "advance": "400d" })).await;
    answers.push(bench.truth(&link).await.to_string());
    answers.push(
        bench
            .text("/api/links/")
            .await
            .replace(bench.sandbox.url(), ""),
    );
    (answers, bench.json("/_sandbox/webhooks").await)
}

#[tokio::test]
async fn the_same_seed_and_requests_lead_to_the_same_answers_and_webhooks() {
    let ((answers, webhooks), (again, webhooks_again)) = tokio::join!(life(5), life(5));
    for (answer, again) in answers.iter().zip(&again) {
        // Compared without printing, because the data is among them.
        let same = answer
            .bytes()
            .zip(again.bytes())
            .take_while(|(a, b)| a == b);
        let same = same.count();
        let rest = |text: &str| text.chars().skip(same).take(80).collect::<String>();
        assert!(answer == again, "{} or {}", rest(answer), rest(again));
    }
    assert_eq!(webhooks, webhooks_again);
    assert!(answers != life(6).await.0);
    let codes: Vec<&str> = webhooks
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["body"]["webhook_code"].as_str().unwrap())
        .collect();
    assert_eq!(codes[codes.len() - 2..], ["openfinance_consent_expired"; 2]);
}

#[tokio::test]
async fn a_frozen_clock_stands_still_until_it_is_moved_or_let_go() {
    let bench = Bench::new().await;
    let now = async || bench.json("/_sandbox/clock").await["now"].clone();
    bench.control("clock", json!({ "freeze": true })).await;
    let moment = now().await;
    assert_eq!(now().await, moment);
    let set = json!({ "set": "2026-11-20T12:00:00Z" });
    bench.control("clock", set).await;
    bench.control("clock", json!({ "advance": 90 })).await;
    assert_eq!(now().await, "2026-11-20T12:01:30.000000Z");
    bench.control("clock", json!({ "freeze": false })).await;
    let moment = now().await;
    assert!(moment.as_str().unwrap().starts_with("2026-11-20T12:01:3"));
    assert_ne!(now().await, moment);
}

#[tokio::test]
async fn without_a_target_webhooks_are_kept_in_order_and_can_be_read_on() {
    let bench = Bench::new().await;
    bench.sandbox.set_webhook(None);
    bench.connect().await;
    let all = bench.json("/_sandbox/webhooks").await;
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|entry| entry["status"] == "no_target"));
    let rest = bench.json("/_sandbox/webhooks?after=4").await;
    assert_eq!(rest.as_array().unwrap()[..], all[4..]);
    for known in ["6", "99"] {
        let none = bench
            .json(&format!("/_sandbox/webhooks?after={known}"))
            .await;
        assert_eq!(none, json!([]));
    }
    bench.connect().await;
    let new = bench.json("/_sandbox/webhooks?after=6").await;
    assert_eq!(new.as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn slices_by_day_follow_every_change() {
    let bench = Bench::new().await;
    let link = bench.link(2_000).await;
    let base = format!("/api/transactions/?link={link}&page_size=1000");
    for round in 0..3 {
        let truth = bench.truth(&link).await;
        let rows = truth["transactions"].as_array().unwrap();
        let check = async |query: &str, keep: &dyn Fn(&str) -> bool| {
            let expected: Vec<&Value> = rows
                .iter()
                .filter(|row| row["value_date"].as_str().is_some_and(keep))
                .take(1_000)
                .collect();
            let found = bench.json(&format!("{base}&{query}")).await;
            let found: Vec<&Value> = found["results"].as_array().unwrap().iter().collect();
            assert_eq!(found, expected, "{query}, round {round}");
        };
        check("value_date__range=2026-10-01,2026-10-31", &|day| {
            ("2026-10-01"..="2026-10-31").contains(&day)
        })
        .await;
        check(
            "value_date__gt=2026-10-01&value_date__lt=2026-10-04",
            &|day| ("2026-10-02"..="2026-10-03").contains(&day),
        )
        .await;
        check(
            "value_date__gte=2026-10-04&value_date__lte=2026-10-01",
            &|_| false,
        )
        .await;
        check("value_date=2026-10-04", &|day| day == "2026-10-04").await;
        check("value_date__gte=1990-01-01", &|_| true).await;
        let early = json!({ "value_date": "2026-10-03", "created_at": "2020-01-01T00:00:00Z" });
        let undated = json!({ "id": rows[1_500]["id"], "value_date": null });
        let wish = json!({ "add": [early], "update": [undated], "delete": 3 });
        bench.control(&format!("links/{link}/changes"), wish).await;
    }
}
