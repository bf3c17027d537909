//! My Belvo Portal: who gets an address of it, and what Belvo is asked for.

use serde_json::{Value, json};
use url::Url;

use crate::world::{CNPJ, CPF, Connected, OTHER_CPF, User, World};
use truth::Canonical;

const DONE: &str = "https://app.example.com/done";

const TERMS: (&str, &str) = ("TermsAndConditionsUrl", "https://www.example.com/termos");

#[tokio::test(flavor = "multi_thread")]
async fn the_public_portal_needs_no_token() {
    let world = World::start().await;
    let user = world.individual().await;
    let answer = world
        .post(&user, "/portal", &json!({"mode": "public"}))
        .await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    let portal = format!("{}/portal/?mode=landing", world.stack.endpoints().belvo_url);
    assert_eq!(answer, json!({"portal_url": portal}));
    assert_eq!(world.follow(&portal).await.status(), 200);
    assert_eq!(world.ask_sandbox("requests").await, "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_for_a_persons_consents_equals_the_documented_one() {
    let world = World::with(&[TERMS]).await;
    let user = world.individual().await;
    open(&world, &user, &json!({"mode": "manage"})).await;
    let documented: Value =
        serde_json::from_str(include_str!("../data/token-portal.json")).unwrap();
    assert_eq!(sent(&world).await, documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_for_a_companys_consents_equals_the_documented_one() {
    let world = World::with(&[TERMS]).await;
    let user = world.company().await;
    open(&world, &user, &json!({"mode": "manage"})).await;
    let documented: Value =
        serde_json::from_str(include_str!("../data/token-portal-company.json")).unwrap();
    assert_eq!(sent(&world).await, documented);

    let own = json!({"mode": "manage", "holder": "individual"});
    open(&world, &user, &own).await;
    let documented: Value =
        serde_json::from_str(include_str!("../data/token-portal.json")).unwrap();
    assert_eq!(sent(&world).await, documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sees_their_consents_and_nobody_elses() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let url = open(&world, &user, &json!({"mode": "manage"})).await;
    let names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names, ["access_token"]);
    let page = page(&world, &url).await;
    assert!(page.contains(&connected.consent_id), "{page}");

    let other = world
        .sign_in(json!({"cpf": OTHER_CPF, "name": "Ana Souza"}))
        .await;
    let url = open(&world, &other, &json!({"mode": "manage"})).await;
    let page = self::page(&world, &url).await;
    assert!(page.contains("Nenhum consentimento"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portals_own_path_stays() {
    let portal = "https://portal.example.com/br/consents?mode=landing&x=1";
    let world = World::with(&[("PortalUrl", portal)]).await;
    let user = world.individual().await;
    let url = open(&world, &user, &json!({"mode": "manage"})).await;
    let start = "https://portal.example.com/br/consents?access_token=";
    assert!(url.as_str().starts_with(start), "{url}");
    assert_eq!(url.query_pairs().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_portal_and_widget_are_capped_together() {
    let world = World::with(&[("AttemptsPerUserPerHour", "2")]).await;
    let user = world.individual().await;
    let manage = json!({"mode": "manage"});
    open(&world, &user, &manage).await;
    world.mint(&user).await;
    let capped = world.post(&user, "/portal", &manage).await;
    assert_eq!(capped.status(), 429);
    assert!(capped.headers().contains_key("retry-after"));
    assert_eq!(world.post(&user, "/token", &json!({})).await.status(), 429);
    let public = world
        .post(&user, "/portal", &json!({"mode": "public"}))
        .await;
    assert_eq!(public.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_is_told_which_field_breaks_which_rule() {
    let world = World::start().await;
    let user = world.individual().await;
    for (body, pointers) in [
        ("", vec!["/mode"]),
        ("[]", vec![""]),
        ("{}", vec!["/mode"]),
        (r#"{"mode":null}"#, vec!["/mode"]),
        (r#"{"mode":"view","link_id":7}"#, vec!["/mode"]),
        (r#"{"mode":"public","holder":"company"}"#, vec!["/holder"]),
        (
            r#"{"mode":"manage","holder":"both","x":1}"#,
            vec!["/holder", "/x"],
        ),
        (
            r#"{"mode":"manage","identification":{}}"#,
            vec!["/identification"],
        ),
    ] {
        let answer = world.post_bytes(&user, "/portal", body.into()).await;
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(pointers_of(answer).await, pointers, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identification_comes_from_the_body_only_if_the_customer_says_so() {
    let world = World::with(&[("IdentitySource", "body")]).await;
    let user = world.sign_in(json!({})).await;
    let bare = world
        .post(&user, "/portal", &json!({"mode": "manage"}))
        .await;
    assert_eq!(bare.status(), 400);
    let expected = ["/identification/cpf", "/identification/name"];
    assert_eq!(pointers_of(bare).await, expected);

    let body = manage(person(CPF));
    let claims = World::start().await;
    let user = claims.individual().await;
    let refused = claims.post(&user, "/portal", &body).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(pointers_of(refused).await, ["/identification"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_the_body_opens_its_consents_only_with_a_proven_link_of_it() {
    // A token that Belvo mints is counted, so more than the two that are due would be refused.
    let world = in_the_body(&[("AttemptsPerUserPerHour", "2")]).await;
    let user = world.sign_in(json!({})).await;
    let other = world.sign_in(json!({})).await;
    let theirs = manage(person(CPF));
    only_public(&world, &user, &theirs).await;

    let identification = person(CPF);
    let (connected, proof) = unproven(&world, &user, &identification).await;
    only_public(&world, &user, &theirs).await;
    prove(&world, &user, &proof).await;
    for body in [
        manage(person(OTHER_CPF)),
        manage(company(CPF)),
        manage(company(OTHER_CPF)),
    ] {
        only_public(&world, &user, &body).await;
    }
    only_public(&world, &other, &theirs).await;

    let url = open(&world, &user, &theirs).await;
    let page = page(&world, &url).await;
    assert!(page.contains(&connected.consent_id), "{page}");
    let documents = &sent(&world).await["widget"]["consent"]["identification_info"];
    let expected = json!([{"type": "CPF", "number": CPF, "name": "Ralph Bragg"}]);
    assert_eq!(*documents, expected);
    assert_eq!(world.post(&user, "/portal", &theirs).await.status(), 429);
    only_public(&world, &user, &manage(person(OTHER_CPF))).await;
}

/// Who has come back from a visit of their own holds an address that is signed, and can put any link
/// into it.
#[tokio::test(flavor = "multi_thread")]
async fn a_visit_of_ones_own_proves_nothing_about_the_link_of_somebody_else() {
    let world = in_the_body(&[]).await;
    let user = world.sign_in(json!({})).await;
    let visit = |cpf| json!({"identification": person(cpf), "return_url": DONE});
    let minted = world.mint_with(&user, &visit(CPF)).await;
    let own = world.connect(&user, &minted).await;
    // Somebody else consents, in another browser, with a token that was minted for them.
    let minted = world.mint_with(&user, &visit(OTHER_CPF)).await;
    let theirs = world.connect(&user, &minted).await;
    world.settle().await;

    let forged = own.redirect_url.replace(&own.link_id, &theirs.link_id);
    let signed = world.follow(&forged).await;
    let signed = Url::parse(signed.headers()["location"].to_str().unwrap()).unwrap();
    let proof = signed.query_pairs().find(|(name, _)| name == "proof");
    let proof = json!({"link_id": theirs.link_id, "proof": proof.unwrap().1});
    for body in [json!({"url": forged}), proof] {
        world.post(&user, "/callback", &body).await;
        world.settle().await;
        let rows = format!("/links/{}/transactions", theirs.link_id);
        assert_eq!(world.get(&user, &rows).await.status(), 409);
        only_public(&world, &user, &manage(person(OTHER_CPF))).await;
    }
    let url = json!({"url": theirs.redirect_url});
    world.post(&user, "/callback", &url).await;
    world.settle().await;
    open(&world, &user, &manage(person(OTHER_CPF))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companys_consents_open_to_the_person_who_gave_them() {
    let world = in_the_body(&[]).await;
    let user = world.sign_in(json!({})).await;
    let connected = proven(&world, &user, &company(CPF)).await;
    let own = json!({"mode": "manage", "holder": "individual", "identification": company(CPF)});
    // The link is the company's: OWNERS do not name the person who acts for it.
    for body in [manage(person(CPF)), own, manage(company(OTHER_CPF))] {
        only_public(&world, &user, &body).await;
    }
    let url = open(&world, &user, &manage(company(CPF))).await;
    assert!(page(&world, &url).await.contains(&connected.consent_id));

    let renew = |identification| {
        let (mode, link_id) = ("renew", &connected.link_id);
        json!({"mode": mode, "link_id": link_id, "identification": identification})
    };
    only_public(&world, &user, &renew(company(OTHER_CPF))).await;
    open(&world, &user, &renew(company(CPF))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_renewed_for_the_document_of_its_own_link() {
    let world = in_the_body(&[]).await;
    let user = world.sign_in(json!({})).await;
    let one = proven(&world, &user, &person(CPF)).await;
    let two = proven(&world, &user, &person(OTHER_CPF)).await;
    for (link, theirs, not_theirs) in [(one, CPF, OTHER_CPF), (two, OTHER_CPF, CPF)] {
        let renew = |cpf| {
            let (mode, link_id) = ("renew", &link.link_id);
            json!({"mode": mode, "link_id": link_id, "identification": person(cpf)})
        };
        only_public(&world, &user, &renew(not_theirs)).await;
        world.settle().await;
        let consent = &world.link(&link.link_id).await["consent"];
        let opened_at = consent.get("renewal_opened_at");
        assert_eq!(*opened_at, Canonical::Null, "nothing was opened to renew");
        open(&world, &user, &renew(theirs)).await;
        open(&world, &user, &manage(person(theirs))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_owner_was_not_compared_is_evidence_for_no_document() {
    let world = in_the_body(&[("OwnerCheck", "off")]).await;
    let user = world.sign_in(json!({})).await;
    let connected = proven(&world, &user, &person(CPF)).await;
    only_public(&world, &user, &manage(person(CPF))).await;
    let (mode, link_id) = ("renew", &connected.link_id);
    let renew = json!({"mode": mode, "link_id": link_id, "identification": person(CPF)});
    only_public(&world, &user, &renew).await;

    let world = in_the_body(&[("OwnerCheck", "warn")]).await;
    let user = world.sign_in(json!({})).await;
    let body = json!({"identification": person(CPF), "return_url": DONE});
    let minted = world.mint_with(&user, &body).await;
    let owner = json!({"owner": OTHER_CPF});
    let connected = world.connect_with(&user, &minted, owner).await;
    let proof = come_back(&world, &connected).await;
    prove(&world, &user, &proof).await;
    for cpf in [CPF, OTHER_CPF] {
        only_public(&world, &user, &manage(person(cpf))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_belvo_that_fails_is_said_to_fail() {
    let world = World::start().await;
    let user = world.individual().await;
    let check = async |fault: Value, status: u16| {
        world.sandbox("faults", &fault).await;
        let answer = world
            .post(&user, "/portal", &json!({"mode": "manage"}))
            .await;
        assert_eq!(answer.status(), status, "{fault}");
    };
    check(json!({"http_5xx": 9}), 503).await;
    let denied = json!({"count": 9, "status": 403, "code": "access_to_resource_denied"});
    check(json!({"fail_next": denied}), 502).await;
}

/// A system where apps send CPF, CNPJ and names.
async fn in_the_body(parameters: &[(&str, &str)]) -> World {
    let body = [("IdentitySource", "body"), ("ReturnUrls", DONE)];
    World::with(&[&body[..], parameters].concat()).await
}

fn person(cpf: &str) -> Value {
    json!({"cpf": cpf, "name": "Ralph Bragg"})
}

fn company(cpf: &str) -> Value {
    json!({
        "cpf": cpf, "name": "Ralph Bragg",
        "cnpj": CNPJ, "company_name": "Bragg Mechanics",
    })
}

fn manage(identification: Value) -> Value {
    json!({"mode": "manage", "identification": identification})
}

/// Connects a bank for these documents and comes back; gives what the app must post as the proof.
async fn unproven(world: &World, user: &User, identification: &Value) -> (Connected, Value) {
    let body = json!({"identification": identification, "return_url": DONE});
    let minted = world.mint_with(user, &body).await;
    let connected = world.connect(user, &minted).await;
    let proof = come_back(world, &connected).await;
    (connected, proof)
}

async fn come_back(world: &World, connected: &Connected) -> Value {
    let back = world.follow(&connected.redirect_url).await;
    world.settle().await;
    let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let mut query = back.query_pairs();
    let (_, proof) = query.find(|(name, _)| name == "proof").unwrap();
    json!({"link_id": connected.link_id, "proof": proof})
}

async fn prove(world: &World, user: &User, proof: &Value) {
    assert_eq!(world.post(user, "/callback", proof).await.status(), 202);
    world.settle().await;
}

/// A user with a bank connected for these documents, and the proof posted.
async fn proven(world: &World, user: &User, identification: &Value) -> Connected {
    let (connected, proof) = unproven(world, user, identification).await;
    prove(world, user, &proof).await;
    connected
}

/// The answer is the one of mode `public`, to the byte, and Belvo is not asked.
async fn only_public(world: &World, user: &User, body: &Value) {
    let asked = world.ask_sandbox("requests").await;
    let public = json!({"mode": "public"});
    let mut answers = Vec::new();
    for body in [body, &public] {
        let answer = world.post(user, "/portal", body).await;
        assert_eq!(answer.status(), 201, "{body}");
        answers.push(answer.text().await.unwrap());
    }
    assert_eq!(answers[0], answers[1], "{body}");
    assert_eq!(world.ask_sandbox("requests").await, asked, "{body}");
}

/// Asks for the portal and gives its address.
pub async fn open(world: &World, user: &User, body: &Value) -> Url {
    let now = jiff::Timestamp::now();
    let answer = world.post(user, "/portal", body).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    let expires_at: jiff::Timestamp = answer["expires_at"].as_str().unwrap().parse().unwrap();
    let life = expires_at.duration_since(now).as_secs();
    assert!((560..=580).contains(&life), "{life}");
    answer["portal_url"].as_str().unwrap().parse().unwrap()
}

/// What the portal shows.
pub async fn page(world: &World, url: &Url) -> String {
    let page = world.follow(url.as_str()).await;
    assert_eq!(page.status(), 200);
    page.text().await.unwrap()
}

/// The last request for a token, as Belvo received it, keys shown as placeholders.
pub async fn sent(world: &World) -> Value {
    let requests: Value = serde_json::from_str(&world.ask_sandbox("requests").await).unwrap();
    let requests = requests.as_array().unwrap().iter().rev();
    let mut tokens = requests.filter(|it| it["path"] == "/api/token/");
    tokens.next().unwrap()["body"].clone()
}

/// The fields a problem names.
async fn pointers_of(answer: reqwest::Response) -> Vec<String> {
    let problem: Value = answer.json().await.unwrap();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|it| it["pointer"].as_str().unwrap().to_owned())
        .collect()
}
