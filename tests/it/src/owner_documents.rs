//! The documents of owners in the forms that banks write them, and owners who are related to the one
//! that consented.

use serde_json::{Value, json};

use crate::foreign_rows::say;
use crate::world::{CPF, OTHER_CPF, World};

const COMPANY: &str = "11222333000181";
/// Another branch of the same company, and another company.
const BRANCH: &str = "11222333000262";
const OTHER_COMPANY: &str = "00000000000191";

/// What becomes of a link whose OWNERS say this, for a token of these claims: the status of LINK and
/// the verdict about its owner.
async fn settled(world: &World, claims: Value, owner: Value) -> (String, Option<String>) {
    let user = world.sign_in(claims).await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let path = format!("links/{}/truth", connected.link_id);
    let truth: Value = serde_json::from_str(&world.ask_sandbox(&path).await).unwrap();
    let mut row = owner;
    row["id"] = truth["owners"][0]["id"].clone();
    say(world, &connected.link_id, "owners", row).await;
    let body = json!({
        "webhook_type": "OWNERS",
        "webhook_code": "historical_update",
        "link_id": connected.link_id,
    });
    world.post_webhook(&body).await;
    world.stack.settle().await.unwrap();
    let link = world.link(&connected.link_id).await;
    let verdict = link.get("owner_verdict").map(|it| it.text().to_owned());
    (link["status"].text().to_owned(), verdict)
}

/// A system in which no webhook comes unless a test sends it.
async fn silent(parameters: &[(&str, &str)]) -> World {
    let world = World::with(parameters).await;
    world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    world
}

fn person(cpf: &str) -> Value {
    json!({"cpf": cpf, "name": "Ralph Bragg"})
}

fn company(cpf: &str, cnpj: &str) -> Value {
    json!({"cpf": cpf, "name": "Ralph Bragg", "cnpj": cnpj, "company_name": "Bragg Mechanics"})
}

fn document(number: impl Into<Value>) -> Value {
    json!({"document_id": {"document_type": "CPF", "document_number": number.into()}})
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_documents_are_equal_in_every_form() {
    let world = silent(&[]).await;
    let (zero, usual) = (person("05117767055"), person(OTHER_CPF));
    let numbers = company(OTHER_CPF, OTHER_COMPANY);
    for (claims, number) in [
        (&zero, json!("05117767055")),
        (&zero, json!("051.177.670-55")),
        (&zero, json!("5117767055")),
        (&zero, json!(5_117_767_055_u64)),
        (&zero, json!("00005117767055")),
        (&usual, json!("238.242.640\u{2011}30")),
        (&usual, json!("238\u{2013}242\u{2212}640 30\u{200b}")),
        (&usual, json!("CPF 238.242.640-30")),
        (&usual, json!("cpf: 23824264030")),
        (&usual, json!("23824264030 (CPF)")),
        (&usual, json!("\u{ff12}\u{ff13}824264030")),
        (&numbers, json!("191")),
        (&numbers, json!(191)),
        (&numbers, json!("CNPJ/MF 00.000.000/0001-91")),
        (&numbers, json!("000000000000191")),
    ] {
        let (status, verdict) = settled(&world, claims.clone(), document(number.clone())).await;
        assert_eq!(status, "bound", "{number}");
        assert_eq!(verdict.as_deref(), Some("matched"), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_document_that_is_surely_anothers_is_evidence_against_the_user() {
    let world = silent(&[]).await;
    let user = person("05117767055");
    for (number, status, verdict) in [
        (json!("***.177.670-**"), "awaiting_owner", Some("unclear")),
        (json!("XXX.177.670-XX"), "awaiting_owner", Some("unclear")),
        (
            json!("\u{2022}\u{2022}\u{2022}17767055"),
            "awaiting_owner",
            Some("unclear"),
        ),
        (json!("235578435-S"), "awaiting_owner", Some("unclear")),
        // A digit is wrong: it is nobody's.
        (json!("23824264031"), "awaiting_owner", Some("unclear")),
        (json!(true), "awaiting_owner", Some("unclear")),
        (json!(""), "awaiting_owner", None),
        (json!(null), "awaiting_owner", None),
        (json!(OTHER_CPF), "quarantined", Some("mismatched")),
        (
            json!("238.242.640\u{2011}30"),
            "quarantined",
            Some("mismatched"),
        ),
        (json!(COMPANY), "quarantined", Some("mismatched")),
        (json!("5117767136"), "quarantined", Some("mismatched")),
        (json!("5117767137"), "awaiting_owner", Some("unclear")),
    ] {
        let settled = settled(&world, user.clone(), document(number.clone())).await;
        assert_eq!(
            (settled.0.as_str(), settled.1.as_deref()),
            (status, verdict),
            "{number}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_who_are_related_to_the_one_that_consented_are_theirs() {
    let world = silent(&[]).await;
    let procurator = |document: &str| {
        json!({
            "document_id": {"document_type": "CPF", "document_number": OTHER_CPF},
            "financial_relation": {"procurators": [{
                "type": "LEGAL_REPRESENTATIVE",
                "civil_name": "Ralph Bragg",
                "document_number": document,
            }]},
        })
    };
    for (name, claims, owner, status, verdict) in [
        (
            "the person alone",
            company(CPF, COMPANY),
            document(CPF),
            "bound",
            "related",
        ),
        (
            "a branch",
            company(CPF, COMPANY),
            document(BRANCH),
            "bound",
            "related",
        ),
        (
            "the head office",
            company(CPF, BRANCH),
            document("11.222.333/0001-81"),
            "bound",
            "related",
        ),
        (
            "a child",
            person(CPF),
            procurator("761.092.776-73"),
            "bound",
            "related",
        ),
        (
            "another company",
            company(CPF, COMPANY),
            document(OTHER_COMPANY),
            "quarantined",
            "mismatched",
        ),
        (
            "another person",
            company(CPF, COMPANY),
            document(OTHER_CPF),
            "quarantined",
            "mismatched",
        ),
        (
            "another's child",
            person(CPF),
            procurator("05117767055"),
            "quarantined",
            "mismatched",
        ),
        (
            "whose child",
            person(CPF),
            procurator("***.092.776-**"),
            "awaiting_owner",
            "unclear",
        ),
        (
            "the company of a partner",
            person(CPF),
            document(COMPANY),
            "quarantined",
            "mismatched",
        ),
    ] {
        let settled = settled(&world, claims, owner).await;
        assert_eq!(
            settled,
            (status.to_owned(), Some(verdict.to_owned())),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_warning_only_an_unclear_owner_binds_too() {
    let world = silent(&[("OwnerCheck", "warn")]).await;
    let settled = settled(&world, person(CPF), document("***.092.776-**")).await;
    assert_eq!(settled, ("bound".to_owned(), Some("unclear".to_owned())));
}
