//! A whole connection: token, widget, callback, webhooks, queue, sync, tables.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use crate::world::{User, World};
use truth::Canonical;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_connects_a_bank_and_everything_belvo_holds_is_stored() {
    let world = World::start().await;
    let user = world.individual().await;
    everything_is_stored(&world, &user, "ofmockbank_br_retail").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_connects_a_bank_and_everything_belvo_holds_is_stored() {
    let world = World::start().await;
    let user = world.company().await;
    let records = everything_is_stored(&world, &user, "ofbancoprimavera_br_business").await;
    let owner = records
        .iter()
        .find(|(record, _)| record.starts_with("OWNERS#"));
    let document = owner.unwrap().1["data"]
        .get("document_id")
        .get("document_number")
        .clone();
    assert_eq!(document, Canonical::Text(crate::world::CNPJ.to_owned()));
}

async fn everything_is_stored(world: &World, user: &User, bank: &str) -> crate::world::Records {
    let body = json!({"access_mode": "recurrent", "institutions": [bank]});
    let minted = world.mint_with(user, &body).await;
    assert_widget_url(
        &minted.widget_url,
        &minted.access_token,
        &user.external_id,
        bank,
    );

    // The user goes through the widget's own pages.
    let page = world.follow(&minted.widget_url).await;
    assert_eq!(page.status(), 200);
    let answer = press(world, &minted.widget_url, "authorize", bank).await;
    let callback = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(callback.starts_with(&world.url("/callback/")), "{callback}");
    let landed = world.follow(&callback).await;
    assert_eq!(landed.status(), 200);
    assert!(landed.text().await.unwrap().contains("Conta conectada"));
    world.settle().await;

    let link_id = link_of(&callback);
    let counts = world.assert_identical(&link_id, &user.external_id).await;
    assert!(counts["TRANSACTIONS"] > 2000, "several pages: {counts:?}");
    for (kind, rows) in &counts {
        assert!(*rows > 0, "{kind} has no rows: {counts:?}");
    }

    let records = world.records(&link_id).await;
    let link = &records["LINK"];
    assert_eq!(link["status"].text(), "bound");
    assert_eq!(link["external_id"].text(), user.external_id);
    assert_eq!(link["institution"].text(), bank);
    assert_eq!(link["owner_verdict"].text(), "matched");
    assert_eq!(link["session_id"].text(), minted.session_id);
    for (kind, rows) in counts {
        let resource = link["resources"].get(kind);
        assert_eq!(resource.get("state").text(), "ready", "{kind}");
        assert_eq!(*resource.get("rows"), number(rows), "{kind}");
        assert_eq!(resource.get("totals").text(), "agrees", "{kind}");
    }
    let attempts = world.attempts(user).await;
    assert_eq!(attempts.len(), 1);
    let attempt = &attempts[&minted.session_id];
    assert_eq!(attempt["outcome"].text(), "success");
    assert_eq!(attempt["linked"].text(), link_id);
    assert_eq!(attempt["institution"].text(), bank);
    records
}

fn assert_widget_url(widget_url: &str, access_token: &str, external_id: &str, bank: &str) {
    let url = Url::parse(widget_url).unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let expected = [
        ("access_token", access_token),
        ("mode", "webapp"),
        ("locale", "pt"),
        ("access_mode", "recurrent"),
        ("external_id", external_id),
        ("institutions", bank),
    ];
    let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(query, BTreeMap::from(expected));
}

/// Presses a button of the widget's form.
async fn press(world: &World, widget_url: &str, action: &str, bank: &str) -> reqwest::Response {
    let url = Url::parse(widget_url).unwrap();
    let mut form: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    form.insert("institution".to_owned(), bank.to_owned());
    form.insert("action".to_owned(), action.to_owned());
    let mut action = url.clone();
    action.set_query(None);
    let answer = world.http.post(action).form(&form).send().await.unwrap();
    assert!(answer.status().is_redirection(), "{}", answer.status());
    answer
}

fn link_of(callback: &str) -> String {
    let url = Url::parse(callback).unwrap();
    let link = url.query_pairs().find(|(name, _)| name == "link");
    link.unwrap().1.into_owned()
}

fn number(rows: usize) -> Canonical {
    Canonical::from_json(&Value::from(rows).to_string())
}
