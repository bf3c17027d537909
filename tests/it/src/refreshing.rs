//! Refreshes on request, and the quota they use.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::links::body;
use crate::world::{failures, record};

impl Bank {
    async fn refresh(&self, body: &Value) -> (StatusCode, Value) {
        let path = format!("/links/{}/refresh", self.link_id());
        let answer = self.world.post(&self.user, &path, body).await;
        (answer.status(), crate::links::body(answer).await)
    }

    async fn shown_link(&self) -> Value {
        let path = format!("/links/{}", self.link_id());
        body(self.world.get(&self.user, &path).await).await
    }

    /// The quota used this month.
    async fn spent(&self, name: &str) -> u64 {
        let link = self.shown_link().await;
        let limits = link["limits"]["resources"].as_array().unwrap().clone();
        let limit = limits.iter().find(|it| it["resource"] == name);
        limit.map_or(0, |it| it["spent"].as_u64().unwrap())
    }

    async fn refreshes_at_belvo(&self) -> usize {
        let path = format!("/api/links/{}/refresh/", self.link_id());
        let requests = self.requests().await;
        requests.iter().filter(|it| it.starts_with(&path)).count()
    }

    /// Backdates the last refresh.
    async fn cool_down(&self) {
        let at = AttributeValue::S("2026-01-01T00:00:00Z".to_owned());
        self.set_on_link(&["refresh", "asked_at"], at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_on_request_is_possible_once_in_ten_minutes() {
    let bank = Bank::connected().await;
    let before = bank.shown_link().await["resources"]["accounts"]["as_of"].clone();
    let (status, answer) = bank.refresh(&json!({})).await;
    assert_eq!(status, 202);
    assert_eq!(answer["link_id"], bank.link_id());
    bank.world.settle().await;
    let link = bank.shown_link().await;
    assert_ne!(link["resources"]["accounts"]["as_of"], before);
    assert_eq!(link["refresh"]["code"], Value::Null);
    assert!(link["refresh"]["available_at"].is_string());

    let path = format!("/links/{}/refresh", bank.link_id());
    let again = bank.world.post(&bank.user, &path, &json!({})).await;
    assert_eq!(again.status(), 409);
    let seconds: u64 = again.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=600).contains(&seconds));
    assert_eq!(body(again).await["type"], "/problems/refreshed-recently");
    assert_eq!(bank.refreshes_at_belvo().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_counted_once_however_often_a_job_runs() {
    let bank = Bank::connected().await;
    assert_eq!(
        (bank.spent("OWNERS").await, bank.spent("TRANSACTIONS").await),
        (1, 1)
    );
    let job = json!({
        "job": "link_refresh.v1",
        "link_id": bank.link_id(),
        "refresh_id": "0b9f2c39-5f0e-4d62-9a5e-2f6a3d3b8a11",
        "resources": ["ACCOUNTS", "TRANSACTIONS"],
    });
    for id in ["once", "twice", "thrice"] {
        let records = json!({"Records": [record(id, bank.link_id(), &job)]});
        let answer = bank.world.stack.invoke("fetcher", records).await.unwrap();
        assert_eq!(failures(&answer), Vec::<String>::new());
        // Belvo's webhooks about the refresh are processed first, because the queue never runs two
        // jobs of a link at once.
        bank.world.settle().await;
    }
    assert_eq!(bank.refreshes_at_belvo().await, 1);
    bank.all_news().await;
    let spent = [
        bank.spent("OWNERS").await,
        bank.spent("ACCOUNTS").await,
        bank.spent("TRANSACTIONS").await,
        bank.spent("RECENT_TRANSACTIONS").await,
    ];
    assert_eq!(spent, [1, 2, 1, 1]);
}

/// Belvo accepted the request, but its response was lost. A repeated request learns from Belvo that
/// the refresh was made, and the quota counts it once.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_whose_response_was_lost_is_counted_once() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"cut_body": 1, "path": "/refresh/"}))
        .await;
    assert_eq!(bank.refresh(&json!({"resources": ["OWNERS"]})).await.0, 202);
    bank.world.settle().await;
    assert_eq!(bank.spent("OWNERS").await, 1, "unknown yet");
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(bank.refreshes_at_belvo().await, 2);
    assert_eq!(bank.spent("OWNERS").await, 2);
    assert_eq!(bank.shown_link().await["refresh"]["code"], Value::Null);
}

/// The process died before it recorded the response, and the job comes back after Belvo's ten
/// minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_of_unknown_outcome_is_not_repeated_when_it_could_use_quota_twice() {
    for came in [false, true] {
        let bank = Bank::connected().await;
        let id = "0b9f2c39-5f0e-4d62-9a5e-2f6a3d3b8a11";
        let asked_at = match came {
            // A webhook announced data after the request.
            true => "2026-01-01T00:00:00Z".to_owned(),
            false => (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30)).to_string(),
        };
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let noted = AttributeValue::M(std::collections::HashMap::from([
            ("id".to_owned(), text(id)),
            ("asked_at".to_owned(), text(&asked_at)),
        ]));
        bank.set_on_link(&["refresh"], noted).await;
        if !came {
            let long_ago = text("2026-01-01T00:00:00Z");
            for (kind, _) in crate::world::RESOURCES {
                bank.set_on_link(&["resources", kind, "announced_at"], long_ago.clone())
                    .await;
            }
        }
        let job = json!({"job": "link_refresh.v1", "link_id": bank.link_id(), "refresh_id": id});
        let records = json!({"Records": [record("again", bank.link_id(), &job)]});
        bank.world.stack.invoke("fetcher", records).await.unwrap();
        assert_eq!(bank.refreshes_at_belvo().await, 0);
        let code = bank.shown_link().await["refresh"]["code"].clone();
        assert_eq!(
            code,
            if came {
                Value::Null
            } else {
                json!("no_answer")
            }
        );
        let link = bank.link().await;
        let accepted = *link["refresh"].get("accepted") == truth::Canonical::Bool(true);
        assert_eq!(accepted, came);
    }
}

