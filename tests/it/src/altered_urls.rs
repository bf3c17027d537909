//! Callback URLs that the URL libraries of mobile platforms have altered.

use serde_json::{Value, json};

use crate::world::{CPF, World};

const APP: &str = "acmeapp://connected";

#[tokio::test(flavor = "multi_thread")]
async fn a_caught_url_counts_as_it_was_before_a_library_altered_it() {
    let world = World::with(&[("ReturnUrls", APP)]).await;
    let user = world.individual().await;
    let body = json!({"callback": "app", "return_url": APP});
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let link = &connected.link_id;
    let address = |session: &str, kind: &str| format!("{APP}/{session}/{kind}");
    let (session, exit) = (world.session("success").await, world.session("exit").await);
    let success = address(&session, "success");
    let escaped = session.replace('.', "%2E").replace('_', "%5F");
    for url in [
        format!("{success}?institution=x&link={link}"),
        // React Native adds a slash to the path or to the whole text.
        format!("{success}?institution=x&link={link}/"),
        format!("{success}?link={link}&institution=ofmockbank_br_retail/"),
        format!("{success}?link={link}%2F"),
        format!("{success}/?link={link}"),
        format!("{success}/?link={link}/"),
        format!("{success}//?link={link}"),
        // Others change the case, escape more than they must, or add what follows a login.
        format!("{success}?link={}", link.to_uppercase()),
        format!("{success}?link={link}#_=_"),
        format!("{success}?link={link}/#"),
        format!("{success}?link={link}+"),
        format!("{success}?&link={link}&"),
        format!("{}?link={link}", address(&escaped, "success")),
        success.replace("acmeapp://connected", "AcmeApp://CONNECTED") + &format!("?link={link}"),
        format!("acmeapp:///connected/{session}/success?link={link}"),
    ] {
        let answer = world.post(&user, "/callback", &json!({"url": url})).await;
        assert_eq!(answer.status(), 202, "{url}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["outcome"], "success", "{url}");
        assert_eq!(answer["link_id"], *link, "{url}");
    }
    let exit = address(&exit, "exit");
    for (url, code) in [
        (exit.clone(), Value::Null),
        (format!("{exit}?"), Value::Null),
        (format!("{exit}/"), Value::Null),
        (format!("{exit}/?"), Value::Null),
        (format!("{exit}?/"), Value::Null),
        (
            format!("{exit}?last_encountered_error_code=login_error/"),
            json!("login_error"),
        ),
    ] {
        let answer = world.post(&user, "/callback", &json!({"url": url})).await;
        assert_eq!(answer.status(), 202, "{url}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["outcome"], "exit", "{url}");
        assert_eq!(answer["code"], code, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_with_a_slash_at_its_end_comes_in_all_the_same() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let (path, query) = connected.redirect_url.split_once('?').unwrap();
    for url in [format!("{path}/?{query}"), format!("{path}?{query}/")] {
        assert_eq!(world.follow(&url).await.status(), 200, "{url}");
    }
    world.settle().await;
    let attempts = world.attempts(&user).await;
    assert_eq!(attempts[&minted.session_id]["outcome"].text(), "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_counts_as_it_was_before_a_library_added_a_slash_to_its_address() {
    let done = "https://app.example.com/done";
    let parameters = [("IdentitySource", "body"), ("ReturnUrls", done)];
    let world = World::with(&parameters).await;
    let user = world.sign_in(json!({})).await;
    let identification = json!({"cpf": CPF, "name": "Ralph Bragg"});
    let body = json!({"identification": identification, "return_url": done});
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let back = world.follow(&connected.redirect_url).await;
    let back = url::Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let mut pairs = back.query_pairs();
    let proof = pairs.find(|(name, _)| name == "proof").unwrap().1;
    for (link_id, proof) in [
        (connected.link_id.clone(), format!("{proof}/")),
        (format!("{}/", connected.link_id), proof.into_owned()),
    ] {
        let posted = json!({"link_id": link_id, "proof": proof});
        let answer = world.post(&user, "/callback", &posted).await;
        assert_eq!(answer.status(), 202, "{link_id}");
    }
}
