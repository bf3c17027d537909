//! A stack in an account, as CloudFormation describes it.

use serde_json::{Value, json};

use crate::{
    pages::Pages,
    world::{CNPJ, CPF, Question, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_stack_passes() {
    let world = World::start().await;
    let question = world.deployed().await;
    let answer = world.ask(&question).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
    let passed = [
        "1", "2", "3", "4a", "4b", "5", "6b", "17a", "17b", "17c", "22a", "28", "29a", "B", "C",
        "D", "E", "F", "G", "H", "J",
    ];
    assert_eq!(answer.with("pass"), passed);
    let by_hand = ["14", "15", "18", "20b", "21", "22b", "30", "31", "32", "I"];
    assert_eq!(answer.with("by_hand"), by_hand);

    let calls = answer.evidence["calls"].as_array().unwrap();
    let minted = calls.iter().find(|it| it["status"] == 201).unwrap();
    assert_eq!(minted["request_id"].as_str().unwrap().len(), 32);

    let app = question.parameter("ReturnUrls", "acmeapp://connected");
    let answer = world.ask(&app).await;
    assert_eq!(answer.code, 0);
    let how = "open acmeapp://connected where the app is installed";
    assert_eq!(answer.row("H"), ("by_hand", how));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_table_nor_the_evidence_holds_anything_private() {
    let world = World::start().await;
    let good = world.deployed().await;
    let bad = good
        .clone()
        .parameter("ApiUrl", &world.pages.url("/elsewhere"))
        .parameter("WebhookUrl", &world.pages.url("/elsewhere/webhook"))
        .variable(
            "WEBHOOK_SECRET",
            r#"{"current":"Basic YWdyZWVkOmFncmVlZA=="}"#,
        );
    // In the second check, a service repeats the request; in the third, the claims are invalid.
    let cpf = json!({"sub": CPF, "cpf": "76109277674", "name": "Ralph Bragg"});
    let wrong = good
        .clone()
        .variable("INDIVIDUAL_JWT", &world.sign_in(&cpf).await);
    for question in [good, bad, wrong] {
        let answer = world.ask(&question).await;
        let said = answer.text + &answer.evidence.to_string();
        let endpoints = world.stack.endpoints();
        for secret in [
            CPF,
            CNPJ,
            "Bragg",
            "YWdyZWVkOmFncmVlZA==",
            "eyJ",
            &endpoints.belvo_secret_id,
            &endpoints.belvo_secret_password,
            &endpoints.webhook_authorization,
        ] {
            assert!(!said.contains(secret), "{secret}");
        }
        assert!(question.secrets().all(|secret| !said.contains(secret)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_list_of_addresses_a_person_checks_whether_webhooks_arrive() {
    let belvo = "3.130.254.46,18.220.61.186,18.223.45.212";
    let world = World::with(Pages::start().await, &[("WebhookSourceIps", belvo)]).await;
    let question = world.deployed().await.parameter("WebhookSourceIps", belvo);
    let answer = world.ask(&question).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
    assert_eq!(answer.row("17b").0, "by_hand");
    assert_eq!(answer.row("17c").0, "by_hand");
    assert_eq!(answer.row("18").0, "pass");

    let lacking = question.parameter("WebhookSourceIps", "3.130.254.46,18.220.61.186");
    let answer = world.ask(&lacking).await;
    assert_eq!(answer.code, 1);
    assert_eq!(
        answer.row("18"),
        ("fail", "WebhookSourceIps lacks Belvo's 18.223.45.212")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_identity_in_the_body_it_is_sent_there() {
    let world = World::with(Pages::start().await, &[("IdentitySource", "body")]).await;
    let jwt = world.sign_in(&json!({"sub": "somebody"})).await;
    let question = world.deployed().await.parameter("IdentitySource", "body");
    let without_identification = question
        .variable("INDIVIDUAL_JWT", &jwt)
        .variable("COMPANY_JWT", &jwt);
    let answer = world.ask(&without_identification).await;
    let said = "there is no identification for the body; set INDIVIDUAL_IDENTIFICATION";
    assert_eq!(answer.row("4a"), ("fail", said));

    let mut person = json!({"cpf": CPF, "name": "Ralph Bragg"});
    let question =
        without_identification.variable("INDIVIDUAL_IDENTIFICATION", &person.to_string());
    person["cnpj"] = json!(CNPJ);
    person["company_name"] = json!("Bragg Mechanics");
    let question = question.variable("COMPANY_IDENTIFICATION", &person.to_string());
    let answer = world.ask(&question).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_options_and_secrets_are_named_without_repeating_them() {
    let world = World::start().await;
    let question = world.deployed().await;
    let refused = async |question: Question, said: &str| {
        let answer = world.ask(&question).await;
        assert_eq!(answer.code, 2, "{}", answer.text);
        assert!(answer.text.contains(said), "{}", answer.text);
        assert!(!answer.text.contains("s3cret"), "{}", answer.text);
        assert_eq!(answer.evidence, Value::Null);
    };
    let secret = question
        .clone()
        .variable("BELVO_SECRET", r#"{"id":"s3cret"}"#);
    refused(secret, "BELVO_SECRET must be JSON of the form").await;
    let secret = question.clone().variable("WEBHOOK_SECRET", "Basic s3cret");
    refused(secret, "WEBHOOK_SECRET must be JSON of the form").await;
    let unknown = question
        .clone()
        .parameter("IconUrl", "https://www.example.com");
    refused(unknown, "IconUrl is not used by any check").await;

    let described = |description: Value| {
        let path = world.write("other.json", &description);
        question.clone().set("--stack", &path)
    };
    refused(described(json!({"Stacks": []})), "expected one stack").await;
    refused(
        described(json!({"StackName": "acme"})),
        "what describe-stacks prints",
    )
    .await;
    let elsewhere = question.set("--belvo-url", "https://belvo.example.com");
    refused(elsewhere, "--belvo-url must be on this machine").await;
}
