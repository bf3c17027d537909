//! How visits to the widget end: what is recorded, and where the user goes.

use domain::guidance;
use serde_json::{Value, json};

use crate::world::{User, World, event, events};

const LINK: &str = "cb65f82c-dc93-4d3e-8270-9a27528397f5";

/// WidgetOutcome and code as recorded.
type Recorded = (&'static str, &'static str);

/// What each `GET` file of `events/callback` leads to: status, and what is recorded.
const OUTCOMES: [(&str, u16, Option<Recorded>); 11] = [
    ("error", 200, Some(("error", "ACCESS_TOKEN_NOT_VALID"))),
    ("exit", 200, Some(("exit", ""))),
    ("exit_after_an_error", 200, Some(("exit", "login_error"))),
    ("exit_after_choosing_a_bank", 200, Some(("exit", ""))),
    ("exit_at_the_first_screen", 200, Some(("exit", ""))),
    (
        "exit_with_nested_details",
        200,
        Some(("exit", "login_error")),
    ),
    ("success", 200, Some(("success", ""))),
    ("success_with_a_bad_link", 400, None),
    (
        "success_with_unknown_parameters",
        200,
        Some(("success", "")),
    ),
    ("unknown_outcome", 404, None),
    ("warning", 200, Some(("warning", "institution_disabled"))),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_redirect_has_its_outcome() {
    let mut names: Vec<&str> = OUTCOMES.iter().map(|(name, ..)| *name).collect();
    names.extend(["forwarded_by_the_app", "proof"]);
    names.extend(["report_of_a_code", "report_of_an_address"]); // in `reporting`
    names.sort_unstable();
    assert_eq!(
        events("callback"),
        names,
        "every file has an outcome, and every outcome a file"
    );

    let world = World::start().await;
    for (name, status, recorded) in OUTCOMES {
        let user = world.individual().await;
        world.mint(&user).await;
        let kind = match recorded.unwrap_or_default().0 {
            "error" | "warning" => "event",
            "exit" => "exit",
            _ => "success",
        };
        let session = world.session(kind).await;
        let event = event("callback", name, &[("SESSION", &session)]);
        let answer = world.stack.invoke("callback", event).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{name}");
        let page = answer["body"].as_str().unwrap();
        assert!(page.contains("lang=\"pt-BR\""), "{name}");
        assert!(page.contains("lang=\"en\""), "{name}");
        if let Some((outcome, code)) = recorded {
            let advice = guidance(match (outcome, code) {
                ("success", _) => "loading",
                (_, "") => "exit",
                (_, code) => code,
            });
            let texts = [Some(advice.text), advice.cause].into_iter().flatten();
            for text in texts.flat_map(|text| [text.pt, text.en]) {
                assert!(page.contains(text), "{name}: {text}");
            }
        }
        world.settle().await;
        let attempts = world.attempts(&user).await;
        let attempt = attempts.values().next().unwrap();
        let (outcome, code) = recorded.unwrap_or(("started", ""));
        assert_eq!(attempt["outcome"].text(), outcome, "{name}");
        assert_eq!(
            attempt.get("code").map_or("", |code| code.text()),
            code,
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_caught_the_redirect_forwards_it() {
    let world = World::with(&[("ReturnUrls", "acmeapp://connected")]).await;
    let user = world.individual().await;
    let body = json!({"callback": "app", "return_url": "acmeapp://connected"});
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    assert!(connected.redirect_url.starts_with("acmeapp://connected/"));

    let other = world.individual().await;
    let url = json!({"url": connected.redirect_url});
    assert_eq!(world.post(&other, "/callback", &url).await.status(), 403);
    let answer = world.post(&user, "/callback", &url).await;
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["outcome"], "success");
    assert_eq!(answer["link_id"], connected.link_id);
    world.settle().await;
    let attempts = world.attempts(&user).await;
    assert_eq!(attempts[&minted.session_id]["outcome"].text(), "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_posts_are_read() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    let session = world.session("success").await;
    let texts = [
        ("SESSION", session.as_str()),
        ("user-0190f3c6", user.external_id.as_str()),
    ];
    let forwarded = event("callback", "forwarded_by_the_app", &texts);
    let answer = world.stack.invoke("callback", forwarded).await.unwrap();
    assert_eq!(answer["statusCode"], 202);
    // Without IDENTITY_SOURCE=body there is nothing to prove.
    let proof = event("callback", "proof", &texts);
    let answer = world.stack.invoke("callback", proof).await.unwrap();
    assert_eq!(answer["statusCode"], 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_goes_back_to_the_address_the_app_asked_for() {
    let addresses = "https://app.example.com/done,acmeapp://connected";
    let world = World::with(&[("ReturnUrls", addresses)]).await;
    let user = world.individual().await;

    let body = json!({"return_url": "https://app.example.com/done?tab=2"});
    let minted = world.mint_with(&user, &body).await;
    let connected = world.connect(&user, &minted).await;
    let answer = world.follow(&connected.redirect_url).await;
    assert_eq!(answer.status(), 302);
    let location = answer.headers()["location"].to_str().unwrap();
    let expected = format!(
        "https://app.example.com/done?tab=2&outcome=success&session_id={}&link_id={}",
        minted.session_id, connected.link_id
    );
    assert_eq!(location, expected);
    assert!(!location.contains(&minted.access_token));

    // Some browsers open an app only when the user taps something, so there is a page.
    let minted = world
        .mint_with(&user, &json!({"return_url": "acmeapp://connected"}))
        .await;
    let how = json!({"outcome": "exit_error:institution_down"});
    let left = world.connect_with(&user, &minted, how).await;
    let answer = world.follow(&left.redirect_url).await;
    assert_eq!(answer.status(), 200);
    let page = answer.text().await.unwrap();
    let target = format!(
        "acmeapp://connected?outcome=exit&amp;session_id={}&amp;code=institution_down",
        minted.session_id
    );
    assert!(page.contains(&format!("href=\"{target}\"")), "{page}");
    assert!(page.contains("fora do ar"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stronger_word_is_not_undone_by_a_weaker_one() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let (exit, event) = (world.session("exit").await, world.session("event").await);
    let redirect = |outcome: &str, query: &str| {
        let session = if outcome == "exit" { &exit } else { &event };
        world.url(&format!("/callback/{session}/{outcome}{query}"))
    };
    for (url, expected) in [
        (
            redirect("event", "?warning=institution_disabled"),
            "warning",
        ),
        (connected.redirect_url.clone(), "success"),
        (redirect("exit", ""), "success"),
        (
            redirect("event", "?warning=institution_disabled"),
            "success",
        ),
    ] {
        assert_eq!(world.follow(&url).await.status(), 200);
        world.settle().await;
        let attempts = world.attempts(&user).await;
        assert_eq!(
            attempts[&minted.session_id]["outcome"].text(),
            expected,
            "{url}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_ours_is_a_page_and_nothing_else() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    let session = world.session("success").await;
    let (content, signature) = session.split_once('.').unwrap();
    let swapped = format!("{}.{signature}", content.chars().rev().collect::<String>());
    for bad in [
        swapped.as_str(),
        content,
        // Seen by a user who left, it must not name a link.
        &world.session("exit").await,
        &format!("{content}."),
        &format!("{content}.AAAA"),
        "x",
        "..%2f..%2fsuccess",
        "%00",
        &"a".repeat(6000),
    ] {
        let url = world.url(&format!("/callback/{bad}/success?link={LINK}"));
        let answer = world.follow(&url).await;
        assert!(
            answer.status().is_client_error(),
            "{bad}: {}",
            answer.status()
        );
    }
    world.settle().await;
    assert!(world.records(LINK).await.is_empty());
    let attempts = world.attempts(&user).await;
    assert_eq!(
        attempts.values().next().unwrap()["outcome"].text(),
        "started"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_attempts_are_capped() {
    let parameters = [
        ("AttemptsPerUserPerHour", "2"),
        ("AttemptsPerDocumentPerHour", "3"),
    ];
    let world = World::with(&parameters).await;
    let (user, other) = (world.individual().await, world.individual().await);
    let status = async |user: &User| world.post(user, "/token", &json!({})).await.status();
    assert_eq!(status(&user).await, 201);
    assert_eq!(status(&user).await, 201);
    assert_eq!(status(&user).await, 429);
    // The same CPF, signed in as another user.
    assert_eq!(status(&other).await, 201);
    let capped = world.post(&other, "/token", &json!({})).await;
    assert_eq!(capped.status(), 429);
    let seconds: u32 = capped.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=3600).contains(&seconds));
}
