//! Faults, planted one by one: the program names each, and nothing else.

use doctor::{Config, Environment, Secrets, Stack, Verdict};
use serde_json::json;

use crate::{
    pages::Pages,
    world::{CPF, Question, World},
};

/// The items that fail, and the observation of the first.
async fn check(world: &World, question: &Question, numbers: &[&str], said: &str) {
    let answer = world.ask(question).await;
    assert_eq!(answer.with("fail"), numbers, "{}", answer.text);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.evidence["verdict"], "fail");
    let (_, seen) = answer.row(numbers[0]);
    assert!(seen.contains(said), "{seen}");
    let named = format!("FAILED {} ", numbers[0]);
    assert!(answer.text.contains(&named), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_secret_is_named() {
    let world = World::start().await;
    let good = world.deployed().await;
    let with = |name: &str, value: &str| good.clone().variable(name, value);
    let keys = json!({"id": world.stack.endpoints().belvo_secret_id, "password": "wrong"});
    let wrong = with("BELVO_SECRET", &keys.to_string());
    check(&world, &wrong, &["29a"], "401 authentication_failed").await;
    check(
        &world,
        &with("BELVO_SECRET", ""),
        &["29a"],
        "set BELVO_SECRET",
    )
    .await;
    let wrong = with("WEBHOOK_SECRET", r#"{"current":"Basic d3Jvbmc6d3Jvbmc="}"#);
    check(
        &world,
        &wrong,
        &["17b", "17c"],
        "401 /problems/unauthorized, not 200",
    )
    .await;
    let none = with("WEBHOOK_SECRET", "");
    check(&world, &none, &["17b", "17c"], "set WEBHOOK_SECRET").await;
    check(&world, &with("COMPANY_JWT", ""), &["4b"], "set COMPANY_JWT").await;
    let person = json!({"sub": "person", "cpf": CPF, "name": "Ralph Bragg"});
    let person = with("COMPANY_JWT", &world.sign_in(&person).await);
    check(
        &world,
        &person,
        &["4b"],
        "403 /problems/forbidden claim cnpj is missing",
    )
    .await;
    let all = ["2", "3", "4a", "22a", "28", "C", "J"];
    let none = with("INDIVIDUAL_JWT", "");
    check(&world, &none, &all, "there is no token, see 4a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_is_named() {
    let world = World::start().await;
    let good = world.deployed().await;
    let page = |path: &str| world.pages.url(path);
    for (name, value, numbers, said) in [
        (
            "CompanyIconUrl",
            page("/icon.png"),
            vec!["D"],
            "image/png, not image/svg+xml",
        ),
        (
            "CompanyIconUrl",
            page("/png-as-svg"),
            vec!["D"],
            "its content is not an SVG",
        ),
        (
            "CompanyIconUrl",
            page("/svg-as-text"),
            vec!["D"],
            "something else, not image/svg+xml",
        ),
        (
            "CompanyIconUrl",
            page("/logo.svg"),
            vec!["D"],
            "120 × 48, which is not square",
        ),
        (
            "CompanyIconUrl",
            "http://www.example.com/icon.svg".to_owned(),
            vec!["D"],
            "only called over https",
        ),
        (
            "CompanyLogoUrl",
            page("/missing.svg"),
            vec!["E"],
            "404, not 200",
        ),
        ("CompanyLogoUrl", page("/circle"), vec!["E"], "308, not 200"),
        (
            "TermsAndConditionsUrl",
            page("/missing"),
            vec!["F"],
            "404, not 200",
        ),
        (
            "TermsAndConditionsUrl",
            page("/away"),
            vec!["F"],
            "307, not 200",
        ),
        (
            "CompanyTermsUrl",
            "http://127.0.0.1:1/".to_owned(),
            vec!["G"],
            "no answer",
        ),
        ("ReturnUrls", page("/missing"), vec!["H"], "404"),
        (
            "ReturnUrls",
            format!("https://app.example.com/{}", "x".repeat(400)),
            vec!["H"],
            "an address has 424 characters",
        ),
        (
            "AllowedOrigins",
            "https://app.example.com".to_owned(),
            vec!["B"],
            "https://app.example.com may not call",
        ),
        (
            "PortalUrl",
            page("/portal"),
            vec!["22a"],
            "is not PortalUrl",
        ),
        (
            "FetchResources",
            "ACCOUNTS".to_owned(),
            vec!["3"],
            "other resources than FetchResources",
        ),
        (
            "BelvoEnvironment",
            "production".to_owned(),
            vec!["28"],
            "BelvoEnvironment is not sandbox",
        ),
        (
            "PublicUrl",
            page("/elsewhere"),
            vec!["5", "6b"],
            "/callback/doctor/success: 418, not 400",
        ),
        (
            "WebhookUrl",
            page("/credulous"),
            vec!["17a"],
            "200, not 401",
        ),
        (
            "PublicUrl",
            "http://api.example.com".to_owned(),
            vec!["5", "6b", "A"],
            "only called over https",
        ),
    ] {
        let wrong = good.clone().parameter(name, &value);
        check(&world, &wrong, &numbers, said).await;
    }
    let elsewhere = good.parameter("ApiUrl", &page("/elsewhere"));
    let numbers = [
        "1", "2", "3", "4a", "4b", "5", "6b", "22a", "28", "B", "C", "J",
    ];
    check(&world, &elsewhere, &numbers, "/token: 418, not 401").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_takes_longer_than_belvo_waits_is_named() {
    let world = World::start().await;
    let slow = world.pages.url("/slow");
    let question = world.deployed().await.parameter("WebhookUrl", &slow);
    let answer = world.ask(&question).await;
    assert_eq!(answer.with("fail"), ["17b"], "{}", answer.text);
    assert_eq!(answer.row("17b").1, "no answer in time");
    let mut calls = answer.evidence["calls"].as_array().unwrap().iter();
    let given_up = calls.find(|it| it["status"].is_null()).unwrap();
    assert_eq!(given_up["took_ms"].as_u64().unwrap() / 1_000, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_of_a_local_stack_is_named() {
    let world = World::start().await;
    let wrong = world.local_with(|ready| ready["belvo_secret_password"] = "wrong".into());
    check(&world, &wrong, &["29a"], "401 authentication_failed").await;
    let wrong = world.local_with(|ready| ready["webhook_authorization"] = "Basic wrong".into());
    check(&world, &wrong, &["17b", "17c"], "401").await;
}

/// The stack has the sandbox's keys, and production is to go live.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_of_the_other_environment_is_named() {
    let world = World::start().await;
    let question = world.deployed().await.set("--env", "production");
    check(
        &world,
        &question,
        &["28"],
        "BelvoEnvironment is not production",
    )
    .await;
    let question = question.parameter("BelvoEnvironment", "production");
    let said = "Belvo's token is one of sandbox, not of production";
    check(&world, &question, &["28"], said).await;
}

/// The keys in the stack itself, as opposed to those given to the program.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_belvo_refuses_are_named_with_its_request_id() {
    let world = World::start().await;
    let secrets = world.stack.secretsmanager();
    let keys = json!({"id": "wrong", "password": "wrong"}).to_string();
    let put = secrets
        .put_secret_value()
        .secret_id("BelvoSecret")
        .secret_string(keys);
    put.send().await.unwrap();
    let question = world.deployed().await;
    let answer = world.ask(&question).await;
    assert_eq!(
        answer.with("fail"),
        ["2", "3", "4a", "4b", "28"],
        "{}",
        answer.text
    );
    let said = "502 /problems/belvo-refused authentication_failed, not 201";
    assert_eq!(answer.row("4a").1, said);
    let calls = answer.evidence["calls"].as_array().unwrap();
    let refused = calls.iter().find(|it| it["status"] == 502).unwrap();
    assert_eq!(refused["belvo_request_id"].as_str().unwrap().len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_portal_is_named() {
    let pages = Pages::start().await;
    let portal = pages.url("/missing");
    let world = World::with(pages, &[("PortalUrl", &portal)]).await;
    check(&world, &world.local(), &["22a"], "127.0.0.1: 404, not 200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_sent_again_despite_their_etag_are_named() {
    let world = World::start().await;
    let forgetful = world.pages.url("/forgetful");
    let question = world.deployed().await.parameter("ApiUrl", &forgetful);
    let answer = world.ask(&question).await;
    let said = "200 for an ETag that was just given, not 304";
    assert_eq!(answer.row("C"), ("fail", said));
}

/// The program itself decides on the two addresses of Belvo, so this test calls its library.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_belvos_other_environment_accepts_are_named() {
    let pages = Pages::start().await;
    for (path, verdict, seen) in [
        (
            "/other-belvo",
            Verdict::Fail,
            "production accepts them: they are its keys",
        ),
        ("/strict-belvo", Verdict::Pass, "401 from production"),
        (
            "/walled-belvo",
            Verdict::Fail,
            "401, but not in Belvo's form: it is not Belvo that answers",
        ),
        ("/missing", Verdict::Fail, "404, not 401"),
    ] {
        let keys = |name: &str| {
            (name == "BELVO_SECRET").then(|| r#"{"id":"i","password":"p"}"#.to_owned())
        };
        let unreachable = "http://127.0.0.1:1".parse().unwrap();
        let config = Config::deployed(
            Environment::Sandbox,
            Stack::default(),
            Secrets::from_env(keys).unwrap(),
            Some(unreachable),
        );
        let config = Config {
            other_belvo_url: Some(pages.url(path).parse().unwrap()),
            ..config.unwrap()
        };
        let evidence = doctor::examine(config).await.unwrap();
        let row = evidence
            .rows
            .iter()
            .find(|row| row.number == "29b")
            .unwrap();
        assert_eq!((row.verdict, row.seen.as_str()), (verdict, seen));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_api_that_passes_is_named() {
    let world = World::start().await;
    let good = world.deployed().await;
    let user = json!({"sub": "individual", "cpf": CPF, "name": "Ralph Bragg"});
    let wrong = good
        .clone()
        .variable("FOREIGN_JWT", &world.sign_in(&user).await);
    check(&world, &wrong, &["J"], "200 for FOREIGN_JWT").await;
    let answer = world.ask(&good.variable("FOREIGN_JWT", "")).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
    let (verdict, seen) = answer.row("J");
    assert_eq!(verdict, "by_hand");
    assert!(seen.contains("set FOREIGN_JWT"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_without_its_authorizer_is_named() {
    let world = World::without_authorizer().await;
    let answer = world.ask(&world.deployed().await).await;
    let (verdict, seen) = answer.row("1");
    assert_eq!(verdict, "fail");
    assert!(seen.contains("the API has no authorizer"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_takes_any_token_is_named() {
    let world = World::start().await;
    let open = world.pages.url("/forgetful");
    let question = world.deployed().await.parameter("ApiUrl", &open);
    let answer = world.ask(&question).await;
    let said = "200 for a token with another signature, not 401";
    assert_eq!(answer.row("J"), ("fail", said));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_the_scope_are_named() {
    let pages = Pages::start().await;
    let world = World::with(pages, &[("JwtScope", "links.read")]).await;
    let question = world.deployed().await.parameter("JwtScope", "links.read");
    let answer = world.ask(&question).await;
    let said = "INDIVIDUAL_JWT does not have JwtScope";
    assert_eq!(answer.row("K"), ("fail", said));
    assert_eq!(answer.row("4a").0, "fail");

    let person = |scope: &str| {
        json!({
            "sub": "individual", "cpf": CPF, "name": "Ralph Bragg", "scope": scope,
            "cnpj": crate::world::CNPJ, "company_name": "Bragg Mechanics",
        })
    };
    let jwt = world.sign_in(&person("openid links.read")).await;
    let without = world.sign_in(&person("openid links.reader")).await;
    let good = question
        .variable("INDIVIDUAL_JWT", &jwt)
        .variable("COMPANY_JWT", &jwt)
        .variable("FOREIGN_JWT", &without);
    let answer = world.ask(&good).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
    let said = "401 for another signature, 403 for FOREIGN_JWT";
    assert_eq!(answer.row("J"), ("pass", said));
    assert_eq!(answer.row("K").0, "pass");
}

/// The state after the first deployment.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_without_a_value_are_named() {
    let pages = Pages::start().await;
    let unset = ["BelvoSecret", "WebhookSecret"];
    let world = World::without_secrets(pages, &unset).await;
    let question = world.deployed().await;
    let question = question
        .variable("BELVO_SECRET", "")
        .variable("WEBHOOK_SECRET", "");
    let answer = world.ask(&question).await;
    assert_eq!(answer.code, 1);
    for (number, said) in [
        (
            "4a",
            "503 /problems/unavailable secret belvo has no value yet, not 201",
        ),
        (
            "17a",
            "503 /problems/unavailable secret webhook has no value yet, not 401",
        ),
        (
            "17b",
            "there is no Authorization to try; set WEBHOOK_SECRET",
        ),
        ("29a", "set BELVO_SECRET"),
    ] {
        let (verdict, seen) = answer.row(number);
        assert_eq!(verdict, "fail", "{number}");
        assert!(seen.contains(said), "{number}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_of_users_whose_ids_belvo_would_drop_is_told() {
    let world = World::start().await;
    let without = ("pass", "widget_url has one, in a form Belvo keeps");
    assert_eq!(world.ask(&world.local()).await.row("2"), without);
    let refused = "3 of 4 users (75 %) would be refused with derived-id-required: set ExternalIdMode=derived before links are connected";
    for (ids, expected) in [
        (
            "0190f3c6-7d5c-7bb2-9c40-1d4c4a3c0a11\n\nuser-1\r\n",
            ("pass", "Belvo keeps the ids of all 2 users of the sample"),
        ),
        (
            "auth0|5f7c8ec7c33c6c004bbafe82\nuser-76109277673\nuser-1\n5511987654321\n",
            ("fail", refused),
        ),
    ] {
        let path = world.write_text("ids.txt", ids);
        let question = world.local().set("--user-ids", &path);
        let answer = world.ask(&question).await;
        assert_eq!(answer.row("2"), expected);
        assert!(!answer.text.contains("76109277673"));
        assert!(!answer.evidence.to_string().contains("76109277673"));
        let derived = question.parameter("ExternalIdMode", "derived");
        assert_eq!(world.ask(&derived).await.row("2"), without);
    }
}