/// The webhooks of both refreshes are held back, and those of the first one come when the second one
/// was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_webhook_of_an_earlier_refresh_does_not_end_the_next_one() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"webhooks": {"hold": true}})).await;
    let earlier = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30);
    let clock = json!({"set": earlier.to_string()});
    bank.world.sandbox("clock", &clock).await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
    bank.world.stack.settle().await.unwrap();
    let late = held_webhooks(&bank).await;

    bank.cool_down().await;
    let clock = json!({"set": jiff::Timestamp::now().to_string()});
    bank.world.sandbox("clock", &clock).await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
    bank.world.stack.settle().await.unwrap();
    assert_eq!(bank.refreshes_at_belvo().await, 2);
    for body in &late {
        bank.world.post_webhook(body).await;
    }
    bank.world.stack.settle().await.unwrap();
    let advice = async || bank.shown_link().await["next_action"]["code"].clone();
    assert_eq!(advice().await, "refreshing");

    for body in &held_webhooks(&bank).await[late.len()..] {
        bank.world.post_webhook(body).await;
    }
    bank.world.stack.settle().await.unwrap();
    assert_eq!(advice().await, "ok");
    for body in &late {
        bank.world.post_webhook(body).await;
    }
    bank.world.stack.settle().await.unwrap();
    assert_eq!(advice().await, "ok", "a late webhook takes nothing back");
}

/// The first refresh is accepted, and the limit is reached at the second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_webhook_of_an_earlier_refresh_does_not_lift_a_limit() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"webhooks": {"hold": true}})).await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
    bank.world.stack.settle().await.unwrap();
    let late = held_webhooks(&bank).await;
    bank.cool_down().await;
    let limit = json!({"fail_next": {
        "count": 1, "status": 400, "code": "operational_limits_reached", "path": "/refresh/"
    }});
    bank.faults(&limit).await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
    bank.world.stack.settle().await.unwrap();
    let code = "operational_limits_reached";
    assert_eq!(bank.shown_link().await["next_action"]["code"], code);
    for body in &late {
        bank.world.post_webhook(body).await;
    }
    bank.world.stack.settle().await.unwrap();
    assert_eq!(bank.shown_link().await["next_action"]["code"], code);
}

