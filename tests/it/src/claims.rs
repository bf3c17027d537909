//! Claims of tokens as identity providers write them: of any JSON type, in any form, and ids of users
//! that Belvo would drop.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{CPF, OTHER_CPF, User, World, event};

/// The identification in the last token request.
async fn sent(world: &World) -> Value {
    let requests: Value = serde_json::from_str(&world.ask_sandbox("requests").await).unwrap();
    let mut requests = requests.as_array().unwrap().iter().rev();
    let token = requests.find(|it| it["path"] == "/api/token/").unwrap();
    token["body"]["widget"]["consent"]["identification_info"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_in_a_claim_is_read_in_every_form() {
    let world = World::start().await;
    for cpf in [
        json!("05117767055"),
        json!("5117767055"),
        json!(5_117_767_055_u64),
        json!("051.177.670\u{2011}55"),
        json!("CPF 051.177.670-55"),
        json!(["05117767055"]),
        json!("5.117767055e+09"),
        json!(5_117_767_055.0),
    ] {
        let claims = json!({"cpf": cpf, "name": "Ralph Bragg", "cnpj": null, "company_name": []});
        let user = world.sign_in(claims).await;
        world.mint(&user).await;
        let expected = json!([{"type": "CPF", "number": "05117767055", "name": "Ralph Bragg"}]);
        assert_eq!(sent(&world).await, expected, "{cpf}");
    }
    let claims = json!({
        "cpf": CPF, "name": "Ralph Bragg", "cnpj": 191, "company_name": "Bragg Mechanics",
    });
    let user = world.sign_in(claims).await;
    world.mint(&user).await;
    assert_eq!(sent(&world).await[1]["number"], "00000000000191");
    // What a user types must be whole.
    let world = World::with(&[("IdentitySource", "body")]).await;
    let user = world.sign_in(json!({})).await;
    let body = json!({
        "identification": {"cpf": "5117767055", "name": "Ralph Bragg"},
        "return_url": "https://www.example.com/connected",
    });
    assert_eq!(world.post(&user, "/token", &body).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_not_used_may_be_anything() {
    let world = World::start().await;
    let names = ["list_links", "links", "get_links"];
    let samples = crate::world::events("links");
    let name = samples.iter().find(|it| names.contains(&it.as_str()));
    let name = name.unwrap_or(&samples[0]);
    let mut sample = event("links", name, &[]);
    let plain = world.stack.invoke("links", sample.clone()).await.unwrap();
    let claims = sample.pointer_mut("/requestContext/authorizer/jwt/claims");
    let claims = claims.unwrap();
    claims["email_verified"] = json!(true);
    claims["auth_time"] = json!(1_700_000_000.5);
    claims["groups"] = json!(["a", {"b": null}]);
    claims["nothing"] = json!(null);
    claims["address"] = json!({"street": "Rua A", "number": 7});
    let odd = world.stack.invoke("links", sample).await.unwrap();
    assert_eq!(odd["statusCode"], plain["statusCode"], "{name}");
    assert_eq!(odd["body"], plain["body"], "{name}");
}

/// The answers of a user's routes, and the code of a refusal.
async fn refusals(world: &World, user: &User) -> Vec<(u16, Value)> {
    let mut answers = Vec::new();
    for (method, path) in [
        (Method::POST, "/token"),
        (Method::POST, "/portal"),
        (Method::POST, "/callback"),
        (Method::GET, "/links"),
        (Method::GET, "/transactions"),
        (Method::DELETE, "/me"),
    ] {
        let body = match path {
            "/token" => json!({}),
            "/portal" => json!({"mode": "manage"}),
            _ => json!({"url": "acmeapp://x/e30.AAAA/exit"}),
        };
        let request = user.sign(world.http.request(method.clone(), world.url(path)));
        let request = match method {
            Method::POST => request.json(&body),
            _ => request,
        };
        let answer = world.send(request).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        answers.push((status, body["type"].clone()));
    }
    answers
}

const REFUSED: &str = "/problems/derived-id-required";

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_belvo_would_drop_is_refused_with_a_code_that_says_what_to_do() {
    let world = World::start().await;
    for sub in [
        "user-76109277673",
        "u76109277673",
        "a_11222333000181_b",
        "tel-5511987654321",
        "551133334444-x",
        "card_4111111111111111",
        "1234567890",
        "12345678901",
        "761-092-776-73",
    ] {
        let claims = json!({"sub": sub, "cpf": CPF, "name": "Ralph Bragg"});
        let user = world.sign_in(claims).await;
        let (connecting, others) = {
            let mut answers = refusals(&world, &user).await;
            (answers.remove(0), answers)
        };
        assert_eq!(connecting, (403, json!(REFUSED)), "{sub}");
        // Who has connected a bank under such an id before sees and erases it.
        for (status, kind) in others {
            assert_ne!(kind, REFUSED, "{sub}");
            assert_ne!(status, 403, "{sub}");
        }
    }
    // No link can ever have had such a user.
    let claims =
        json!({"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "cpf": CPF, "name": "Ralph Bragg"});
    let user = world.sign_in(claims).await;
    for answer in refusals(&world, &user).await {
        assert_eq!(answer, (403, json!(REFUSED)));
    }
    for sub in [
        "0190f3c6-7d5c-7bb2-9c40-551198765432",
        "user-12345678901234567890",
        "user-76109277674",
        "order-4111111111111112",
        "1700000000000",
        "123456789",
    ] {
        let claims = json!({"sub": sub, "cpf": OTHER_CPF, "name": "Ralph Bragg"});
        let user = world.sign_in(claims).await;
        let answer = world.post(&user, "/token", &json!({})).await;
        assert_eq!(answer.status(), 201, "{sub}");
    }
    // With derived ids, the same users are welcome.
    let world = World::with(&[("ExternalIdMode", "derived")]).await;
    for sub in ["user-76109277673", "auth0|5f7c8ec7c33c6c004bbafe82"] {
        let claims = json!({"sub": sub, "cpf": CPF, "name": "Ralph Bragg"});
        let user = world.sign_in(claims).await;
        let answer = world.post(&user, "/token", &json!({})).await;
        assert_eq!(answer.status(), 201, "{sub}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_before_reads_and_erases_what_is_stored_under_an_id_that_belvo_would_drop() {
    let world = World::with(&[("AdoptExistingLinks", "true")]).await;
    let sub = "user-76109277673";
    let body = json!({"external_id": sub, "transactions": 30, "seed": 1});
    let link = world.sandbox("links", &body).await;
    let link_id = link["link_id"].as_str().unwrap();
    world.settle().await;
    assert_eq!(world.link(link_id).await["status"].text(), "bound");

    let claims = json!({"sub": sub, "cpf": CPF, "name": "Ralph Bragg"});
    let user = world.sign_in(claims).await;
    let links: Value = world.get(&user, "/links").await.json().await.unwrap();
    assert_eq!(links["links"][0]["link_id"], link_id);
    let rows = format!("/links/{link_id}/transactions");
    assert_eq!(world.get(&user, &rows).await.status(), 200);
    assert_eq!(world.get(&user, "/export").await.status(), 200);
    let refused = world.post(&user, "/token", &json!({})).await;
    assert_eq!(refused.status(), 403);
    let path = format!("/links/{link_id}");
    assert_eq!(world.delete(&user, &path).await.status(), 202);
    assert_eq!(world.delete(&user, "/me").await.status(), 202);
    world.settle().await;
    world.let_erasure_end(link_id).await;
    assert!(!world.records(link_id).await.contains_key("LINK"));
}
