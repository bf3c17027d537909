//! Callbacks that come again and again: what they cost, and what must not be lost among them.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{CPF, Minted, User, World, failures, record};

/// A link at Belvo that names a user of another system.
async fn link_of_another_system(world: &World) -> String {
    let body = json!({"external_id": "somebody-elses-user", "transactions": 3, "seed": 1});
    let link = world.sandbox("links", &body).await;
    world.settle().await;
    let link_id = link["link_id"].as_str().unwrap().to_owned();
    assert_eq!(world.link(&link_id).await["status"].text(), "unclaimed");
    link_id
}

/// How often Belvo was asked about this link.
async fn looks(world: &World, link_id: &str) -> usize {
    let requests: Vec<Value> = serde_json::from_str(&world.ask_sandbox("requests").await).unwrap();
    let path = format!("/api/links/{link_id}/");
    requests.iter().filter(|it| it["path"] == path).count()
}

/// How many jobs of this name were done.
fn jobs(world: &World, name: &str) -> usize {
    let logs = world.stack.logs();
    let done = logs.iter().filter(|line| line.contains("job done"));
    done.filter(|line| line.contains(name)).count()
}

/// The address that Belvo sends the browser of the last token to.
async fn address(world: &World, kind: &str, query: &str) -> String {
    let session = world.session(kind).await;
    world.url(&format!("/callback/{session}/{kind}?{query}"))
}

/// A callback after SQS has forgotten it, or without its having been sent through SQS.
async fn deliver(world: &World, message_id: &str, job: &Value) {
    let group = job["outcome"]["link"].as_str().or(job["link_id"].as_str());
    let records = json!({"Records": [record(message_id, group.unwrap(), job)]});
    let answer = world.stack.invoke("fetcher", records).await.unwrap();
    assert_eq!(failures(&answer), Vec::<String>::new());
}

