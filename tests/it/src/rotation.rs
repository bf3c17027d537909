//! Secrets that change while functions run.
//!
//! | module | is |
//! |---|---|
//! | `under_load` | claim: with the documented steps, no request fails |
//! | `wrong` | claim: the effects of other orders, and their end |
//! | `load` | all calls that are made meanwhile |
//! | `processes`, `call` | the functions, with a clock the test moves, and a request to them |
//! | `documented` | the steps of OPERATIONS.md |

mod call;
mod documented;
mod load;
mod processes;
mod under_load;
mod wrong;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use runtime::{Clock, Secret};
use serde_json::json;

use crate::world::World;

impl World {
    async fn call_webhook(&self, authorization: &str) -> StatusCode {
        let request = self.http.post(self.url("/webhook"));
        let request = request.header("authorization", authorization).body("{}");
        self.send(request).await.status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_authorizations_are_accepted_during_a_rotation() {
    let world = World::start().await;
    let old = world.stack.endpoints().webhook_authorization.clone();
    let new = "Bearer a-new-value-agreed-with-belvo";
    let both = json!({"current": new, "previous": old});
    // Before any call, so that no process has cached the old value alone.
    world.set_secret("Webhook", &both).await;
    assert_eq!(world.call_webhook(new).await, 200);
    assert_eq!(world.call_webhook(&old).await, 200);
    assert_eq!(
        world.call_webhook("Bearer something-else-entirely").await,
        401
    );
    assert_eq!(world.call_webhook("").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_belvo_keys_are_a_clear_problem() {
    let world = World::start().await;
    let user = world.individual().await;
    world
        .set_secret("Belvo", &json!({"id": "wrong", "password": "wrong"}))
        .await;
    let answer = world.post(&user, "/token", &json!({})).await;
    assert_eq!(answer.status(), 502);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "/problems/belvo-refused");
    assert_eq!(body["belvo"]["errors"][0]["code"], "authentication_failed");
    assert_eq!(body["belvo"]["request_id"].as_str().unwrap().len(), 32);
}

/// A secret as a function caches it, with a clock that the test moves.
fn secret<T: 'static>(
    world: &World,
    part_of_name: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Held<T> {
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let moved = Arc::clone(&seconds);
    let clock =
        Clock::from_fn(move || Timestamp::from_second(moved.load(Ordering::SeqCst)).unwrap());
    let secret = Secret::new(world.stack.secretsmanager(), part_of_name, &clock, parse);
    Held {
        secret: Arc::new(secret),
        seconds,
    }
}

struct Held<T> {
    secret: Arc<Secret<T>>,
    seconds: Arc<AtomicI64>,
}

impl<T> Held<T> {
    fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_read_again_after_five_minutes_or_thirty_seconds_after_a_failure() {
    let world = World::start().await;
    let name = world.secret_name("Belvo").await;
    let held = secret(&world, &name, |text| Ok(text.to_owned()));
    let set = async |value: &str| world.set_secret("Belvo", &json!(value)).await;
    set("one").await;
    assert_eq!(*held.secret.get().await.unwrap(), "\"one\"");
    set("two").await;
    held.wait(299);
    assert_eq!(*held.secret.get().await.unwrap(), "\"one\"");
    held.wait(1);
    assert_eq!(*held.secret.get().await.unwrap(), "\"two\"");
    set("three").await;
    held.wait(29);
    assert_eq!(*held.secret.reread().await.unwrap(), "\"two\"");
    held.wait(1);
    assert_eq!(*held.secret.reread().await.unwrap(), "\"three\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read_again_stays_as_it_was() {
    let world = World::start().await;
    let name = world.secret_name("Belvo").await;
    let held = secret(&world, &name, |text| match text.contains("broken") {
        true => Err("must not be broken".to_owned()),
        false => Ok(text.to_owned()),
    });
    let before = held.secret.get().await.unwrap();
    world.set_secret("Belvo", &json!("broken")).await;
    held.wait(3600);
    assert_eq!(held.secret.get().await.unwrap(), before);

    let missing = secret(&world, "no-such-secret", |text| Ok(text.to_owned()));
    let error = missing.secret.get().await.unwrap_err().to_string();
    assert!(error.contains("no-such-secret has no value yet"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn belvos_keys_are_read_again_once_when_belvo_rejects_them() {
    let world = World::start().await;
    let endpoints = world.stack.endpoints();
    let link = world
        .sandbox("links", &json!({"transactions": 1, "seed": 1}))
        .await;
    let link = domain::LinkId::parse(link["link_id"].as_str().unwrap()).unwrap();
    let name = world.secret_name("Belvo").await;
    let held = secret(&world, &name, |text| {
        belvo::Keys::from_json(text).map_err(|rule| rule.to_string())
    });
    let keys = processes::key_source(Arc::clone(&held.secret));
    let transport = belvo::Transport::network(Duration::from_secs(5)).unwrap();
    let belvo = belvo::Belvo::new(endpoints.belvo_url.parse().unwrap(), transport, keys);
    world
        .set_secret("Belvo", &json!({"id": "old", "password": "old"}))
        .await;
    let asked = async || {
        let url = format!("{}/_sandbox/requests", endpoints.belvo_url);
        world.http.delete(url).send().await.unwrap();
        let result = belvo.link(link).await;
        let requests = world.ask_sandbox("requests").await;
        (result.is_ok(), requests.matches("/api/links/").count())
    };
    assert_eq!(asked().await, (false, 1), "the keys were read just now");
    let right = json!({
        "id": endpoints.belvo_secret_id,
        "password": endpoints.belvo_secret_password,
    });
    world.set_secret("Belvo", &right).await;
    held.wait(31);
    assert_eq!(asked().await, (true, 2), "rejected, read again, accepted");
    assert_eq!(asked().await, (true, 1));
}

/// The handler runs in this process, because a test cannot move the clock of another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_warm_webhook_notices_a_rotation_when_it_is_called_with_the_new_value() {
    let world = World::start().await;
    let name = world.secret_name("Webhook").await;
    let old = world.stack.endpoints().webhook_authorization.clone();
    let new = "Bearer a-new-value-agreed-with-belvo";
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let moved = Arc::clone(&seconds);
    let clock =
        Clock::from_fn(move || Timestamp::from_second(moved.load(Ordering::SeqCst)).unwrap());
    let aws = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .build();
    let handler = webhook::Handler {
        authorization: Secret::new(
            world.stack.secretsmanager(),
            &name,
            &clock,
            webhook::Authorization::from_json,
        ),
        source_ips: Vec::new(),
        // None of these webhooks names a link, so no job is queued.
        queue: queue::JobQueue::new(&aws, String::new()),
        clock,
        randomness: runtime::Randomness::system(),
    };
    let call = async |authorization: &str| {
        let request = http::Request::builder().header("authorization", authorization);
        let request = request
            .body(lambda_http::Body::Text("{}".to_owned()))
            .unwrap();
        handler.handle(&request).await.status().as_u16()
    };
    assert_eq!(call(&old).await, 200);
    world.set_secret("Webhook", &json!({"current": new})).await;
    seconds.fetch_add(31, Ordering::SeqCst);
    assert_eq!(
        call(&old).await,
        200,
        "no call has caused another read of the secret yet"
    );
    assert_eq!(call(new).await, 200);
    assert_eq!(call(&old).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_signed_before_a_rotation_is_still_accepted() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let secrets = world.stack.secretsmanager();
    let name = world.secret_name("Session").await;
    let old = secrets
        .get_secret_value()
        .secret_id(name)
        .send()
        .await
        .unwrap();
    let old: serde_json::Value = serde_json::from_str(old.secret_string().unwrap()).unwrap();
    let rotated = json!({
        "current": "a-new-key-a-new-key-a-new-key-a-new-key",
        "previous": old["current"],
    });
    world.set_secret("Session", &rotated).await;

    assert_eq!(world.follow(&connected.redirect_url).await.status(), 200);
    world.settle().await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}
