//! The Belvo client's requests other than reads, against the simulated Belvo.

use std::time::Duration;

use belvo::{Belvo, ClientOptions, Deletion, KeySource, Keys, Transport};
use belvo_sandbox::{Config, Sandbox};
use domain::{ExternalId, LinkId, ResourceKind};
use serde_json::{Value, json};

struct Sides {
    sandbox: Sandbox,
    belvo: Belvo,
}

impl Sides {
    async fn open() -> Self {
        let sandbox = Sandbox::start(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            secret_id: "id".to_owned(),
            secret_password: "password".to_owned(),
            seed: 1,
            webhook: None,
        });
        let sandbox = sandbox.await.unwrap();
        let keys = Keys::from_json(r#"{"id": "id", "password": "password"}"#).unwrap();
        let keys = KeySource::fixed(keys);
        let transport = Transport::network(Duration::from_secs(5)).unwrap();
        let options = ClientOptions {
            page_size: 2,
            first_delay: Duration::ZERO,
            ..ClientOptions::default()
        };
        let belvo = Belvo::new(sandbox.url().parse().unwrap(), transport, keys);
        Self {
            belvo: belvo.with_options(options),
            sandbox,
        }
    }

    async fn link(&self, external_id: &str) -> LinkId {
        let order = json!({"external_id": external_id, "transactions": 1});
        let made = self.tell("links", &order).await;
        LinkId::parse(made["link_id"].as_str().unwrap()).unwrap()
    }

    async fn tell(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let answer = reqwest::Client::new().post(url).json(body).send().await;
        answer.unwrap().json().await.unwrap()
    }

    async fn ask(&self, path: &str) -> Value {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn a_refresh_is_made_once_and_announced_under_its_id() {
    let sides = Sides::open().await;
    let link = sides.link("user-1").await;
    let before = sides.ask("webhooks").await.as_array().unwrap().len();
    let kinds = [ResourceKind::Bills];
    let id = sides.belvo.refresh(link, &kinds).await.unwrap().unwrap();
    let after = sides.ask(&format!("webhooks?after={before}")).await;
    assert_eq!(after.as_array().unwrap().len(), 1);
    assert_eq!(after[0]["body"]["webhook_type"], "BILLS");
    assert_eq!(after[0]["body"]["request_id"], id.as_str());

    let again = sides.belvo.refresh(link, &[]).await.unwrap_err();
    assert_eq!(again.api_error().unwrap().code.as_str(), "link_refreshed");
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_not_made_twice() {
    let sides = Sides::open().await;
    let link = sides.link("user-1").await;
    let fault = json!({"path": "/refresh/", "cut_body": true});
    sides.tell("faults", &fault).await;
    assert!(sides.belvo.refresh(link, &[]).await.is_err());
    let requests = sides.ask("requests").await;
    let requests = requests.as_array().unwrap().iter();
    let refreshes = requests.filter(|it| it["method"] == "POST");
    assert_eq!(refreshes.count(), 1);
}

#[tokio::test]
async fn any_number_of_links_is_deleted_and_a_gone_one_stays_gone() {
    let sides = Sides::open().await;
    for _ in 0..7 {
        let link = sides.link("user-1").await;
        let deleted = sides.belvo.delete(link).await.unwrap();
        assert_eq!(deleted, Deletion::Requested);
        assert_eq!(sides.belvo.delete(link).await.unwrap(), Deletion::Gone);
    }
}

#[tokio::test]
async fn a_users_links_are_found_over_all_pages() {
    let sides = Sides::open().await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(sides.link("user-1").await);
        sides.link("user-2").await;
    }
    let user = ExternalId::parse("user-1").unwrap();
    let links = sides.belvo.links_of_user(&user).await.unwrap();
    let mut found: Vec<LinkId> = links.iter().filter_map(|link| link.id).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let unknown = ExternalId::parse("user-3").unwrap();
    assert!(
        sides
            .belvo
            .links_of_user(&unknown)
            .await
            .unwrap()
            .is_empty()
    );
}
