//! Consents are renewed instead of given again: who may renew, the facts in the request, and the
//! advice to renew.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use url::Url;

use crate::bank::Bank;
use crate::portal::{open, page, sent};
use crate::world::{CNPJ, CPF, Connected, OTHER_CPF, User, World};

const DONE: &str = "https://app.example.com/done";

fn renew(link_id: &str) -> Value {
    json!({"mode": "renew", "link_id": link_id})
}

fn query(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// The documents in the last token request.
async fn documents(world: &World) -> Vec<String> {
    let sent = sent(world).await;
    let all = sent["widget"]["consent"]["identification_info"].as_array();
    let number = |it: &Value| it["number"].as_str().unwrap().to_owned();
    all.unwrap().iter().map(number).collect()
}

/// A person with a company has connected their own account.
async fn connected_as_individual(world: &World, user: &User) -> Connected {
    let own = json!({"holder": "individual"});
    let minted = world.mint_with(user, &own).await;
    let connected = world.connect(user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    connected
}

async fn refused(world: &World, user: &User, body: &Value, status: u16, kind: &str) {
    let answer = world.post(user, "/portal", body).await;
    assert_eq!(answer.status(), status);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], format!("/problems/{kind}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_consent_is_renewed_in_the_portal_and_the_link_heals() {
    let bank = Bank::connected().await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.control("status", &json!({"status": "invalid"})).await;
    bank.world.settle().await;
    let link = bank.link().await;
    assert_eq!(link["consent"].get("status").text(), "EXPIRED");
    assert!(link.contains_key("user_action"));

    let url = open(&bank.world, &bank.user, &renew(bank.link_id())).await;
    let query = query(&url);
    let consent = &bank.truth().await["consent"];
    let fact = |name: &str| consent[name].as_str().unwrap().to_owned();
    let expected = [
        ("access_token", query["access_token"].clone()),
        ("action", "renew".to_owned()),
        ("consent_id", bank.connected.consent_id.clone()),
        ("institution", fact("belvo_institution_name")),
        ("institution_display_name", fact("institution_display_name")),
        ("institution_icon_logo", fact("institution_icon_logo")),
        ("link_id", bank.link_id().to_owned()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(query, BTreeMap::from(expected));
    assert!(url.as_str().ends_with("&action=renew"), "{url}");

    let page = page(&bank.world, &url).await;
    let form = |name: &str| page.contains(&format!(r#"name="{name}" value="{}""#, query[name]));
    assert!(
        form("access_token") && form("consent_id") && form("action"),
        "{page}"
    );
    let fields = ["access_token", "consent_id", "action"].map(|name| (name, &query[name]));
    let mut target = url.clone();
    target.set_query(None);
    let pressed = bank.world.http.post(target).form(&fields).send().await;
    assert_eq!(pressed.unwrap().status(), 200);
    bank.world.settle().await;
    let link = bank.link().await;
    assert_eq!(link["consent"].get("status").text(), "AUTHORISED");
    assert!(!link.contains_key("user_action"), "{link:?}");
    let logs = bank.world.stack.logs();
    let told = |line: &&String| line.contains(&query["access_token"]);
    assert_eq!(logs.iter().find(told), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_without_a_webhook_is_found_soon_after_the_portal_was_opened() {
    let bank = Bank::connected().await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.world.settle().await;
    open(&bank.world, &bank.user, &renew(bank.link_id())).await;
    bank.world.settle().await;
    let next = bank.link().await["schedule"]
        .get("consent")
        .text()
        .to_owned();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(4);
    assert!(next.parse::<jiff::Timestamp>().unwrap() < soon, "{next}");

    let silently = json!({"new_link": false, "webhooks": false});
    bank.control("renew", &silently).await;
    bank.world.let_time_pass_until(bank.link_id(), soon).await;
    assert_eq!(
        bank.link().await["consent"].get("status").text(),
        "AUTHORISED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_renewal_leaves_a_healthy_link_healthy() {
    let bank = Bank::connected().await;
    let path = format!("/links/{}", bank.link_id());
    let standing = async || {
        let link: Value = bank
            .world
            .get(&bank.user, &path)
            .await
            .json()
            .await
            .unwrap();
        (link["status"].clone(), link["next_action"]["code"].clone())
    };
    let before = standing().await;
    open(&bank.world, &bank.user, &renew(bank.link_id())).await;
    bank.world.settle().await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    bank.world.let_time_pass_until(bank.link_id(), later).await;
    assert_eq!(
        (standing().await, before),
        ((json!("ready"), json!("ok")), (json!("ready"), json!("ok")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_banks_name_and_logo_are_percent_encoded() {
    let bank = Bank::connected().await;
    let name = "Crédito & São João + Cia #1 = 100%";
    let (table, id) = (&bank.world.stack.endpoints().link_table, bank.link_id());
    let record = format!("CONSENT#{}", bank.connected.consent_id);
    bank.world
        .stack
        .dynamodb()
        .update_item()
        .table_name(table)
        .key("link_id", AttributeValue::S(id.to_owned()))
        .key("record", AttributeValue::S(record))
        .update_expression(
            "SET #data.institution_display_name = :name REMOVE #data.institution_icon_logo",
        )
        .expression_attribute_names("#data", "data")
        .expression_attribute_values(":name", AttributeValue::S(name.to_owned()))
        .send()
        .await
        .unwrap();
    let url = open(&bank.world, &bank.user, &renew(id)).await;
    assert_eq!(query(&url)["institution_display_name"], name);
    assert!(!query(&url).contains_key("institution_icon_logo"));
    let written = "Cr%C3%A9dito%20%26%20S%C3%A3o%20Jo%C3%A3o%20%2B%20Cia%20%231%20%3D%20100%25&";
    assert!(url.as_str().contains(written), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_renewed_for_its_own_account_holder() {
    let world = World::start().await;
    let user = world.company().await;
    let own = connected_as_individual(&world, &user).await;
    let theirs = world.connected(&user).await;

    open(&world, &user, &renew(&own.link_id)).await;
    assert_eq!(documents(&world).await, [CPF]);
    let mut body = renew(&theirs.link_id);
    body["holder"] = json!("individual");
    open(&world, &user, &body).await;
    assert_eq!(documents(&world).await, [CPF, CNPJ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_user_and_an_unknown_link_are_not_found() {
    let bank = Bank::connected().await;
    let other = bank.world.individual().await;
    let body = renew(bank.link_id());
    refused(&bank.world, &other, &body, 404, "not-found").await;
    let unknown = renew(&uuid::Uuid::new_v4().to_string());
    refused(&bank.world, &bank.user, &unknown, 404, "not-found").await;
    for bad in [
        json!({"mode": "renew"}),
        renew("../x"),
        json!({"mode": "renew", "link_id": 7}),
    ] {
        refused(&bank.world, &bank.user, &bad, 400, "invalid-request").await;
    }
    open(&bank.world, &bank.user, &body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_not_served_is_not_found() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let owner = json!({"owner": OTHER_CPF});
    let quarantined = world.connect_with(&user, &minted, owner).await;
    world.follow(&quarantined.redirect_url).await;
    world.settle().await;
    let link = world.link(&quarantined.link_id).await;
    assert_eq!(link["status"].text(), "quarantined");
    let body = renew(&quarantined.link_id);
    refused(&world, &user, &body, 404, "not-found").await;

    let bank = Bank::connected().await;
    let mark = AttributeValue::M(
        [
            ("receipt_id", "0190f3c6-7d5c-4b6e-9a51-2f6a3d3b8a11"),
            ("requested_at", "2026-11-23T12:00:00Z"),
        ]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into(),
    );
    bank.set_on_link(&["erase"], mark).await;
    let body = renew(bank.link_id());
    refused(&bank.world, &bank.user, &body, 404, "not-found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_a_synced_consent_cannot_be_renewed() {
    let world = World::start().await;
    let fault = json!({"path": "/api/consents/", "status_429": true});
    world.sandbox("faults", &fault).await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    assert_eq!(
        world.link(&connected.link_id).await["status"].text(),
        "bound"
    );
    let body = renew(&connected.link_id);
    refused(&world, &user, &body, 409, "no-consent").await;

    world.sandbox("faults", &json!({})).await;
    world.let_time_pass(&connected.link_id).await;
    open(&world, &user, &body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_identity_in_the_body_only_a_proven_link_is_renewed() {
    let world = World::with(&[("IdentitySource", "body"), ("ReturnUrls", DONE)]).await;
    let user = world.sign_in(json!({})).await;
    let identification = json!({"cpf": CPF, "name": "Ralph Bragg"});
    let body = json!({
        "identification": identification,
        "return_url": DONE,
        "institutions": ["ofmockbank_br_retail"],
    });
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let back = world.follow(&connected.redirect_url).await;
    world.settle().await;
    let mut wish = renew(&connected.link_id);
    wish["identification"] = identification;
    refused(&world, &user, &wish, 404, "not-found").await;
    assert_eq!(warnings(&world, &user, &body).await, json!([]));

    let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let proof = json!({"link_id": connected.link_id, "proof": query(&back)["proof"]});
    assert_eq!(world.post(&user, "/callback", &proof).await.status(), 202);
    world.settle().await;
    open(&world, &user, &wish).await;
    assert_eq!(
        warnings(&world, &user, &body)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_the_same_bank_again_is_told_to_renew() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    let banks = [
        "ofcontaviva_br_retail",
        "ofmockbank_br_retail",
        "ofmockbank_br_retail",
    ];
    let body = json!({"institutions": banks});
    let warnings = self::warnings(world, user, &body).await;
    let text = warnings[0]["text"].clone();
    assert!(text["pt-BR"].as_str().unwrap().contains("já conectou"));
    assert!(text["en"].is_string());
    let expected = json!([{
        "code": "already_connected",
        "institution": "ofmockbank_br_retail",
        "link_id": bank.link_id(),
        "renew": {"mode": "renew", "link_id": bank.link_id()},
        "text": text,
    }]);
    assert_eq!(warnings, expected);
    open(world, user, &warnings[0]["renew"]).await;

    bank.control("gone", &json!({"gone": true})).await;
    bank.all_news().await;
    assert_eq!(bank.link().await["status"].text(), "gone");
    assert_eq!(self::warnings(world, user, &body).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_connects_another_bank_gets_no_warning() {
    let world = World::start().await;
    let user = world.company().await;
    connected_as_individual(&world, &user).await;
    let mock = json!(["ofmockbank_br_retail"]);
    for (body, expected) in [
        (json!({}), 0),
        (json!({"institutions": ["ofcontaviva_br_retail"]}), 0),
        // The same bank, for the company.
        (json!({"institutions": mock}), 0),
        (json!({"institutions": mock, "holder": "individual"}), 1),
    ] {
        let warnings = warnings(&world, &user, &body).await;
        assert_eq!(warnings.as_array().unwrap().len(), expected, "{body}");
    }
    let other = world.individual().await;
    let body = json!({"institutions": mock});
    assert_eq!(warnings(&world, &other, &body).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_can_connect_while_links_cannot_be_read() {
    let world = World::without_link_table().await;
    let user = world.individual().await;
    let body = json!({"institutions": ["ofmockbank_br_retail"]});
    assert_eq!(warnings(&world, &user, &body).await, json!([]));
    let wish = renew(&uuid::Uuid::new_v4().to_string());
    refused(&world, &user, &wish, 503, "unavailable").await;
}

async fn warnings(world: &World, user: &User, body: &Value) -> Value {
    let answer = world.post(user, "/token", body).await;
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.unwrap();
    answer["warnings"].clone()
}
