//! Belvo refuses with a code that is not known: it is tried again for days, and what is not given in
//! the end is named.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::metrics::counted;
use crate::pipe::Pipe;
use crate::world::World;
use truth::Canonical;

fn refusal(status: u16, path: &str) -> Value {
    let fail = json!({"count": 10_000, "status": status, "code": "never_heard_of", "path": path});
    json!({"fail_next": fail})
}

/// The `link.ready` events so far, each with what it says is unavailable.
async fn ready_events(world: &World) -> Vec<Value> {
    let events = Pipe::of_the_template().events(&world.written().await);
    let ready = events
        .into_iter()
        .filter(|it| it["detail-type"] == "link.ready");
    ready
        .map(|it| it["detail"]["unavailable"].clone())
        .collect()
}

async fn view(bank: &Bank) -> Value {
    let path = format!("/links/{}", bank.link_id());
    let answer = bank.world.get(&bank.user, &path).await;
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_is_not_known_waits_for_days_and_is_named_in_the_end() {
    let world = World::start().await;
    world.stream().await;
    let user = world.individual().await;
    world
        .sandbox("faults", &refusal(403, "/api/transactions/"))
        .await;
    let how = json!({"access_mode": "single"});
    let minted = world.mint(&user).await;
    let connected = world.connect_with(&user, &minted, how).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    let bank = Bank {
        world,
        user,
        connected,
    };

    let link = bank.link().await;
    let transactions = link["resources"].get("TRANSACTIONS");
    assert_eq!(*transactions.get("declined"), Canonical::Null);
    assert_eq!(
        transactions.get("refused").get("code").text(),
        "never_heard_of"
    );
    assert_ne!(*link["schedule"].get("deferred"), Canonical::Null);
    assert_eq!(link["resources"].get("BILLS").get("state").text(), "ready");
    assert!(
        !link.contains_key("last_error"),
        "the link itself does not wait"
    );
    assert_eq!(ready_events(&bank.world).await, Vec::<Value>::new());
    assert_eq!(view(&bank).await["status"], "loading");
    let rows = format!("/links/{}/transactions", bank.link_id());
    let rows = bank.world.get(&bank.user, &rows).await;
    assert!(rows.headers().contains_key("retry-after"));

    // Neither news of another resource nor the list of links makes it come sooner.
    bank.forget_requests().await;
    bank.announce("BILLS", "historical_update", json!({})).await;
    bank.world
        .stack
        .invoke("sweeper", json!({"sweep": "links"}))
        .await
        .unwrap();
    bank.world.settle().await;
    let requests = bank.requests().await;
    assert!(requests.iter().any(|it| it.starts_with("/api/bills/")));
    assert!(
        !requests
            .iter()
            .any(|it| it.starts_with("/api/transactions/"))
    );

    let long_ago = Timestamp::now() - SignedDuration::from_hours(73);
    let since = ["resources", "TRANSACTIONS", "refused", "since"];
    bank.set_on_link(&since, AttributeValue::S(long_ago.to_string()))
        .await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert_eq!(ready_events(&bank.world).await, [json!("TRANSACTIONS")]);
    let view = view(&bank).await;
    assert_eq!(view["status"], "ready");
    let transactions = &view["resources"]["transactions"];
    assert_eq!(transactions["state"], "unavailable");
    assert_eq!(transactions["code"], "never_heard_of");

    bank.faults(&json!({})).await;
    bank.all_news().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_leaves_nothing_behind() {
    for status in [400, 401, 404, 409, 422] {
        let bank = Bank::connected().await;
        bank.faults(&refusal(status, "/api/accounts/")).await;
        bank.control("changes", &json!({"add": 2, "update": 2}))
            .await;
        bank.world.settle().await;
        let link = bank.link().await;
        let accounts = link["resources"].get("ACCOUNTS");
        assert_eq!(accounts.get("state").text(), "ready", "{status}");
        assert_ne!(*accounts.get("deferred"), Canonical::Null, "{status}");
        bank.faults(&json!({})).await;
        bank.world.let_time_pass(bank.link_id()).await;
        let link = bank.link().await;
        let accounts = link["resources"].get("ACCOUNTS");
        assert_eq!(*accounts.get("refused"), Canonical::Null, "{status}");
        bank.assert_complete().await;
        assert_eq!(
            counted(&bank.world, "BelvoAuthenticationFailed"),
            Vec::<Value>::new()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_hears_of_a_code_once_a_day_and_not_once_a_link() {
    let world = World::start().await;
    world.sandbox("faults", &refusal(400, "/api/bills/")).await;
    let mut links = Vec::new();
    for _ in 0..3 {
        let user = world.individual().await;
        links.push(world.connected(&user).await.link_id);
    }
    for link in &links {
        world.let_time_pass(link).await;
    }
    assert_eq!(counted(&world, "RefusalUnknown").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_hears_of_a_code_that_refuses_a_token_a_refresh_or_a_deletion() {
    let world = World::start().await;
    world.sandbox("faults", &refusal(400, "/api/token/")).await;
    let user = world.individual().await;
    for body in [json!({}), json!({})] {
        let answer = world.post(&user, "/token", &body).await;
        assert_eq!(answer.status(), 502);
    }
    let manage = json!({"mode": "manage"});
    assert_eq!(world.post(&user, "/portal", &manage).await.status(), 502);
    let heard = counted(&world, "RefusalUnknown").len();
    assert_eq!(heard, 1, "once for a day, whatever is refused");

    for path in ["refresh", ""] {
        let bank = Bank::connected().await;
        let link = format!("/links/{}", bank.link_id());
        bank.faults(&refusal(400, "/api/links/")).await;
        let answer = match path {
            "refresh" => {
                let path = format!("{link}/refresh");
                bank.world.post(&bank.user, &path, &json!({})).await
            }
            _ => bank.world.delete(&bank.user, &link).await,
        };
        assert_eq!(answer.status(), 202, "{path}");
        bank.world.settle().await;
        let heard = counted(&bank.world, "RefusalUnknown").len();
        assert_eq!(heard, 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_belvos_record_of_a_link_holds_up_none_of_its_resources() {
    let bank = Bank::connected().await;
    let action = AttributeValue::S("invalid_link".to_owned());
    bank.set_on_link(&["user_action"], action).await;
    let path = format!("/api/links/{}/", bank.link_id());
    bank.faults(&refusal(403, &path)).await;
    bank.control("changes", &json!({"add": 3, "webhooks": false}))
        .await;
    bank.all_news().await;
    bank.assert_complete().await;
    let link = bank.link().await;
    assert_eq!(link["last_error"].get("code").text(), "never_heard_of");
    assert_ne!(*link["pending"].get("link"), Canonical::Null);
    assert_eq!(counted(&bank.world, "RefusalUnknown").len(), 1);

    // After three days it is left until there is news.
    let long_ago = Timestamp::now() - SignedDuration::from_hours(73);
    let since = AttributeValue::S(long_ago.to_string());
    bank.set_on_link(&["last_error", "since"], since).await;
    bank.world.let_time_pass(bank.link_id()).await;
    let link = bank.link().await;
    assert!(!link.contains_key("last_error"), "{link:?}");
    bank.forget_requests().await;
    bank.announce("ACCOUNTS", "historical_update", json!({}))
        .await;
    let requests = bank.requests().await;
    assert!(
        requests.iter().any(|it| it.starts_with(&path)),
        "that was news"
    );

    bank.faults(&json!({})).await;
    bank.world.let_time_pass(bank.link_id()).await;
    assert!(!bank.link().await.contains_key("user_action"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_comes_after_a_long_outage_is_not_final_at_once() {
    let bank = Bank::connected().await;
    bank.faults(&json!({"http_5xx": true})).await;
    let expired = json!({"consent_id": bank.connected.consent_id});
    bank.announce("CONSENT", "openfinance_consent_expired", expired)
        .await;
    let long_ago = Timestamp::now() - SignedDuration::from_hours(96);
    let since = AttributeValue::S(long_ago.to_string());
    bank.set_on_link(&["last_error", "since"], since).await;
    bank.faults(&refusal(400, "/api/consents/")).await;
    for _ in 0..2 {
        bank.world.let_time_pass(bank.link_id()).await;
        let link = bank.link().await;
        assert_eq!(link["last_error"].get("code").text(), "never_heard_of");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_its_accounts_is_not_ready() {
    let world = World::start().await;
    world.stream().await;
    let user = world.individual().await;
    let fail = json!({
        "count": 10_000, "status": 403, "code": "access_to_resource_denied", "path": "/api/accounts/",
    });
    world.sandbox("faults", &json!({"fail_next": fail})).await;
    let connected = world.connected(&user).await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    assert_eq!(ready_events(&bank.world).await, Vec::<Value>::new());
    let first = view(&bank).await;
    assert_eq!(first["status"], "loading");
    assert_eq!(first["next_action"]["code"], "access_to_resource_denied");

    bank.faults(&json!({})).await;
    bank.announce("ACCOUNTS", "historical_update", json!({}))
        .await;
    assert_eq!(ready_events(&bank.world).await, [json!("")]);
    assert_eq!(view(&bank).await["status"], "ready");
}