/// The job of a success callback.
async fn success_job(world: &World, user: &User, minted: &Minted, link_id: &str) -> Value {
    let attempt = &world.attempts(user).await[&minted.session_id];
    let text = |name: &str| attempt[name].text().to_owned();
    json!({
        "job": "attempt_ended.v1",
        "attempt": {
            "session_id": minted.session_id,
            "external_id": user.external_id,
            "started_at": text("started_at"),
            "person": text("person"),
        },
        "outcome": {"outcome": "success", "link": link_id},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_replays_on_an_unclaimed_link_are_one_job_and_one_request_at_most() {
    let world = World::start().await;
    let link_id = link_of_another_system(&world).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    world.stack.settle().await.unwrap();
    let url = address(&world, "success", &format!("link={link_id}")).await;
    let before = looks(&world, &link_id).await;

    let calls = futures::stream::iter(0..200).map(|_| world.follow(&url));
    let answers: Vec<_> = calls.buffer_unordered(10).collect().await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    world.settle().await;
    assert_eq!(jobs(&world, "attempt_ended"), 1, "SQS drops the others");

    // SQS forgets an id after five minutes, so that a session of 90 has 18 of them.
    let link = world.link(&link_id).await;
    let job = success_job(&world, &user, &minted, &link_id).await;
    for number in 0..18 {
        deliver(&world, &format!("later-{number}"), &job).await;
    }
    // None if the first callback came within half a minute of the webhooks.
    assert!(looks(&world, &link_id).await <= before + 1);
    assert_eq!(world.link(&link_id).await, link, "LINK is not even begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_by_one_user_do_not_hold_up_another() {
    let world = World::start().await;
    let link_id = link_of_another_system(&world).await;
    let (noisy, other) = (world.individual().await, world.individual().await);
    world.mint(&noisy).await;
    world.stack.settle().await.unwrap();
    let url = address(&world, "success", &format!("link={link_id}")).await;
    let noise = futures::stream::iter(0..100).map(|_| world.follow(&url));
    let noise = noise.buffer_unordered(10).collect::<Vec<_>>();
    let (_, connected) = tokio::join!(noise, world.connected(&other));
    world
        .assert_complete(&connected.link_id, &other.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_true_callback_is_taken_after_a_link_scanner_loaded_the_bare_address() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let (bare, _) = connected.redirect_url.split_once('?').unwrap();
    let outcome = async || {
        world.settle().await;
        let attempts = world.attempts(&user).await;
        attempts[&minted.session_id]["outcome"].text().to_owned()
    };
    assert_eq!(world.follow(bare).await.status(), 200);
    assert_eq!(outcome().await, "exit");
    assert_eq!(world.follow(&connected.redirect_url).await.status(), 200);
    assert_eq!(outcome().await, "success");
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

/// Both are jobs of one group, so only their deduplication ids keep them apart.
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_an_exit_is_taken_after_a_link_scanner_loaded_the_bare_address() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let how = json!({"outcome": "exit_error:login_error"});
    let left = world.connect_with(&user, &minted, how).await;
    let (bare, _) = left.redirect_url.split_once('?').unwrap();
    for url in [bare, &left.redirect_url] {
        assert_eq!(world.follow(url).await.status(), 200);
    }
    world.settle().await;
    let attempt = &world.attempts(&user).await[&minted.session_id];
    assert_eq!(attempt["code"].text(), "login_error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_is_taken_after_a_link_scanner_loaded_the_bare_address() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    for query in ["", "warning=institution_disabled"] {
        let url = address(&world, "event", query).await;
        assert_eq!(world.follow(&url).await.status(), 200);
        world.settle().await;
    }
    let attempt = world.attempts(&user).await.into_values().next().unwrap();
    assert_eq!(attempt["outcome"].text(), "warning");
}

/// What a caller can make up makes no other callback.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_differ_in_made_up_details_are_one_callback() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    for number in 0..30 {
        let query = format!("institution=of{number}_br_retail&error=made_up_{number}");
        let url = address(&world, "event", &query).await;
        assert_eq!(world.follow(&url).await.status(), 200);
    }
    world.settle().await;
    assert_eq!(jobs(&world, "attempt_ended"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_different_callbacks_of_a_session_are_taken_and_the_sixth_is_not() {
    let world = World::start().await;
    let link_id = link_of_another_system(&world).await;
    let (user, other) = (world.individual().await, world.individual().await);
    let success = |bank: &str| format!("link={link_id}&institution=of{bank}_br_retail");
    let recorded = async |user: &User, kind: &str, query: &str| {
        let url = address(&world, kind, query).await;
        assert_eq!(world.follow(&url).await.status(), 200);
        world.settle().await;
        let attempt = world.attempts(user).await.into_values().next().unwrap();
        let bank = attempt.get("institution").map_or("", |bank| bank.text());
        (attempt["outcome"].text().to_owned(), bank.to_owned())
    };
    let is = |outcome: &str, bank: &str| (outcome.to_owned(), bank.to_owned());

    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    let warning = "warning=institution_disabled".to_owned();
    let step = "meta_data_step=consent".to_owned();
    for (kind, query, expected) in [
        ("exit", String::new(), is("exit", "")),
        ("event", warning, is("warning", "")),
        ("exit", step, is("exit", "")),
        ("event", "error=login_error".to_owned(), is("error", "")),
        ("success", success("a"), is("success", "ofa_br_retail")),
    ] {
        assert_eq!(recorded(&user, kind, &query).await, expected, "{query}");
    }
    let link = world.link(&link_id).await;
    recorded(&user, "success", &format!("link={link_id}")).await;
    assert_eq!(jobs(&world, "callback_ignored"), 1);
    assert_eq!(world.link(&link_id).await, link);

    // Of another session all are taken.
    world.mint(&other).await;
    world.stack.settle().await.unwrap();
    let taken = recorded(&other, "success", &success("c")).await;
    assert_eq!(taken, is("success", "ofc_br_retail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_whose_job_died_before_the_look_is_taken_again() {
    let world = World::start().await;
    world
        .sandbox("faults", &json!({"webhooks": {"lose": true}}))
        .await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    // What the job writes first.
    let job = success_job(&world, &user, &minted, &connected.link_id).await;
    let attempt = serde_json::from_value(job["attempt"].clone()).unwrap();
    let outcome = serde_json::from_value(job["outcome"].clone()).unwrap();
    let store = world.connection_store();
    assert!(store.put_ended(&attempt, &outcome).await.unwrap());
    assert!(world.link(&connected.link_id).await.is_empty());

    // Sent back from the dead letters, it has another message id.
    deliver(&world, "sent-back", &job).await;
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "awaiting_owner");
    assert!(!store.put_ended(&attempt, &outcome).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_a_link_checked_moments_ago_is_checked_within_a_minute() {
    let world = World::start().await;
    let user = world.individual().await;
    // Webhooks that are faster than the attempt: the link belongs to no user yet.
    let order = json!({"external_id": user.external_id, "owner": CPF});
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    // A link of long ago waits for hours.
    let later = Timestamp::now() + SignedDuration::from_hours(4);
    let later = AttributeValue::S(later.to_string());
    world
        .set_on_link(link_id, &["schedule", "check_link"], later)
        .await;

    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    let before = looks(&world, link_id).await;
    let url = address(&world, "success", &format!("link={link_id}")).await;
    let moments_ago = AttributeValue::S(Timestamp::now().to_string());
    world
        .set_on_link(link_id, &["checked_at"], moments_ago)
        .await;
    assert_eq!(world.follow(&url).await.status(), 200);
    world.settle().await;
    assert_eq!(looks(&world, link_id).await, before);
    let in_a_minute = Timestamp::now() + SignedDuration::from_mins(1);
    let link = world.link(link_id).await;
    let check: Timestamp = link["schedule"].get("check_link").text().parse().unwrap();
    assert!(check <= in_a_minute);

    world.let_time_pass_until(link_id, in_a_minute).await;
    world.assert_complete(link_id, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_a_link_not_checked_lately_is_checked_at_once() {
    let world = World::start().await;
    let user = world.individual().await;
    let order = json!({"external_id": user.external_id, "owner": CPF});
    let made = world.sandbox("links", &order).await;
    let link_id = made["link_id"].as_str().unwrap();
    world.settle().await;
    let moments_ago = Timestamp::now() - SignedDuration::from_secs(30);
    let moments_ago = AttributeValue::S(moments_ago.to_string());
    world
        .set_on_link(link_id, &["checked_at"], moments_ago)
        .await;

    world.mint(&user).await;
    world.stack.settle().await.unwrap();
    let url = address(&world, "success", &format!("link={link_id}")).await;
    assert_eq!(world.follow(&url).await.status(), 200);
    world.settle().await;
    world.assert_complete(link_id, &user.external_id).await;
    assert!(!world.link(link_id).await.contains_key("checked_at"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_taken_once_however_often_it_is_posted() {
    let parameters = [
        ("IdentitySource", "body"),
        ("ReturnUrls", "https://app.example.com/done"),
    ];
    let world = World::with(&parameters).await;
    let user = world.sign_in(json!({})).await;
    let body = json!({
        "identification": {"cpf": CPF, "name": "Ralph Bragg"},
        "return_url": "https://app.example.com/done",
    });
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let url = json!({"url": connected.redirect_url});
    for _ in 0..20 {
        assert_eq!(world.post(&user, "/callback", &url).await.status(), 202);
    }
    world.settle().await;
    assert_eq!(jobs(&world, "attempt_ended"), 1);
    assert_eq!(jobs(&world, "link_proven"), 1);
    let link = world.link(&connected.link_id).await;
    let proof = link["proofs"].get(&minted.session_id);
    assert_eq!(proof.get("external_id").text(), user.external_id);

    let job = json!({
        "job": "link_proven.v1",
        "link_id": connected.link_id,
        "external_id": user.external_id,
        "session_id": minted.session_id,
    });
    deliver(&world, "later", &job).await;
    assert_eq!(world.link(&connected.link_id).await, link);
}
