//! The end of a visit to the widget, without the pages.

use serde_json::{Value, json};

use crate::bench::{Bench, CPF, token_request};

async fn connect(bench: &Bench, wish: Value) -> Value {
    let mut body =
        json!({ "access_token": bench.mint(&token_request()).await, "external_id": "user-1" });
    body.as_object_mut()
        .unwrap()
        .extend(wish.as_object().unwrap().clone());
    bench.control("connect", body).await
}

async fn is_refused(bench: &Bench, access_token: &str) -> bool {
    let wish = json!({ "access_token": access_token, "external_id": "user-1" });
    let answer = bench
        .request(reqwest::Method::POST, "/_sandbox/connect", Some(wish))
        .await;
    answer.status() == 400
}

#[tokio::test]
async fn success_leads_to_the_callback_with_link_and_institution_only() {
    let bench = Bench::new().await;
    let connected = connect(&bench, json!({})).await;
    let link = connected["link_id"].as_str().unwrap();
    let expected = format!(
        "https://app.example.com/callback/s-1/success?link={link}&institution=ofmockbank_br_retail"
    );
    assert_eq!(connected["redirect_url"], expected.as_str());
    let truth = bench.truth(link).await;
    assert_eq!(truth["link"]["external_id"], "user-1");
    assert_eq!(truth["link"]["institution"], "ofmockbank_br_retail");
    assert_eq!(truth["consent"]["id"], connected["consent_id"]);
    assert_eq!(truth["consent"]["consent_duration"], 366);
    assert_eq!(
        truth["owners"][0]["document_id"],
        json!({ "document_type": "CPF", "document_number": CPF })
    );
}

#[tokio::test]
async fn other_outcomes_make_no_link_and_say_why() {
    let bench = Bench::new().await;
    let check = async |outcome: &str, expected: &str| {
        let wish = json!({ "outcome": outcome, "institution": "ofcontaviva_br_retail" });
        let ended = connect(&bench, wish).await;
        assert_eq!(ended["link_id"], Value::Null);
        assert_eq!(ended["redirect_url"], expected, "{outcome}");
    };
    let exit = "acmeapp://connected/s-1/exit";
    check(
        "exit",
        &format!("{exit}?meta_data_institution_name=ofcontaviva_br_retail"),
    )
    .await;
    check("exit_error:login_error", &format!("{exit}?last_encountered_error_code=login_error&last_encountered_error_message=Invalid%20credentials%20provided%20to%20login%20to%20the%20institution&meta_data_institution_name=ofcontaviva_br_retail")).await;
    let event = "https://app.example.com/callback/s-1/event?kept=1";
    check("error", &format!("{event}&error=ACCESS_TOKEN_NOT_VALID&error_message=The%20access%20token%20was%20not%20provided%20or%20is%20not%20valid")).await;
    check("warning", &format!("{event}&warning=institution_disabled&warning_message=The%20institution%20is%20temporarily%20unavailable.")).await;
    assert_eq!(bench.json("/api/links/").await["count"], 0);
}

#[tokio::test]
async fn a_token_dies_with_its_use_and_after_ten_minutes() {
    let bench = Bench::new().await;
    let used = bench.mint(&token_request()).await;
    bench
        .control(
            "connect",
            json!({ "access_token": used, "external_id": "user-1" }),
        )
        .await;
    assert!(is_refused(&bench, &used).await);
    let old = bench.mint(&token_request()).await;
    bench.control("clock", json!({ "advance": "10m" })).await;
    assert!(is_refused(&bench, &old).await);
    let young = bench.mint(&token_request()).await;
    bench.control("clock", json!({ "advance": "9m" })).await;
    assert!(!is_refused(&bench, &young).await);
}

#[tokio::test]
async fn another_person_can_turn_out_to_own_the_accounts() {
    let bench = Bench::new().await;
    let connected = connect(&bench, json!({ "owner": "07531864207" })).await;
    let truth = bench.truth(connected["link_id"].as_str().unwrap()).await;
    assert_eq!(
        truth["owners"][0]["document_id"]["document_number"],
        "07531864207"
    );
    assert_eq!(truth["owners"][0]["display_name"], "Joaquim Prado Nogueira");
}

#[tokio::test]
async fn a_personal_external_id_is_silently_dropped() {
    let bench = Bench::new().await;
    for personal in [
        "48291530750",
        "marina@example.com",
        "11222333000181",
        "+5511987654321",
    ] {
        let connected = connect(&bench, json!({ "external_id": personal })).await;
        let truth = bench.truth(connected["link_id"].as_str().unwrap()).await;
        assert_eq!(truth["link"]["external_id"], Value::Null, "{personal}");
    }
    let connected = connect(
        &bench,
        json!({ "external_id": "0d3ffb69-f83b-456e-ad8e-208d0998d71d" }),
    )
    .await;
    let truth = bench.truth(connected["link_id"].as_str().unwrap()).await;
    assert!(truth["link"]["external_id"].is_string());
}

#[tokio::test]
async fn all_links_of_one_person_at_one_bank_share_institution_user_id() {
    let bench = Bench::new().await;
    let mut seen = Vec::new();
    for wish in [
        json!({}),
        json!({}),
        json!({ "institution": "ofcontaviva_br_retail" }),
    ] {
        let connected = connect(&bench, wish).await;
        let truth = bench.truth(connected["link_id"].as_str().unwrap()).await;
        seen.push(
            truth["link"]["institution_user_id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(seen[0].len(), 44);
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}
