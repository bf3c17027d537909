//! Items of Belvo's integration checklist that only tests can show: failures are handled and logged
//! with Belvo's request id, also those that are repeated in place, and data is read after its webhook.

use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;

/// How many failed requests with this code are logged with a request id of Belvo's.
fn logged(world: &World, code: &str) -> usize {
    let code = format!("\"belvo.code\":\"{code}\"");
    let logs = world.stack.logs();
    let failed = logs.iter().filter_map(|line| {
        let is_meant = line.contains("a request to belvo failed") && line.contains(&code);
        let (_, id) = line
            .split_once("\"belvo.request_id\":\"")
            .filter(|_| is_meant)?;
        let (id, _) = id.split_once('"')?;
        Some(id.to_owned())
    });
    let is_id = |id: &String| id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit());
    failed.filter(is_id).count()
}

fn fail(count: u64, status: u16, code: &str, path: &str) -> Value {
    let fail = json!({"count": count, "status": status, "code": code, "path": path});
    json!({"fail_next": fail})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_400_and_a_401_are_handled_and_logged_with_their_request_ids() {
    let bank = Bank::connected().await;
    bank.faults(&fail(1, 400, "validation_error", "/api/bills/"))
        .await;
    bank.news_of_bills().await;
    assert_eq!(logged(&bank.world, "validation_error"), 1);
    assert_eq!(bank.link().await["status"].text(), "bound");
    let bills = bank.link().await["resources"].get("BILLS").clone();
    assert_eq!(bills.get("declined").text(), "validation_error");

    let wrong = json!({"id": "wrong", "password": "wrong"});
    let world = World::start().await;
    world.set_secret("Belvo", &wrong).await;
    let user = world.individual().await;
    let answer = world.post(&user, "/token", &json!({})).await;
    assert_eq!(answer.status(), 502);
    assert!(logged(&world, "authentication_failed") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_is_handled_and_logged_with_its_request_id() {
    let world = World::start().await;
    let user = world.individual().await;
    let once = fail(1, 500, "unexpected_error", "/api/token/");
    world.sandbox("faults", &once).await;
    // The second try works.
    let minted = world.mint(&user).await;
    assert_eq!(logged(&world, "unexpected_error"), 1);

    let twice = fail(2, 500, "unexpected_error", "/api/transactions/");
    world.sandbox("faults", &twice).await;
    let connected = world.connect(&user, &minted).await;
    world.settle().await;
    assert_eq!(logged(&world, "unexpected_error"), 3);
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_handled_and_logged_with_its_request_id() {
    let world = World::start().await;
    let twice = fail(2, 408, "request_timeout", "/api/owners/");
    world.sandbox("faults", &twice).await;
    let bank = Bank::connected_in(world).await;
    assert_eq!(logged(&bank.world, "request_timeout"), 2);
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_read_after_its_webhook_and_not_before() {
    let bank = Bank::unheard().await;
    let lists = |requests: &[String]| {
        let of = |path: &str| requests.iter().any(|it| it.starts_with(path));
        ["/api/owners/", "/api/accounts/", "/api/bills/"].map(of)
    };
    bank.world.follow(&bank.connected.redirect_url).await;
    bank.world.stack.settle().await.unwrap();
    assert_eq!(lists(&bank.requests().await), [false; 3]);
    bank.hear_of("OWNERS").await;
    assert_eq!(lists(&bank.requests().await), [true, false, false]);
    bank.hear_of("ACCOUNTS").await;
    assert_eq!(lists(&bank.requests().await), [true, true, false]);
    bank.hear_of("BILLS").await;
    assert_eq!(lists(&bank.requests().await), [true; 3]);
}
