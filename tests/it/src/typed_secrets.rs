//! Secrets as they are typed and piped: with a newline at the end, with a byte order mark, or of a
//! wrong form.

use aws_sdk_secretsmanager::primitives::Blob;
use serde_json::json;

use crate::metrics::counted;
use crate::world::World;

/// The answer to a webhook with this value.
async fn webhook(world: &World, authorization: &str) -> u16 {
    let request = world.http.post(world.url("/webhook")).body("{}");
    let request = request.header("authorization", authorization);
    world.send(request).await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newline_at_the_end_of_the_agreed_value_makes_no_difference() {
    let agreed = "Basic YmVsdm86YWdyZWVkLXVwb24=";
    for text in [
        json!({"current": format!("{agreed}\n")}).to_string(),
        json!({"current": format!(" {agreed}\r\n")}).to_string(),
        json!({"current": "Bearer new-new-new-new", "previous": format!("{agreed}\n")}).to_string(),
        format!("\u{feff}{}\n", json!({"current": agreed})),
    ] {
        let world = World::without("WebhookSecret", &[]).await;
        world.put("WebhookSecret", &text).await;
        assert_eq!(webhook(&world, agreed).await, 200, "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newline_at_the_end_of_belvos_keys_makes_no_difference() {
    let world = World::without("BelvoSecret", &[]).await;
    let endpoints = world.stack.endpoints();
    let keys = json!({
        "id": format!("{}\n", endpoints.belvo_secret_id),
        "password": format!("{}\r\n", endpoints.belvo_secret_password),
    });
    let file = format!("\u{feff}{keys}\n");
    world.put("BelvoSecret", &file).await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_wrong_form_is_counted() {
    let world = World::without("WebhookSecret", &[]).await;
    let agreed = "Basic YmVsdm86YWdyZWVkLXVwb24=";
    assert_eq!(webhook(&world, agreed).await, 503);
    assert_eq!(counted(&world, "SecretInvalid").len(), 0, "not set yet");
    for wrong in [
        agreed.to_owned(),
        json!({"current": format!("{agreed}\n{agreed}")}).to_string(),
        json!({"curent": agreed}).to_string(),
        json!({"current": "Basic caf\u{e9}-caf\u{e9}-caf\u{e9}"}).to_string(),
    ] {
        world.put("WebhookSecret", &wrong).await;
        let before = counted(&world, "SecretInvalid").len();
        assert_eq!(webhook(&world, agreed).await, 503, "{wrong}");
        assert!(counted(&world, "SecretInvalid").len() > before, "{wrong}");
    }
    // `--secret-binary` stores bytes, and no text.
    let name = world.secret_name("WebhookSecret").await;
    let put = world.stack.secretsmanager().put_secret_value();
    let bytes = json!({"current": agreed}).to_string().into_bytes();
    let put = put.secret_id(name).secret_binary(Blob::new(bytes));
    put.send().await.unwrap();
    let before = counted(&world, "SecretInvalid").len();
    assert_eq!(webhook(&world, agreed).await, 503);
    assert!(counted(&world, "SecretInvalid").len() > before, "binary");
    let logs = world.stack.logs();
    let (_, value) = agreed.split_once(' ').unwrap();
    assert!(!logs.iter().any(|line| line.contains(value)));
}
