//! Rotations with errors: which requests fail, for how long, and which effects end by themselves.
//!
//! OPERATIONS.md, "Rotating secrets", has the same facts for operators.

use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::processes::{Process, Site};
use crate::world::{Connected, World, record_sent};

const NEW_KEY: &str = "a-new-key-a-new-key-a-new-key-a-new-key";
const USER: &str = "user-of-the-rotation";

/// A process that has just read its secrets reads them again only after this time.
const REREAD_PAUSE: SignedDuration = SignedDuration::from_secs(30);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Process {
    async fn mint(&self) -> Value {
        let call = Call::new("POST /token", "/token").of(USER).with(json!({}));
        let answer = self.answer(&call).await;
        assert_eq!(answer.status(), 201, "{}", answer.body());
        serde_json::from_str(answer.body()).unwrap()
    }

    async fn mints(&self) -> StatusCode {
        let call = Call::new("POST /token", "/token").of(USER).with(json!({}));
        self.answer(&call).await.status()
    }

    async fn takes_webhook(&self, authorization: &str) -> StatusCode {
        let call = Call {
            authorization: Some(authorization),
            ..Call::new("POST /webhook", "/webhook").with(json!({}))
        };
        self.answer(&call).await.status()
    }

    async fn takes_session(&self, minted: &Value) -> StatusCode {
        let report = json!({"session": minted["report_session"], "code": "risk_analysis_denied"});
        let call = Call::new("POST /connection-reports", "/connection-reports").with(report);
        self.answer(&call).await.status()
    }
}

