//! Callback addresses fit what firewalls let through: the core rules of AWS WAF refuse a path above
//! 1,024 bytes and a query above 2,048.

use serde_json::{Value, json};
use url::Url;

use crate::world::{CNPJ, CPF, User, World};

const PATH: usize = 1024;
const QUERY: usize = 2048;

/// The answer to a request for a token that leads back to `return_url`.
async fn token(world: &World, user: &User, return_url: &str) -> reqwest::Response {
    let company = json!({
        "cpf": CPF, "name": "Ralph Bragg", "cnpj": CNPJ, "company_name": "Bragg Mechanics",
    });
    let body = json!({"identification": company, "return_url": return_url});
    world.post(user, "/token", &body).await
}

/// The callback URLs of the last token.
async fn callback_urls(world: &World) -> Vec<Url> {
    let requests: Value = serde_json::from_str(&world.ask_sandbox("requests").await).unwrap();
    let mut requests = requests.as_array().unwrap().iter().rev();
    let token = requests.find(|it| it["path"] == "/api/token/").unwrap();
    let urls = &token["body"]["widget"]["callback_urls"];
    let urls = ["success", "exit", "event"].map(|kind| urls[kind].as_str().unwrap());
    urls.map(|url| Url::parse(url).unwrap()).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_return_address_that_is_accepted_leads_to_addresses_that_arrive() {
    let done = "https://app.example.com/done";
    let parameters = [
        ("IdentitySource", "body"),
        ("ReturnUrls", done),
        ("AttemptsPerDocumentPerHour", "100000"),
    ];
    let world = World::with(&parameters).await;
    let long = world.sign_in(json!({"sub": "u".repeat(256)})).await;
    let usual = world.sign_in(json!({})).await;
    for (user, fill, always) in [
        (&usual, "x", 400),
        (&long, "x", 150),
        // Each of these takes more room in an address, or in the session, than it has.
        (&usual, "\u{e9}", 60),
        (&usual, " ", 100),
    ] {
        for length in (50..=1000).step_by(50) {
            let rest = length - done.len() - "?s=".len();
            let return_url = format!("{done}?s={}", fill.repeat(rest));
            let answer = token(&world, user, &return_url).await;
            if answer.status() != 201 {
                assert!(length > always, "{length} of {fill:?}");
                assert_eq!(answer.status(), 400);
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["errors"][0]["pointer"], "/return_url");
                continue;
            }
            let minted: Value = answer.json().await.unwrap();
            for url in callback_urls(&world).await {
                let path = url.path().len();
                assert!(path <= PATH, "{length} of {fill:?}: {path}");
            }
            let how =
                json!({"access_token": minted["access_token"], "external_id": user.external_id});
            let connected = world.sandbox("connect", &how).await;
            let back = world
                .follow(connected["redirect_url"].as_str().unwrap())
                .await;
            assert_eq!(back.status(), 302);
            let target = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
            let query = target.query().unwrap().len();
            assert!(query <= QUERY, "{length} of {fill:?}: {query}");
        }
    }
}
