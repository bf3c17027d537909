//! What something in front of Belvo answers is not Belvo's word: nothing is removed, ended or
//! confirmed by it, and everything goes on when it is gone.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::erasing::{erase, links_at_belvo, receipt};
use crate::world::World;
use truth::Canonical;

/// A load balancer, a web framework, two firewalls, a redirect, a server that was not meant.
fn errors() -> Vec<Value> {
    let json = "application/json";
    vec![
        json!({"status": 404, "body": "<html><h1>404 Not Found</h1></html>"}),
        json!({"status": 404, "type": json, "body": r#"{"detail": "Not found."}"#}),
        json!({"status": 400, "body": "<html><h1>400 Bad Request</h1></html>"}),
        json!({"status": 403, "type": json, "body": r#"{"message": "Forbidden"}"#}),
        json!({"status": 302}),
        json!({"status": 421, "type": "text/plain", "body": "Misdirected Request"}),
    ]
}

/// A page that asks to sign in, a health check's object, and an object of something else.
fn successes() -> Vec<Value> {
    let json = "application/json";
    let other = r#"{"id": "2f8ca7a1-c28f-46f2-bb41-21633099a280"}"#;
    vec![
        json!({"status": 200, "body": "<html>Sign in</html>"}),
        json!({"status": 200, "type": json, "body": r#"{"status": "ok"}"#}),
        json!({"status": 200, "type": json, "body": other}),
    ]
}

fn before(path: &str, mut answer: Value) -> Value {
    answer["path"] = json!(path);
    json!({"gateway": [answer]})
}

impl Bank {
    /// Belvo gave no answer, so many times in a row.
    async fn assert_waiting(&self, times: usize) {
        let link = self.link().await;
        let last_error = &link["last_error"];
        assert_eq!(last_error.get("code").text(), "no_answer");
        let times = Canonical::from_json(&times.to_string());
        assert_eq!(*last_error.get("attempts"), times);
    }

    async fn assert_not_waiting(&self) {
        assert!(!self.link().await.contains_key("last_error"));
    }

    async fn time_passes(&self) {
        self.world.let_time_pass(self.link_id()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_when_a_gateway_answers_for_them() {
    let bank = Bank::connected().await;
    let before = bank.stored("BILLS").await;
    let ids = before.iter().map(|key| key.rsplit('#').next().unwrap());
    let paths: Vec<String> = ids.map(|id| format!("/api/bills/{id}/")).collect();
    let answers = [errors(), successes()].concat();
    for (position, answer) in answers.iter().enumerate() {
        let of = |path: &String| self::before(path, answer.clone())["gateway"][0].clone();
        let gateways: Vec<Value> = paths.iter().map(of).collect();
        // The list agrees with itself and lacks a row, so that the row is asked for.
        bank.faults(&json!({
            "path": "/api/bills/", "short_page": true, "count_lies": -1, "gateway": gateways,
        }))
        .await;
        match position {
            0 => bank.news_of_bills().await,
            _ => bank.time_passes().await,
        }
        assert_eq!(bank.stored("BILLS").await, before, "{answer}");
        bank.assert_waiting(position + 1).await;
    }
    bank.faults(&json!({})).await;
    bank.time_passes().await;
    bank.assert_not_waiting().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_not_declined_by_a_gateway() {
    let world = World::start().await;
    let user = world.individual().await;
    let first = before("/api/transactions/", errors()[3].clone());
    world.sandbox("faults", &first).await;
    let connected = world.connected(&user).await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    for answer in [errors(), successes()].concat() {
        bank.faults(&before("/api/transactions/", answer.clone()))
            .await;
        bank.time_passes().await;
        let link = bank.link().await;
        let resource = link["resources"].get("TRANSACTIONS");
        assert_ne!(resource.get("state").text(), "unavailable", "{answer}");
        assert_eq!(*resource.get("declined"), Canonical::Null, "{answer}");
        assert!(!link.contains_key("ready_at"), "{answer}");
        assert_eq!(
            link["last_error"].get("code").text(),
            "no_answer",
            "{answer}"
        );
    }
    bank.faults(&json!({})).await;
    bank.time_passes().await;
    bank.assert_complete().await;
    assert!(bank.link().await.contains_key("ready_at"));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_stay_bound_and_consents_stay_when_a_gateway_answers_for_them() {
    let bank = Bank::connected().await;
    let consent = format!("CONSENT#{}", bank.connected.consent_id);
    let doubt = |webhook_type: &str, webhook_code: &str| {
        let link_id = bank.link_id();
        json!({"webhook_type": webhook_type, "webhook_code": webhook_code, "link_id": link_id})
    };
    let of_link = doubt("LINK", "link_deleted");
    let of_consent = doubt("CONSENT", "openfinance_consent_expired");
    let of_link = (format!("/api/links/{}/", bank.link_id()), of_link);
    for (path, webhook) in [of_link, ("/api/consents/".to_owned(), of_consent)] {
        for (position, answer) in [errors(), successes()].concat().iter().enumerate() {
            bank.faults(&before(&path, answer.clone())).await;
            match position {
                0 => bank.world.post_webhook(&webhook).await,
                _ => bank.time_passes().await,
            }
            bank.world.settle().await;
            let records = bank.world.records(bank.link_id()).await;
            assert_eq!(records["LINK"]["status"].text(), "bound", "{answer}");
            assert!(records.contains_key(&consent), "{answer}");
            bank.assert_waiting(position + 1).await;
        }
        bank.faults(&json!({})).await;
        bank.time_passes().await;
        bank.assert_not_waiting().await;
    }
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_link_waits_behind_a_gateway_and_is_bound_when_it_is_gone() {
    let world = World::start().await;
    let user = world.individual().await;
    world
        .sandbox("faults", &before("/api/links/", errors()[0].clone()))
        .await;
    let connected = world.connected(&user).await;
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "announced");
    world.sandbox("faults", &json!({})).await;
    world.let_time_pass(&connected.link_id).await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_not_confirmed_by_a_gateway() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let path = format!("/api/links/{}/", bank.link_id());
    let done = json!({"status": 202, "body": "done", "method": "DELETE"});
    let mut asked = None;
    let empty = json!({"status": 204, "method": "DELETE"});
    for answer in [errors(), successes(), vec![done, empty]].concat() {
        bank.faults(&before(&path, answer.clone())).await;
        match &asked {
            None => {
                let path = format!("/links/{}", bank.link_id());
                asked = Some(erase(world, user, &path).await);
                world.stack.settle().await.unwrap();
            }
            Some(_) => bank.time_passes().await,
        }
        let receipt = receipt(world, user, asked.as_ref().unwrap()).await;
        assert_eq!(receipt["status"], "purged", "{answer}");
        assert_eq!(receipt["confirmed_at"], Value::Null, "{answer}");
    }
    assert_eq!(links_at_belvo(world).await.len(), 1);
    bank.faults(&json!({})).await;
    bank.time_passes().await;
    assert_eq!(links_at_belvo(world).await, Vec::<Value>::new());
    world.let_erasure_end(bank.link_id()).await;
    let receipt = receipt(world, user, asked.as_ref().unwrap()).await;
    assert_eq!(receipt["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_not_accepted_by_a_gateway() {
    let bank = Bank::connected().await;
    let path = format!("/links/{}/refresh", bank.link_id());
    let at_belvo = format!("/api/links/{}/refresh/", bank.link_id());
    let answers = [errors(), successes()].concat();
    for (position, answer) in answers.iter().enumerate() {
        bank.faults(&before(&at_belvo, answer.clone())).await;
        match position {
            0 => {
                let asked = bank.world.post(&bank.user, &path, &json!({})).await;
                assert_eq!(asked.status(), StatusCode::ACCEPTED);
                bank.world.settle().await;
            }
            _ => bank.time_passes().await,
        }
        let refresh = &bank.link().await["refresh"];
        let (accepted, declined) = (refresh.get("accepted"), refresh.get("declined"));
        let open = (&Canonical::Bool(false), &Canonical::Null);
        assert_eq!((accepted, declined), open, "{answer}");
    }
    // The webhooks of the refresh would begin jobs beside the one that asks for it.
    bank.faults(&json!({"webhooks": {"hold": true}})).await;
    bank.time_passes().await;
    let refresh = &bank.link().await["refresh"];
    assert_eq!(*refresh.get("accepted"), Canonical::Bool(true));
    let requests = bank.requests().await;
    let refreshes = requests.iter().filter(|it| it.starts_with(&at_belvo));
    assert_eq!(refreshes.count(), answers.len() + 1, "each was made once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_behind_a_gateway_is_an_outage_and_no_alarm_about_keys() {
    let world = World::start().await;
    let user = world.individual().await;
    let unauthorized = json!({"status": 401, "body": "<html>Sign in</html>"});
    for answer in [errors(), successes(), vec![unauthorized]].concat() {
        world
            .sandbox("faults", &before("/api/token/", answer.clone()))
            .await;
        for path in ["/token", "/portal"] {
            let body = match path {
                "/portal" => json!({"mode": "manage"}),
                _ => json!({}),
            };
            let refused = world.post(&user, path, &body).await;
            assert_eq!(refused.status(), 503, "{path} {answer}");
            assert!(refused.headers().contains_key("retry-after"));
        }
    }
    let logs = world.stack.logs();
    let keys = |line: &&String| line.contains("BelvoAuthenticationFailed");
    assert_eq!(logs.iter().find(keys), None);
    world.sandbox("faults", &json!({})).await;
    world.mint(&user).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweepers_list_does_not_end_where_a_gateway_answers() {
    let world = World::start().await;
    let event = json!({"sweep": "links", "page": 1});
    for answer in [errors(), successes()].concat() {
        world
            .sandbox("faults", &before("/api/links/", answer.clone()))
            .await;
        let failed = world.stack.invoke("sweeper", event.clone()).await;
        let failed = format!("{failed:?}");
        assert!(failed.contains("BelvoFailed"), "{answer}: {failed}");
    }
    world.sandbox("faults", &json!({})).await;
    assert!(world.stack.invoke("sweeper", event).await.is_ok());
}