impl Site<'_> {
    /// Processes the queue. No job may be returned, whatever is wrong.
    async fn work_off(&self, process: &Process) {
        let sqs = self.world.stack.sqs();
        let group = aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
        self.world.sandbox("settle", &json!({})).await;
        loop {
            let receive = sqs.receive_message().queue_url(&self.queue_url);
            let receive = receive.message_system_attribute_names(group.clone());
            let received = receive.send().await.unwrap();
            let Some(message) = received.messages().first() else {
                return;
            };
            let name = &message.attributes().unwrap()[&group];
            let job = serde_json::from_str(message.body().unwrap()).unwrap();
            let now = self.time.now();
            let sent = now.as_millisecond().to_string();
            let record = record_sent("job", name, &job, &sent);
            let event = serde_json::from_value(json!({"Records": [record]})).unwrap();
            let handled = process.fetcher.handle(event, now + REREAD_PAUSE * 10);
            let response = Box::pin(handled).await;
            assert!(response.batch_item_failures.is_empty(), "{job}");
            let delete = sqs.delete_message().queue_url(&self.queue_url);
            let delete = delete.receipt_handle(message.receipt_handle().unwrap());
            delete.send().await.unwrap();
        }
    }

    async fn sweep(&self, process: &Process, event: Value) {
        Box::pin(process.sweeper.handle(&event)).await.unwrap();
        self.work_off(process).await;
    }

    /// The user connects a bank, and its webhooks reach this process.
    async fn connect(&self, minted: &Value) -> Connected {
        let wish = json!({
            "access_token": minted["access_token"],
            "external_id": USER,
            "transactions": 20,
        });
        let answer = self.world.sandbox("connect", &wish).await;
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Connected {
            link_id: text("link_id"),
            redirect_url: text("redirect_url"),
            consent_id: text("consent_id"),
        }
    }

    /// Passes the webhooks that Belvo could not deliver to the process.
    async fn deliver(&self, process: &Process, authorization: &str) {
        let webhooks = self.world.ask_sandbox("webhooks").await;
        for webhook in serde_json::from_str::<Vec<Value>>(&webhooks).unwrap() {
            let call = Call {
                authorization: Some(authorization),
                ..Call::new("POST /webhook", "/webhook").with(webhook["body"].clone())
            };
            assert_eq!(process.answer(&call).await.status(), 200);
        }
        self.work_off(process).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn belvos_old_keys_revoked_at_once_cost_half_a_minute_and_no_data() {
    let world = World::start().await;
    let site = Site::new(&world).await;
    world.stack.sandbox().unwrap().set_webhook(None);
    let authorization = world.stack.endpoints().webhook_authorization.clone();
    let elder = site.start().await;
    let minted = elder.mint().await;
    site.work_off(&elder).await;
    site.wait(REREAD_PAUSE).await;
    let young = site.start().await;
    let keys = json!({"id": "new", "password": "new-password"});
    let old = &world.stack.endpoints().belvo_secret_id;
    let change = json!({"add": keys, "revoke": old});
    world.sandbox("keys", &change).await;
    let connected = site.connect(&minted).await;

    // Belvo accepts only the new keys, and neither process has them yet.
    assert_eq!(elder.mints().await, 502);
    assert_eq!(young.mints().await, 502);
    world.set_secret("Belvo", &keys).await;
    // Both processes have just read the secret.
    site.wait(REREAD_PAUSE - SECOND).await;
    assert_eq!(elder.mints().await, 502);
    assert_eq!(young.mints().await, 502);
    // Jobs are scheduled for later instead of being returned.
    site.deliver(&young, &authorization).await;
    let link = world.link(&connected.link_id).await;
    assert!(link.contains_key("due_at"), "{link:?}");
    site.wait(SECOND).await;
    assert_eq!(elder.mints().await, 201);
    assert_eq!(young.mints().await, 201);
    // First the owners, then the other data.
    for _ in 0..3 {
        site.wait(SignedDuration::from_mins(5)).await;
        site.sweep(&young, json!({"sweep": "due"})).await;
    }
    world.assert_complete(&connected.link_id, USER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_belvo_uses_first_is_refused_until_the_secret_has_it() {
    let world = World::start().await;
    let site = Site::new(&world).await;
    let old = world.stack.endpoints().webhook_authorization.clone();
    let new = "Bearer a-new-value-agreed-with-belvo";
    let elder = site.start().await;
    site.wait(REREAD_PAUSE).await;
    let young = site.start().await;
    assert_eq!(elder.takes_webhook(new).await, 401);
    assert_eq!(young.takes_webhook(new).await, 401);
    let both = json!({"current": new, "previous": old});
    world.set_secret("Webhook", &both).await;
    // Both processes have just read the secret, so the next read must wait.
    site.wait(REREAD_PAUSE - SECOND).await;
    assert_eq!(elder.takes_webhook(new).await, 401);
    assert_eq!(young.takes_webhook(new).await, 401);
    site.wait(SECOND).await;
    assert_eq!(elder.takes_webhook(new).await, 200);
    assert_eq!(young.takes_webhook(new).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wrong_webhooks_reads_the_secret_once_in_half_a_minute() {
    let world = World::start().await;
    let site = Site::new(&world).await;
    let process = site.start().await;
    assert_eq!(process.reads_of("webhook"), 1);
    let flood = async || {
        let calls = (0..200).map(|_| process.takes_webhook("Basic d3Jvbmc6d3Jvbmc="));
        let answers = futures::future::join_all(calls).await;
        assert!(answers.iter().all(|status| *status == 401));
    };
    flood().await;
    assert_eq!(process.reads_of("webhook"), 1);
    site.wait(REREAD_PAUSE).await;
    flood().await;
    assert_eq!(process.reads_of("webhook"), 2);
    site.wait(REREAD_PAUSE - SECOND).await;
    flood().await;
    assert_eq!(process.reads_of("webhook"), 2);
    site.wait(SECOND).await;
    flood().await;
    assert_eq!(process.reads_of("webhook"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_key_that_signs_at_once_is_unknown_elsewhere_for_half_a_minute() {
    let world = World::start().await;
    let site = Site::new(&world).await;
    world.stack.sandbox().unwrap().set_webhook(None);
    let authorization = world.stack.endpoints().webhook_authorization.clone();
    let old = world.secret("Session").await["current"].clone();
    let before = site.start().await;
    let both = json!({"current": NEW_KEY, "previous": old});
    world.set_secret("Session", &both).await;
    let after = site.start().await;
    let minted = after.mint().await;
    site.work_off(&before).await;
    let connected = site.connect(&minted).await;
    assert_eq!(before.takes_session(&minted).await, 400);
    site.wait(REREAD_PAUSE - SECOND).await;
    assert_eq!(before.takes_session(&minted).await, 400);
    // Its fetcher compares the owner with a hash that it cannot compute.
    site.deliver(&before, &authorization).await;
    let status = async || world.link(&connected.link_id).await["status"].clone();
    assert_eq!(status().await.text(), "quarantined");
    site.wait(SECOND).await;
    assert_eq!(before.takes_session(&minted).await, 202);
    let reread = json!({"sweep": "reread", "link_id": connected.link_id});
    site.sweep(&before, reread).await;
    assert_eq!(status().await.text(), "bound");
    world.assert_complete(&connected.link_id, USER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_key_replaced_without_the_old_one_strands_users_until_it_is_back() {
    let world = World::start().await;
    let site = Site::new(&world).await;
    world.stack.sandbox().unwrap().set_webhook(None);
    let authorization = world.stack.endpoints().webhook_authorization.clone();
    let old = world.secret("Session").await["current"].clone();
    let process = site.start().await;
    let minted = process.mint().await;
    site.work_off(&process).await;
    let connected = site.connect(&minted).await;
    world
        .set_secret("Session", &json!({"current": NEW_KEY}))
        .await;
    let process = site.start().await;
    // A user in the widget cannot return, and the link seems to belong to another account holder.
    assert_eq!(process.takes_session(&minted).await, 400);
    site.deliver(&process, &authorization).await;
    let status = async || world.link(&connected.link_id).await["status"].clone();
    assert_eq!(status().await.text(), "quarantined");

    let both = json!({"current": NEW_KEY, "previous": old});
    world.set_secret("Session", &both).await;
    assert_eq!(process.takes_session(&minted).await, 400);
    site.wait(REREAD_PAUSE).await;
    assert_eq!(process.takes_session(&minted).await, 202);
    site.work_off(&process).await;
    let reread = json!({"sweep": "reread", "link_id": connected.link_id});
    site.sweep(&process, reread).await;
    assert_eq!(status().await.text(), "bound");
    world.assert_complete(&connected.link_id, USER).await;
}
