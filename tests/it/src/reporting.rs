//! Attempts that end at the bank without a callback: the app reports the address of the bank's
//! error page.

use domain::guidance;
use reqwest::Response;
use serde_json::{Value, json};

use crate::world::{User, World, event};

const ADDRESS: &str =
    "https://api.belvo.com/api/consents/callback/#error_description=risk_analysis_denied";

/// An attempt, and the session that signs its reports.
struct Attempt {
    session_id: String,
    report_session: String,
}

async fn begin(world: &World, user: &User) -> Attempt {
    let answer = world.post(user, "/token", &json!({})).await;
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.unwrap();
    Attempt {
        session_id: answer["session_id"].as_str().unwrap().to_owned(),
        report_session: answer["report_session"].as_str().unwrap().to_owned(),
    }
}

/// Sends a report without a token.
async fn report(world: &World, body: &Value) -> Response {
    let request = world.http.post(world.url("/connection-reports"));
    world.send(request.json(body)).await
}

/// The recorded outcome and code.
async fn recorded(world: &World, user: &User, attempt: &Attempt) -> (String, String) {
    world.settle().await;
    let attempt = &world.attempts(user).await[&attempt.session_id];
    let code = attempt.get("code").map_or("", |code| code.text());
    (attempt["outcome"].text().to_owned(), code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_banks_refusal_is_recorded_and_explained() {
    let world = World::start().await;
    for sample in ["report_of_an_address", "report_of_a_code"] {
        let user = world.individual().await;
        let attempt = begin(&world, &user).await;
        let event = event("callback", sample, &[("SESSION", &attempt.report_session)]);
        let answer = world.stack.invoke("callback", event).await.unwrap();
        assert_eq!(answer["statusCode"], 202, "{sample}");
        let answer: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let expected = json!({
            "outcome": "error",
            "code": "risk_analysis_denied",
            "guidance": guidance("risk_analysis_denied"),
        });
        assert_eq!(answer, expected, "{sample}");
        let recorded = recorded(&world, &user, &attempt).await;
        assert_eq!(
            recorded,
            ("error".to_owned(), "risk_analysis_denied".to_owned())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_a_valid_code_is_stored_as_unrecognized() {
    let world = World::start().await;
    let user = world.individual().await;
    for reported in [
        json!({"url": "https://bank.example/#error_description=Ralph+Bragg+negado"}),
        json!({"url": "https://bank.example/?error=76109277673"}),
        json!({"code": "Ralph Bragg"}),
        // A single word must be a known code.
        json!({"code": "Ralph"}),
    ] {
        let attempt = begin(&world, &user).await;
        let mut body = reported.clone();
        body["session"] = json!(attempt.report_session);
        let answer = report(&world, &body).await;
        assert_eq!(answer.status(), 202, "{reported}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["code"], "unrecognized", "{reported}");
        assert_eq!(answer["guidance"]["code"], "unknown", "{reported}");
        let recorded = recorded(&world, &user, &attempt).await;
        assert_eq!(recorded, ("error".to_owned(), "unrecognized".to_owned()));
    }
    let logs = world.stack.logs();
    let private = logs.iter().find(|line| line.contains("Ralph"));
    assert_eq!(private, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_overrides_earlier_and_later_reports() {
    let world = World::start().await;
    let user = world.individual().await;
    let attempt = begin(&world, &user).await;
    let body = json!({"session": attempt.report_session, "url": ADDRESS});
    assert_eq!(report(&world, &body).await.status(), 202);
    assert_eq!(recorded(&world, &user, &attempt).await.0, "error");

    let success = world.session("success").await;
    let link = uuid::Uuid::new_v4();
    let url = world.url(&format!("/callback/{success}/success?link={link}"));
    assert_eq!(world.follow(&url).await.status(), 200);
    assert_eq!(recorded(&world, &user, &attempt).await.0, "success");

    assert_eq!(report(&world, &body).await.status(), 202);
    assert_eq!(recorded(&world, &user, &attempt).await.0, "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_left_may_still_report_the_reason() {
    let world = World::start().await;
    let user = world.individual().await;
    let attempt = begin(&world, &user).await;
    let exit = world.session("exit").await;
    world
        .follow(&world.url(&format!("/callback/{exit}/exit")))
        .await;
    assert_eq!(recorded(&world, &user, &attempt).await.0, "exit");
    let body = json!({"session": attempt.report_session, "url": ADDRESS});
    assert_eq!(report(&world, &body).await.status(), 202);
    let (outcome, code) = recorded(&world, &user, &attempt).await;
    assert_eq!(
        (outcome.as_str(), code.as_str()),
        ("error", "risk_analysis_denied")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_a_single_purpose() {
    let world = World::start().await;
    let user = world.individual().await;
    let attempt = begin(&world, &user).await;
    for kind in ["success", "exit", "event"] {
        let session = world.session(kind).await;
        let body = json!({"session": session, "url": ADDRESS});
        let answer = report(&world, &body).await;
        assert_eq!(answer.status(), 400, "{kind}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["type"], "/problems/invalid-session", "{kind}");
    }
    for kind in ["success", "exit", "event", "report"] {
        let path = format!("/callback/{}/{kind}", attempt.report_session);
        let answer = world.follow(&world.url(&path)).await;
        assert!(answer.status().is_client_error(), "{kind}");
        let url = json!({"url": format!("acmeapp://x/{}/{kind}", attempt.report_session)});
        let answer = world.post(&user, "/callback", &url).await;
        assert_eq!(answer.status(), 400, "{kind}");
    }
    assert_eq!(recorded(&world, &user, &attempt).await.0, "started");
}
