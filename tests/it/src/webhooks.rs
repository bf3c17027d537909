//! Every event of Belvo's catalogue has a named outcome.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::metrics::counted;
use crate::world::{World, event, events};
use truth::Canonical;

/// The outcome of each file of `events/webhook` for a known link, as its log records it; `None` for
/// files that name no link, for which no job is queued.
const OUTCOMES: [(&str, Option<&str>); 31] = [
    ("accounts_historical_update", Some("synced")),
    ("accounts_historical_update_with_errors", Some("synced")),
    ("accounts_new_accounts_available", Some("synced")),
    ("bills_historical_update", Some("synced")),
    ("bills_new_bills_available", Some("synced")),
    ("consent_expired_legacy", Some("consent_read")),
    (
        "consent_openfinance_consent_about_to_expire",
        Some("consent_read"),
    ),
    (
        "consent_openfinance_consent_expiration_changed",
        Some("consent_read"),
    ),
    ("consent_openfinance_consent_expired", Some("consent_read")),
    (
        "consent_openfinance_consent_with_temporarily_unavailable_resources",
        Some("consent_read"),
    ),
    (
        "consent_openfinance_consent_with_unrecoverable_resources",
        Some("consent_read"),
    ),
    ("empty_body", None),
    ("empty_object", None),
    ("incomes_historical_update", Some("ignored")),
    ("investment_transactions_historical_update", Some("synced")),
    (
        "investment_transactions_new_investment_transactions_available",
        Some("synced"),
    ),
    ("investments_historical_update", Some("synced")),
    ("investments_new_investments_available", Some("synced")),
    ("link_invalid_credentials", Some("user_must_act")),
    ("link_link_deleted", Some("link_checked")),
    ("link_token_required", Some("user_must_act")),
    ("no_link", None),
    ("owners_historical_update", Some("synced")),
    ("owners_new_owners_available", Some("synced")),
    ("recurring_expenses_historical_update", Some("ignored")),
    ("risk_insights_historical_update", Some("ignored")),
    ("transactions_historical_update", Some("synced")),
    ("transactions_new_transactions_available", Some("synced")),
    ("transactions_transactions_deleted", Some("synced")),
    ("transactions_transactions_updated", Some("synced")),
    ("unknown_code", Some("synced")),
];