async fn held_webhooks(bank: &Bank) -> Vec<Value> {
    let webhooks: Value = serde_json::from_str(&bank.world.ask_sandbox("webhooks").await).unwrap();
    let webhooks = webhooks.as_array().unwrap().iter();
    let held = webhooks.filter(|it| it["status"] == "held");
    held.map(|it| it["body"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_has_reached_its_monthly_limit_shows_limited_until() {
    let bank = Bank::connected().await;
    let limit = json!({"fail_next": {
        "count": 1, "status": 400, "code": "operational_limits_reached", "path": "/refresh/"
    }});
    bank.faults(&limit).await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
    bank.world.settle().await;
    let link = bank.shown_link().await;
    assert_eq!(link["next_action"]["code"], "operational_limits_reached");
    let until = &link["limits"]["limited_until"];
    assert_eq!(link["next_action"]["until"], *until);
    // On the first day of a month it is asked about sooner.
    let time = |text: &Value| -> jiff::Timestamp { text.as_str().unwrap().parse().unwrap() };
    assert!(time(until) > jiff::Timestamp::now());
    assert!(time(until) <= time(&link["limits"]["resets_at"]));
    assert_eq!(bank.spent("OWNERS").await, 1, "nothing was spent");

    let (status, problem) = bank.refresh(&json!({})).await;
    assert_eq!(
        (status.as_u16(), &problem["type"]),
        (409, &json!("/problems/limit-reached"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_was_told_of_ends_as_soon_as_data_comes() {
    let bank = Bank::connected().await;
    let limit = json!({"errors": [{"code": "operational_limits_reached"}]});
    bank.announce("ACCOUNTS", "new_accounts_available", limit)
        .await;
    let told = bank.shown_link().await;
    assert_eq!(told["next_action"]["code"], "operational_limits_reached");
    assert_eq!(bank.refresh(&json!({})).await.0, 409);

    bank.control("changes", &json!({"add": 1})).await;
    bank.world.settle().await;
    let link = bank.shown_link().await;
    assert_eq!(link["limits"]["limited_until"], Value::Null);
    assert_eq!(link["next_action"]["code"], "ok");
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_beside_the_usage_are_the_cautious_ones() {
    let bank = Bank::connected().await;
    let link = bank.shown_link().await;
    let limits = link["limits"]["resources"].as_array().unwrap();
    let limits: Vec<_> = limits
        .iter()
        .filter(|it| !it["limit"].is_null())
        .map(|it| {
            (
                it["resource"].as_str().unwrap(),
                it["limit"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("OWNERS", 4),
        ("ACCOUNTS", 4),
        ("TRANSACTIONS", 4),
        ("RECENT_TRANSACTIONS", 240),
        ("BILLS", 30),
    ];
    assert_eq!(limits, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_shown_and_the_next_request_may_work() {
    let bank = Bank::connected().await;
    let refusal = json!({"fail_next": {
        "count": 1, "status": 400, "code": "unsupported_operation", "path": "/refresh/"
    }});
    bank.faults(&refusal).await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
    bank.world.settle().await;
    assert_eq!(
        bank.shown_link().await["refresh"]["code"],
        "unsupported_operation"
    );
    assert_eq!(
        bank.refresh(&json!({})).await.0,
        202,
        "a refused refresh starts no cool-down"
    );
    bank.world.settle().await;
    assert_eq!(bank.shown_link().await["refresh"]["code"], Value::Null);
    bank.cool_down().await;
    assert_eq!(bank.refresh(&json!({})).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_is_refused_with_field_and_rule() {
    let bank = Bank::connected().await;
    for bad in [
        json!({"resources": ["BALANCES"]}),
        json!({"resources": "ACCOUNTS"}),
        json!({"resource": ["ACCOUNTS"]}),
        json!([]),
        json!({"resources": ["ACCOUNTS", "ACCOUNTS"]}),
    ] {
        let (status, problem) = bank.refresh(&bad).await;
        assert_eq!(
            (status.as_u16(), &problem["type"]),
            (400, &json!("/problems/invalid-request"))
        );
        assert!(problem["errors"][0]["detail"].is_string(), "{bad}");
    }
    bank.world.settle().await;
    assert_eq!(bank.refreshes_at_belvo().await, 0);
}
