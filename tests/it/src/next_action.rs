//! The advice to a user: status of a link, next action, and the end of a visit.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::links::{all, body};
use crate::world::{OTHER_CPF, User, World};

impl Bank {
    /// The link in the user's view.
    async fn shown(&self) -> Value {
        shown(&self.world, &self.user, self.link_id()).await
    }

    /// State and code of the next action.
    async fn standing(&self) -> (String, String) {
        standing(&self.shown().await)
    }
}

async fn shown(world: &World, user: &User, link_id: &str) -> Value {
    let answer = world.get(user, &format!("/links/{link_id}")).await;
    assert_eq!(answer.status(), 200);
    body(answer).await
}

fn standing(link: &Value) -> (String, String) {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    (text(&link["status"]), text(&link["next_action"]["code"]))
}

fn is(status: &str, code: &str) -> (String, String) {
    (status.to_owned(), code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_nears_its_end_reaches_it_and_is_renewed() {
    let bank = Bank::connected().await;
    bank.control("consent", &json!({"about_to_expire": true}))
        .await;
    bank.world.settle().await;
    let link = bank.shown().await;
    assert_eq!(standing(&link), is("ready", "consent_expiring"));
    assert_eq!(link["next_action"]["action"], "renew_consent");
    assert_eq!(link["next_action"]["until"], link["consent"]["expires_at"]);
    assert_eq!(
        (
            &link["consent"]["days_left"],
            &link["consent"]["indefinite"]
        ),
        (&json!(5), &json!(false))
    );

    bank.control("consent", &json!({"expire": true})).await;
    bank.world.settle().await;
    let link = bank.shown().await;
    assert_eq!(standing(&link), is("needs_user", "consent_expired"));
    assert_eq!(link["consent"]["days_left"], 0);
    let text = &link["next_action"]["text"];
    assert!(text["pt-BR"].as_str().unwrap() != text["en"].as_str().unwrap());
    // Data stored while the consent was valid remains the user's.
    let accounts = format!("/links/{}/accounts", bank.link_id());
    assert_eq!(bank.world.get(&bank.user, &accounts).await.status(), 200);

    bank.control("renew", &json!({"new_link": false})).await;
    bank.world.settle().await;
    assert_eq!(bank.standing().await, is("ready", "ok"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_about_an_end_counts_until_belvos_record_has_stood_for_an_hour() {
    let bank = Bank::connected().await;
    for code in ["consent_expired", "openfinance_consent_expired"] {
        let word =
            json!({"webhook_type": "CONSENT", "webhook_code": code, "link_id": bank.link_id()});
        bank.world.post_webhook(&word).await;
        bank.world.stack.settle().await.unwrap();
        assert_eq!(
            bank.standing().await,
            is("needs_user", "consent_expired"),
            "{code}"
        );
        let long_ago = AttributeValue::S("2026-01-01T00:00:00Z".to_owned());
        bank.set_on_link(&["consent", "changed_at"], long_ago).await;
        bank.world.let_time_pass(bank.link_id()).await;
        assert_eq!(bank.standing().await, is("ready", "ok"), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_ends_without_a_webhook() {
    let world = World::start().await;
    let user = world.individual().await;
    let single = json!({"access_mode": "single"});
    let minted = world.mint_with(&user, &single).await;
    let connected = world.connect_with(&user, &minted, single).await;
    world.settle().await;
    let bank = Bank {
        world,
        user,
        connected,
    };
    assert_eq!(bank.standing().await, is("ready", "ok"));
    let past = AttributeValue::S("2026-01-01T00:00:00Z".to_owned());
    bank.set_on_link(&["consent", "expires_at"], past).await;
    assert_eq!(bank.standing().await, is("needs_user", "consent_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn withheld_resources_are_named_and_heal_with_the_next_webhook() {
    let bank = Bank::connected().await;
    bank.control("consent", &json!({"temporarily_unavailable": true}))
        .await;
    bank.world.settle().await;
    assert_eq!(
        bank.standing().await,
        is("ready", "consent_unavailable_resources")
    );
    bank.news().await;
    assert_eq!(bank.standing().await, is("ready", "ok"));
    bank.control("consent", &json!({"unrecoverable": true}))
        .await;
    bank.world.settle().await;
    bank.news().await;
    let link = bank.shown().await;
    assert_eq!(
        standing(&link),
        is("ready", "consent_unrecoverable_resources")
    );
    assert_eq!(link["next_action"]["action"], "reconnect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_comes_as_a_new_link_takes_the_old_ones_place() {
    let bank = Bank::connected().await;
    bank.control("consent", &json!({"expire": true})).await;
    bank.world.settle().await;
    let renewed = bank.control("renew", &json!({"new_link": true})).await;
    bank.world.settle().await;
    let new = renewed["link_id"].as_str().unwrap();
    let link = shown(&bank.world, &bank.user, new).await;
    assert_eq!(standing(&link), is("ready", "ok"));
    assert_eq!(
        (&link["replaces"], &link["duplicate_of"]),
        (&json!(bank.link_id()), &Value::Null)
    );
    assert_eq!(bank.shown().await["duplicate_of"], new);
    let rows = all(&bank.world, &bank.user, "/transactions", 500).await;
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row.get("link_id").text() == new));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_link_shows_its_rows_until_the_new_one_has_its_statement() {
    let bank = Bank::connected().await;
    let (world, user) = (&bank.world, &bank.user);
    bank.control("consent", &json!({"expire": true})).await;
    world.settle().await;
    let before = all(world, user, "/transactions", 500).await.len();
    bank.faults(&json!({"fail_next": {
        "count": 100, "status": 400, "code": "operational_limits_reached", "path": "/api/transactions/"
    }})).await;
    let same = json!({"new_link": true, "external_id": user.external_id});
    bank.control("renew", &same).await;
    world.settle().await;
    let rows = all(world, user, "/transactions", 500).await;
    assert_eq!(rows.len(), before);
    assert!(
        before > 0
            && rows
                .iter()
                .all(|row| row.get("link_id").text() == bank.link_id())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_owner_shows_its_state_and_no_data() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world
        .connect_with(&user, &minted, json!({"owner": OTHER_CPF}))
        .await;
    world.settle().await;
    let link = shown(&world, &user, &connected.link_id).await;
    assert_eq!(standing(&link), is("quarantined", "owner_mismatch"));
    assert_nothing_served(&world, &user, &link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unproven_link_shows_its_state_and_no_data() {
    let parameters = [
        ("IdentitySource", "body"),
        ("ReturnUrls", "https://app.example.com/done"),
    ];
    let world = World::with(&parameters).await;
    let user = world.sign_in(json!({})).await;
    let body = json!({
        "return_url": "https://app.example.com/done",
        "identification": {"cpf": crate::world::CPF, "name": "Ralph Bragg"},
    });
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let landed = world.follow(&connected.redirect_url).await;
    let back = url::Url::parse(landed.headers()["location"].to_str().unwrap()).unwrap();
    world.settle().await;
    let link = shown(&world, &user, &connected.link_id).await;
    assert_eq!(standing(&link), is("awaiting_proof", "awaiting_proof"));
    assert_nothing_served(&world, &user, &link).await;

    let proof = back
        .query_pairs()
        .find(|(name, _)| name == "proof")
        .unwrap()
        .1;
    let proof = json!({"link_id": connected.link_id, "proof": proof});
    assert_eq!(world.post(&user, "/callback", &proof).await.status(), 202);
    world.settle().await;
    let link = shown(&world, &user, &connected.link_id).await;
    assert_eq!(standing(&link), is("ready", "ok"));
}

/// The link shows state and next action; every data route returns none of its data.
async fn assert_nothing_served(world: &World, user: &User, link: &Value) {
    for name in ["consent", "resources", "limits", "refresh"] {
        assert_eq!(link[name], Value::Null, "{name}");
    }
    let path = format!("/links/{}", link["link_id"].as_str().unwrap());
    for list in ["owners", "accounts", "transactions", "bills", "investments"] {
        let answer = world.get(user, &format!("{path}/{list}")).await;
        assert_eq!(answer.status(), 409, "{list}");
        assert_eq!(body(answer).await["type"], "/problems/link-not-served");
    }
    let refresh = world
        .post(user, &format!("{path}/refresh"), &json!({}))
        .await;
    assert_eq!(refresh.status(), 409);
    assert!(all(world, user, "/transactions", 500).await.is_empty());
    let kinds = all(world, user, "/export", 500).await;
    let data = |it: &&truth::Canonical| !matches!(it.get("kind").text(), "LINK" | "SESSIONS");
    assert!(!kinds.iter().any(|it| data(&it)), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_belvo_lost_or_declared_invalid_has_advice_and_keeps_its_data() {
    let bank = Bank::connected().await;
    bank.control("status", &json!({"status": "invalid"})).await;
    bank.world.settle().await;
    let (status, _) = bank.standing().await;
    assert_eq!(status, "needs_user");
    assert_eq!(bank.shown().await["next_action"]["action"], "reconnect");

    bank.control("status", &json!({"status": "valid"})).await;
    bank.control("gone", &json!({"gone": true})).await;
    bank.news().await;
    assert_eq!(bank.standing().await, is("gone", "link_gone"));
    let rows = format!("/links/{}/transactions", bank.link_id());
    assert!(!all(&bank.world, &bank.user, &rows, 500).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_sync_is_pending_the_app_is_told_when_to_poll() {
    let world = World::start().await;
    world.sandbox("faults", &json!({"loading": true})).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    world.stack.settle().await.unwrap();
    let open = world.get(&user, "/links").await;
    assert!(
        open.headers().contains_key("retry-after"),
        "the user may come back any moment"
    );
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    let path = format!("/links/{}", connected.link_id);
    let answer = world.get(&user, &path).await;
    let seconds: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=600).contains(&seconds), "{seconds}");
    assert_eq!(
        standing(&body(answer).await),
        is("awaiting_owner", "awaiting_owner")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_visit_to_the_widget_has_an_end_and_advice() {
    let world = World::start().await;
    let user = world.individual().await;
    let mut expected = Vec::new();
    for (outcome, name, code, advice) in [
        ("exit", "exit", Value::Null, "exit"),
        (
            "exit_error:institution_down",
            "exit",
            json!("institution_down"),
            "institution_down",
        ),
        (
            "exit_error:something_new",
            "exit",
            json!("something_new"),
            "unknown",
        ),
        (
            "error",
            "error",
            json!("ACCESS_TOKEN_NOT_VALID"),
            "ACCESS_TOKEN_NOT_VALID",
        ),
        (
            "warning",
            "warning",
            json!("institution_disabled"),
            "institution_disabled",
        ),
    ] {
        let minted = world.mint(&user).await;
        let ended = world
            .connect_with(&user, &minted, json!({"outcome": outcome}))
            .await;
        world.follow(&ended.redirect_url).await;
        expected.push((minted.session_id, name, code, advice));
    }
    let open = world.mint(&user).await;
    let silent = world.mint(&user).await;
    world.settle().await;
    let started = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(16);
    set_started_at(&world, &user, &silent.session_id, started).await;
    expected.push((silent.session_id, "silent", Value::Null, "no_callback"));

    let overview = body(world.get(&user, "/links").await).await;
    let sessions = overview["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 7);
    let find = |id: &str| sessions.iter().find(|it| it["session_id"] == id).unwrap();
    for (id, name, code, advice) in expected {
        let session = find(&id);
        assert_eq!(
            (&session["outcome"], &session["code"]),
            (&json!(name), &code)
        );
        assert_eq!(session["guidance"]["code"], advice);
    }
    let open = find(&open.session_id);
    assert_eq!(
        (&open["outcome"], &open["guidance"]),
        (&json!("open"), &Value::Null)
    );
}

pub async fn set_started_at(world: &World, user: &User, session_id: &str, at: jiff::Timestamp) {
    let update = world.stack.dynamodb().update_item();
    update
        .table_name(&world.stack.endpoints().connection_table)
        .key("external_id", AttributeValue::S(user.external_id.clone()))
        .key("session_id", AttributeValue::S(session_id.to_owned()))
        .update_expression("SET started_at = :at")
        .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
        .send()
        .await
        .unwrap();
}
