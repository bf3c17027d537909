//! The body of `POST /api/token/`, compared in full.

use serde_json::{Value, json};

use crate::world::{User, World};

/// The configuration of the documented samples in `data/`.
const SAMPLE: [(&str, &str); 8] = [
    ("CompanyName", "ACME"),
    ("CompanyIconUrl", "https://static.example.com/icon.svg"),
    ("CompanyLogoUrl", "https://static.example.com/logo.svg"),
    ("CompanyTermsUrl", "https://www.example.com/privacidade"),
    ("TermsAndConditionsUrl", "https://www.example.com/termos"),
    ("OverlayBackgroundColor", "#F0F2F4"),
    ("ConsentDurationDays", "366"),
    ("StaleIn", "365d"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_request_equals_the_documented_one() {
    let world = World::with(&SAMPLE).await;
    let user = world.individual().await;
    let sent = sent(&world, &user, &json!({})).await;
    assert_eq!(
        sent,
        expected(include_str!("../data/token-individual.json"), &sent)
    );
    assert_valid(&sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companys_request_equals_the_documented_one() {
    let world = World::with(&SAMPLE).await;
    let user = world.company().await;
    let sent = sent(&world, &user, &json!({})).await;
    assert_eq!(
        sent,
        expected(include_str!("../data/token-company.json"), &sent)
    );
    assert_valid(&sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn app_to_app_adds_the_application_link() {
    let link = "https://app.example.com/belvo-widget";
    let mut parameters = SAMPLE.to_vec();
    parameters.push(("ReturnUrls", link));
    let world = World::with(&parameters).await;
    let user = world.individual().await;
    let sent = sent(&world, &user, &json!({"application_link": link})).await;
    assert_eq!(
        sent,
        expected(include_str!("../data/token-app2app.json"), &sent)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_own_configuration_is_sent_as_the_guide_prints_it() {
    let purpose = "Soluções financeiras personalizadas oferecidas por meio de recomendações sob \
                   medida, visando melhores ofertas de produtos financeiros e de crédito.";
    let mut parameters = SAMPLE.to_vec();
    parameters.extend([
        ("StaleIn", "300d"),
        ("ConsentDurationDays", ""),
        ("Purpose", purpose),
        (
            "Theme",
            r##"[{"css_key":"--color-primary-base","value":"#0663F9"}]"##,
        ),
        ("ColorScheme", "DARK"),
    ]);
    let world = World::with(&parameters).await;
    let user = world.individual().await;
    let sent = sent(&world, &user, &json!({})).await;
    assert_eq!(sent["stale_in"], "300d");
    assert_eq!(sent["widget"]["purpose"], purpose);
    assert_eq!(
        sent["widget"]["consent"].get("default_consent_duration_days"),
        None
    );
    assert_eq!(
        sent["widget"]["theme"],
        json!([{"css_key": "--color-primary-base", "value": "#0663F9"}])
    );
    assert_eq!(sent["widget"]["color_scheme"], "DARK");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_company_can_connect_their_own_account() {
    let world = World::start().await;
    let user = world.company().await;
    let sent = sent(&world, &user, &json!({"holder": "individual"})).await;
    let identification = &sent["widget"]["consent"]["identification_info"];
    assert_eq!(identification.as_array().unwrap().len(), 1);
    assert_eq!(identification[0]["type"], "CPF");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_can_catch_the_redirects_itself() {
    let world = World::with(&[("ReturnUrls", "acmeapp://connected")]).await;
    let user = world.individual().await;
    let body = json!({"callback": "app", "return_url": "acmeapp://connected"});
    let sent = sent(&world, &user, &body).await;
    for outcome in ["success", "exit", "event"] {
        let url = sent["widget"]["callback_urls"][outcome].as_str().unwrap();
        assert!(url.starts_with("acmeapp://connected/"), "{url}");
        assert!(url.ends_with(&format!("/{outcome}")), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_what_the_app_needs_and_no_refresh_token() {
    let world = World::start().await;
    let user = world.individual().await;
    let answer = world.post(&user, "/token", &json!({})).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: serde_json::Map<String, Value> = answer.json().await.unwrap();
    let names: std::collections::BTreeSet<&str> = body.keys().map(String::as_str).collect();
    let expected = [
        "access_token",
        "expires_at",
        "report_session",
        "session_id",
        "warnings",
        "widget_url",
    ];
    assert_eq!(names, expected.into());
}

/// Mints a token, and returns the body that Belvo received, with placeholders for the keys.
async fn sent(world: &World, user: &User, body: &Value) -> Value {
    world.mint_with(user, body).await;
    let requests: Value = serde_json::from_str(&world.ask_sandbox("requests").await).unwrap();
    let requests = requests.as_array().unwrap();
    let token = requests.iter().filter(|it| it["path"] == "/api/token/");
    let bodies: Vec<&Value> = token.map(|it| &it["body"]).collect();
    assert_eq!(bodies.len(), 1);
    bodies[0].clone()
}

/// The documented request with the callback URLs of this one, whose form is checked here.
fn expected(sample: &str, sent: &Value) -> Value {
    let mut sample: Value = serde_json::from_str(sample).unwrap();
    for outcome in ["success", "exit", "event"] {
        let url = sent["widget"]["callback_urls"][outcome].as_str().unwrap();
        assert!(
            url.contains("/callback/") && url.ends_with(&format!("/{outcome}")),
            "{url}"
        );
        sample["widget"]["callback_urls"][outcome] = json!(url);
    }
    sample
}

/// Validates the request against Belvo's own schema.
fn assert_valid(sent: &Value) {
    let api = include_str!("../../belvo-sandbox/openapi/belvo-ofda-br-1.223.0.json");
    let mut schema: Value = serde_json::from_str(api).unwrap();
    let reference = json!("#/components/schemas/WidgetTokenRequestBankingBrazil");
    schema["$ref"] = reference;
    let validator = jsonschema::draft4::new(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(sent)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}