/// The `Authorization` of the files.
const SAMPLE_AUTHORIZATION: &str = "Basic YmVsdm86Y2hhbmdlLW1lLWxhdGVy";

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_webhook_has_its_outcome_for_a_link_of_ours() {
    let names: Vec<&str> = OUTCOMES.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        events("webhook"),
        names,
        "every file has an outcome, and every outcome a file"
    );

    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    for (name, outcome) in OUTCOMES {
        let before = webhook_log(&world, &connected.link_id).await;
        let event = addressed(&world, name, &connected.link_id, &connected.consent_id);
        let answer = world.stack.invoke("webhook", event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{name}");
        world.settle().await;
        let mut after = webhook_log(&world, &connected.link_id).await;
        after.retain(|key, _| !before.contains_key(key));
        let led_to: Vec<&str> = after.values().map(|it| it["outcome"].text()).collect();
        assert_eq!(led_to, outcome.into_iter().collect::<Vec<_>>(), "{name}");
    }
    // After every announcement, the stored data equals Belvo's.
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_about_a_link_unknown_to_belvo_stores_no_data() {
    let world = World::start().await;
    let authorization = world.stack.endpoints().webhook_authorization.clone();
    for name in events("webhook") {
        let replacements = [(SAMPLE_AUTHORIZATION, authorization.as_str())];
        let event = event("webhook", &name, &replacements);
        let answer = world.stack.invoke("webhook", event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{name}");
    }
    world.settle().await;
    for link_id in [
        "2f8ca7a1-c28f-46f2-bb41-21633099a280",
        "16f68516-bcbc-4cf7-b815-c500d4204e28",
        "3d3364b7-0175-483d-a58b-b471f251e533",
        "da9822bb-5bd6-4a0a-b64d-0aefcc9e86b0",
    ] {
        let records = world.records(link_id).await;
        assert_eq!(records.keys().collect::<Vec<_>>(), ["LINK"]);
        assert_eq!(records["LINK"]["status"].text(), "gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_webhook_reads_the_consent_and_records_it_on_the_link() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let path = format!("links/{}/consent", connected.link_id);
    world.sandbox(&path, &json!({"expire": true})).await;
    world.settle().await;

    let records = world.records(&connected.link_id).await;
    let consent = &records[&format!("CONSENT#{}", connected.consent_id)];
    assert_eq!(consent["external_id"].text(), user.external_id);
    assert_eq!(consent["data"].get("status").text(), "EXPIRED");
    let facts = &records["LINK"]["consent"];
    assert_eq!(facts.get("status").text(), "EXPIRED");
    assert_eq!(facts.get("change").text(), "expired");
    assert_eq!(facts.get("id").text(), connected.consent_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_totals_and_errors_of_a_webhook_are_recorded_on_the_link() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let name = "accounts_historical_update_with_errors";
    let event = addressed(&world, name, &connected.link_id, "");
    world.stack.invoke("webhook", event).await.unwrap();
    world.settle().await;
    let link = world.link(&connected.link_id).await;
    let accounts = link["resources"].get("ACCOUNTS");
    let log = webhook_log(&world, &connected.link_id).await;
    let code = Canonical::Text("operational_limits_reached".to_owned());
    let errors = log.values().map(|it| it["event"].get("errors"));
    let mut errors = errors.filter(|it| **it != Canonical::Null);
    assert!(errors.any(|it| *it.list() == [code.clone()]));
    assert_eq!(
        *accounts.get("announced").get("rows"),
        Canonical::from_json("0")
    );
    let until: jiff::Timestamp = link["limited_until"].text().parse().unwrap();
    assert!(until > jiff::Timestamp::now());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_disagrees_with_the_webhook_is_repeated_and_then_reported() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let url = format!("{}/_sandbox/requests", world.stack.endpoints().belvo_url);
    world.http.delete(url).send().await.unwrap();
    // The sample announces 19 transactions of other years.
    let name = "transactions_historical_update";
    let event = addressed(&world, name, &connected.link_id, "");
    world.stack.invoke("webhook", event).await.unwrap();
    world.settle().await;

    let link = world.link(&connected.link_id).await;
    let transactions = link["resources"].get("TRANSACTIONS");
    assert_eq!(transactions.get("totals").text(), "differs");
    assert_eq!(transactions.get("state").text(), "ready");
    let requests = world.ask_sandbox("requests").await;
    assert_eq!(
        requests.matches("/api/transactions/").count(),
        6,
        "three pages, twice"
    );
    assert!(
        world
            .stack
            .logs()
            .iter()
            .any(|line| line.contains("TotalsDiffer"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_bank_are_stored() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let before = world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
    let path = format!("links/{}/changes", connected.link_id);
    world.sandbox(&path, &json!({"add": 5, "update": 5})).await;
    world.settle().await;
    let after = world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
    assert_eq!(after["TRANSACTIONS"], before["TRANSACTIONS"] + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_addresses_may_call_if_there_is_a_list() {
    let check = async |ips: &str, status: u16| {
        let world = World::with(&[("WebhookSourceIps", ips)]).await;
        let authorization = &world.stack.endpoints().webhook_authorization;
        let request = world.http.post(world.url("/webhook"));
        let request = request.header("authorization", authorization).body("{}");
        assert_eq!(world.send(request).await.status(), status, "{ips}");
    };
    check("3.130.254.46,18.220.61.186,18.223.45.212", 401).await;
    check("3.130.254.46,127.0.0.1", 200).await;
    check("", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_address_raises_the_alarm_only_with_the_agreed_authorization() {
    let rejected = async |ips: &str, agreed: bool| {
        let world = World::with(&[("WebhookSourceIps", ips)]).await;
        let authorization = match agreed {
            true => world.stack.endpoints().webhook_authorization.clone(),
            false => "Basic c3RyYW5nZXI6cGFzc3dvcmQ=".to_owned(),
        };
        let request = world.http.post(world.url("/webhook"));
        let request = request.header("authorization", authorization).body("{}");
        assert_eq!(world.send(request).await.status(), 401);
        counted(&world, "WebhookRejected").len()
    };
    assert_eq!(rejected("3.130.254.46", false).await, 0);
    assert_eq!(rejected("3.130.254.46", true).await, 1);
    assert_eq!(rejected("127.0.0.1", false).await, 1);
    assert_eq!(rejected("", false).await, 1);
}

/// A sample for this link, consent and stack.
fn addressed(world: &World, name: &str, link_id: &str, consent_id: &str) -> Value {
    let authorization = &world.stack.endpoints().webhook_authorization;
    let mut event = event("webhook", name, &[(SAMPLE_AUTHORIZATION, authorization)]);
    let body = event["body"].as_str().unwrap();
    if let Ok(mut body) = serde_json::from_str::<Value>(body) {
        if body.get("link_id").is_some() {
            body["link_id"] = json!(link_id);
        }
        if let Some(consent) = body.pointer_mut("/data/consent_id") {
            *consent = json!(consent_id);
        }
        event["body"] = json!(body.to_string());
    }
    event
}

async fn webhook_log(
    world: &World,
    link_id: &str,
) -> BTreeMap<String, BTreeMap<String, Canonical>> {
    let mut records = world.records(link_id).await;
    records.retain(|record, _| record.starts_with("EVENT#"));
    records
}
