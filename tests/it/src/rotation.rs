//! Secrets that change while functions run.

use reqwest::StatusCode;
use serde_json::json;

use crate::world::World;

impl World {
    /// Sets a secret, by the variable that names it in the template.
    async fn set_secret(&self, part_of_name: &str, value: &serde_json::Value) {
        let secrets = self.stack.secretsmanager();
        let list = secrets.list_secrets().send().await.unwrap();
        let names = list.secret_list().iter().filter_map(|it| it.name());
        let name = names
            .into_iter()
            .find(|name| name.contains(part_of_name))
            .unwrap();
        let put = secrets.put_secret_value().secret_id(name);
        put.secret_string(value.to_string()).send().await.unwrap();
    }

    async fn call_webhook(&self, authorization: &str) -> StatusCode {
        let request = self.http.post(self.url("/webhook"));
        let request = request.header("authorization", authorization).body("{}");
        request.send().await.unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_authorizations_are_taken_while_belvo_is_told_the_new_one() {
    let world = World::start().await;
    let old = world.stack.endpoints().webhook_authorization.clone();
    let new = "Bearer a-new-value-agreed-with-belvo";
    let both = json!({"current": new, "previous": old});
    // Before any call, so that no process holds the old value alone.
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
async fn belvos_keys_are_read_again_when_belvo_rejects_them() {
    let world = World::start().await;
    let user = world.individual().await;
    let endpoints = world.stack.endpoints();
    let right = json!({
        "id": endpoints.belvo_secret_id,
        "password": endpoints.belvo_secret_password,
    });
    world
        .set_secret("Belvo", &json!({"id": "wrong", "password": "wrong"}))
        .await;
    let answer = world.post(&user, "/token", &json!({})).await;
    assert_eq!(answer.status(), 502);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "/problems/belvo-refused");
    assert_eq!(body["belvo"]["code"], "authentication_failed");
    assert_eq!(body["belvo"]["request_id"].as_str().unwrap().len(), 32);
    world.set_secret("Belvo", &right).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_signed_before_a_rotation_still_comes_back() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let secrets = world.stack.secretsmanager();
    let list = secrets.list_secrets().send().await.unwrap();
    let names = list.secret_list().iter().filter_map(|it| it.name());
    let name = names
        .into_iter()
        .find(|name| name.contains("Session"))
        .unwrap();
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
