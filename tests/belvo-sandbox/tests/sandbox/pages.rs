//! The widget and the portal, as a browser without scripts sees them.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::bench::{Bench, management_request, token_request};

/// Presses a button of a form.
async fn press(bench: &Bench, path: &str, fields: &[(&str, &str)]) -> Response {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let request = bench
        .anonymous(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded");
    request.body(body).send().await.unwrap()
}

async fn open(bench: &Bench, path: &str) -> (u16, String) {
    let answer = bench.anonymous(Method::GET, path).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 302);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_widget_shows_customer_and_resources_and_lets_the_user_choose() {
    let bench = Bench::new().await;
    let token = bench.mint(&token_request()).await;
    let (status, page) = open(
        &bench,
        &format!("/widget/?access_token={token}&locale=pt&mode=webapp&external_id=user-1"),
    )
    .await;
    assert_eq!(status, 200);
    for part in [
        "lang=\"pt-BR\"",
        "ACME",
        "Análise financeira.",
        "Marina Duarte Falcão",
        "ofmockbank_br_retail",
        "Autorizar no banco",
        "Sair",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("_br_business"),
        "a person has no company bank"
    );
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    let (_, page) = open(
        &bench,
        &format!("/widget/?access_token={token}&institutions=ofcontaviva_br_retail"),
    )
    .await;
    assert!(page.contains("ofcontaviva_br_retail") && !page.contains("ofmockbank_br_retail"));
}

#[tokio::test]
async fn consenting_makes_a_link_and_goes_to_success() {
    let bench = Bench::new().await;
    let token = bench.mint(&token_request()).await;
    let fields = [
        ("access_token", token.as_str()),
        ("external_id", "user-1"),
        ("access_mode", "single"),
        ("institution", "ofcontaviva_br_retail"),
        ("duration", "92"),
        ("action", "authorize"),
    ];
    let url = location(&press(&bench, "/widget/", &fields).await);
    let query = url
        .strip_prefix("https://app.example.com/callback/s-1/success?link=")
        .unwrap();
    let (link, institution) = query.split_once("&institution=").unwrap();
    assert_eq!(institution, "ofcontaviva_br_retail");
    let truth = bench.truth(link).await;
    assert_eq!(truth["link"]["access_mode"], "single");
    assert_eq!(truth["consent"]["consent_duration"], 92);
    let again = press(&bench, "/widget/", &fields).await;
    assert_eq!(again.status(), 401);
    assert_eq!(
        open(&bench, &format!("/widget/?access_token={token}"))
            .await
            .0,
        401
    );
}

#[tokio::test]
async fn a_consent_without_end_has_no_date() {
    let bench = Bench::new().await;
    let token = bench.mint(&token_request()).await;
    let fields = [
        ("access_token", token.as_str()),
        ("institution", "ofmockbank_br_retail"),
        ("duration", ""),
        ("action", "authorize"),
    ];
    location(&press(&bench, "/widget/", &fields).await);
    let consents = bench.json("/api/consents/?user_document=48291530750").await;
    let consent = &consents["results"][0];
    assert_eq!(consent["undefined_consent_expiration"], true);
    assert_eq!(
        (&consent["expired_at"], &consent["consent_duration"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn every_way_out_has_its_callback() {
    let bench = Bench::new().await;
    let token = bench.mint(&token_request()).await;
    let check = async |action: &str, expected: &str| {
        let fields = [
            ("access_token", token.as_str()),
            ("institution", "ofcontaviva_br_retail"),
            ("action", action),
        ];
        let url = location(&press(&bench, "/widget/", &fields).await);
        assert!(url.starts_with(expected), "{action}: {url}");
    };
    check(
        "exit",
        "acmeapp://connected/s-1/exit?meta_data_step=abandon-survey",
    )
    .await;
    check(
        "login_error",
        "acmeapp://connected/s-1/exit?last_encountered_error_code=login_error",
    )
    .await;
    check(
        "institution_down",
        "acmeapp://connected/s-1/exit?last_encountered_error_code=institution_down",
    )
    .await;
    check(
        "warning",
        "https://app.example.com/callback/s-1/event?kept=1&warning=institution_disabled",
    )
    .await;
    check(
        "error",
        "https://app.example.com/callback/s-1/event?kept=1&error=ACCESS_TOKEN_NOT_VALID",
    )
    .await;
}

#[tokio::test]
async fn a_refusal_by_the_bank_ends_on_belvos_page_without_a_callback() {
    let bench = Bench::new().await;
    let token = bench.mint(&token_request()).await;
    let (_, widget) = open(&bench, &format!("/widget/?access_token={token}")).await;
    assert!(widget.contains("value=\"refused\">O banco recusou</button>"));
    let fields = [
        ("access_token", token.as_str()),
        ("institution", "ofcontaviva_br_retail"),
        ("action", "refused"),
    ];
    let address = location(&press(&bench, "/widget/", &fields).await);
    let (path, fragment) = address.split_once('#').unwrap();
    assert_eq!(path, "/api/consents/callback/");
    assert!(fragment.starts_with("error_description=risk_analysis_denied"));

    let (status, page) = open(&bench, path).await;
    assert_eq!(status, 200);
    assert!(page.contains("Não foi possível continuar"));
    // The page has no link, and its text omits the reason in its address.
    assert!(!page.contains("href") && !page.contains("<form") && !page.contains("risk_analysis"));
    assert_eq!(bench.json("/api/links/").await["count"], 0);
    assert!(bench.take_webhooks().is_empty());
}

#[tokio::test]
async fn with_an_app_link_the_bank_returns_there_and_the_widget_finishes() {
    let bench = Bench::new().await;
    let mut request = token_request();
    request["widget"]["callback_urls"]["application_link"] =
        "https://app.example.com/belvo-widget".into();
    let token = bench.mint(&request).await;
    let fields = [
        ("access_token", token.as_str()),
        ("external_id", "user-1"),
        ("institution", "ofmockbank_br_retail"),
        ("locale", "pt"),
        ("action", "authorize"),
    ];
    let url = location(&press(&bench, "/widget/", &fields).await);
    let query = url
        .strip_prefix("https://app.example.com/belvo-widget?")
        .unwrap();
    assert!(
        query.contains("consent_id=") && query.ends_with("locale=pt"),
        "{query}"
    );
    assert_eq!(bench.json("/api/links/").await["count"], 0);
    let answer = bench
        .anonymous(Method::GET, &format!("/widget/?{query}"))
        .send()
        .await
        .unwrap();
    assert!(location(&answer).starts_with("https://app.example.com/callback/s-1/success?link="));
    assert_eq!(
        bench.json("/api/links/").await["results"][0]["external_id"],
        "user-1"
    );
}

#[tokio::test]
async fn parameters_of_the_address_are_escaped() {
    let bench = Bench::new().await;
    let mut request = token_request();
    request["widget"]["branding"]["company_name"] = "<img src=x onerror=alert(1)>".into();
    let token = bench.mint(&request).await;
    let (_, page) = open(
        &bench,
        &format!("/widget/?access_token={token}&locale=%22%3E%3Cb%3E"),
    )
    .await;
    assert!(page.contains("&lt;img") && !page.contains("<img") && !page.contains("<b>"));
    let (status, _) = open(
        &bench,
        &format!("/widget/?access_token={token}&external_id=a%20b"),
    )
    .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_portal_shows_and_renews_the_persons_consents() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    bench
        .control(&format!("links/{link}/consent"), json!({ "expire": true }))
        .await;
    bench
        .control(
            &format!("links/{link}/status"),
            json!({ "status": "invalid" }),
        )
        .await;
    bench.settle().await;
    bench.take_webhooks();
    let consent = bench.truth(&link).await["consent"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = bench.mint(&management_request()).await;
    let address =
        format!("/portal/?access_token={token}&link_id={link}&consent_id={consent}&action=renew");
    let (status, page) = open(&bench, &address).await;
    assert_eq!(status, 200);
    assert!(page.contains("OF Mockbank") && page.contains("Vencido"));
    // A user who does not renew gets the list of all consents, and nothing has changed.
    let back = format!("<a href=\"/portal/?access_token={token}\">Agora não</a>");
    assert!(page.contains(&back));
    let (_, list) = open(&bench, &format!("/portal/?access_token={token}")).await;
    assert!(list.contains("Vencido") && !list.contains("Agora não"));
    let fields = [
        ("access_token", token.as_str()),
        ("consent_id", &consent),
        ("action", "renew"),
    ];
    assert_eq!(press(&bench, "/portal/", &fields).await.status(), 200);
    bench.settle().await;
    let truth = bench.truth(&link).await;
    assert_eq!(
        (&truth["consent"]["status"], &truth["link"]["status"]),
        (&json!("AUTHORISED"), &json!("valid"))
    );
    assert_eq!(
        bench.take_webhooks()[0]["webhook_code"],
        "openfinance_consent_expiration_changed"
    );
    let fields = [
        ("access_token", token.as_str()),
        ("consent_id", &consent),
        ("action", "revoke"),
    ];
    press(&bench, "/portal/", &fields).await;
    assert_eq!(bench.truth(&link).await["consent"]["status"], "REJECTED");
}

#[tokio::test]
async fn the_portal_hides_other_peoples_consents() {
    let bench = Bench::new().await;
    let link = bench.connect().await;
    let consent = bench.truth(&link).await["consent"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut request = management_request();
    request["widget"]["consent"]["identification_info"][0]["number"] = "07531864207".into();
    let token = bench.mint(&request).await;
    let (_, page) = open(&bench, &format!("/portal/?access_token={token}")).await;
    assert!(page.contains("Nenhum consentimento"));
    let fields = [
        ("access_token", token.as_str()),
        ("consent_id", &consent),
        ("action", "revoke"),
    ];
    assert_eq!(press(&bench, "/portal/", &fields).await.status(), 404);
    let (status, page) = open(&bench, "/portal/?mode=landing").await;
    assert_eq!(status, 200);
    assert!(page.contains("Meu Portal"));
    assert_eq!(open(&bench, "/portal/?access_token=made-up").await.0, 401);
    assert_eq!(
        bench.truth(&link).await["consent"]["status"],
        Value::from("AUTHORISED")
    );
}
