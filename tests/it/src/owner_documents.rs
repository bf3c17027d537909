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
        (&zero, json!(5_117_767_055.0)),
        (&zero, json!("5.117767055e9")),
        // Padded, some CPFs are valid CNPJs as well, and without its zeros a CNPJ may be a CPF.
        (&person("47823085909"), json!("00047823085909")),
        (&person("00226135365"), json!("00000226135365")),
        (&person("69100000302"), json!("CPF69100000302")),
        (
            &company(OTHER_CPF, "00040188000100"),
            json!(40_188_000_100_u64),
        ),
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
        // As letters, these have valid check digits.
        (
            json!("XX.XXX.XXX/0001-91"),
            "awaiting_owner",
            Some("unclear"),
        ),
        (
            json!("XX.XXX.333/0001-56"),
            "awaiting_owner",
            Some("unclear"),
        ),
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
        (json!("00047823085909"), "quarantined", Some("mismatched")),
    ] {
        let settled = settled(&world, user.clone(), document(number.clone())).await;
        assert_eq!(
            (settled.0.as_str(), settled.1.as_deref()),
            (status, verdict),
            "{number}"
        );
    }
}

/// What becomes of a link of the holder of this CPF with these owners. A text in Belvo's answers
/// becomes another one.
async fn settled_among(
    world: &World,
    cpf: &str,
    owners: &[Value],
    (from, to): (&str, &str),
) -> (String, Option<String>) {
    let user = world.sign_in(person(cpf)).await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    let path = format!("links/{}/truth", connected.link_id);
    let truth: Value = serde_json::from_str(&world.ask_sandbox(&path).await).unwrap();
    let (first, others) = owners.split_first().unwrap();
    let mut row = first.clone();
    row["id"] = truth["owners"][0]["id"].clone();
    say(world, &connected.link_id, "owners", row).await;
    let path = format!("links/{}/objects", connected.link_id);
    let body = json!({"resource": "owners", "add": others, "webhooks": false});
    world.sandbox(&path, &body).await;
    let rewrite = json!({"path": "/api/owners/", "from": from, "to": to});
    let faults = json!({"webhooks": {"hold": true}, "rewrite": [rewrite]});
    world.sandbox("faults", &faults).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_cannot_be_read_whole_is_known_by_what_can() {
    let world = silent(&[]).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let (theirs, others) = (document("05117767055"), document(OTHER_CPF));
    for odd in ["NaN", "1e999", &deep] {
        // The document comes behind the member that spoils the row.
        let spoiled =
            format!(r#""display_name":{odd},"document_id":{{"document_number":"05117767055""#);
        let whole = r#""document_id":{"document_number":"05117767055""#;
        let expected = ("bound".to_owned(), Some("matched".to_owned()));
        for owners in [&[theirs.clone()][..], &[others.clone(), theirs.clone()][..]] {
            let settled = settled_among(&world, "05117767055", owners, (whole, &spoiled)).await;
            assert_eq!(settled, expected, "{odd} {}", owners.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn among_others_an_owner_without_a_readable_document_may_be_the_user() {
    let world = silent(&[]).await;
    let nothing = ("", "");
    let others = document(OTHER_CPF);
    let hidden = (
        r#""document_number":"05117767055""#,
        r#""document_number":NaN"#,
    );
    for (name, owners, change, status, verdict) in [
        (
            "null",
            [others.clone(), document(Value::Null)],
            nothing,
            "awaiting_owner",
            Some("unclear"),
        ),
        (
            "not JSON",
            [others.clone(), document("05117767055")],
            hidden,
            "awaiting_owner",
            Some("unclear"),
        ),
        (
            "none at all",
            [document(Value::Null), document("")],
            nothing,
            "awaiting_owner",
            None,
        ),
        (
            "another's too",
            [others.clone(), document(CPF)],
            nothing,
            "quarantined",
            Some("mismatched"),
        ),
    ] {
        let settled = settled_among(&world, "05117767055", &owners, change).await;
        assert_eq!(
            settled,
            (status.to_owned(), verdict.map(str::to_owned)),
            "{name}"
        );
    }
}

/// A consent says for whom the token was minted, and that is what the owner is to be compared with.
#[tokio::test(flavor = "multi_thread")]
async fn who_consented_speaks_neither_for_the_user_nor_against_them() {
    let world = silent(&[]).await;
    let consents = async || {
        world
            .ask_sandbox("requests")
            .await
            .contains("/api/consents/")
    };
    let masked = settled(&world, person(CPF), document("***.092.776-**")).await;
    assert_eq!(
        masked,
        ("awaiting_owner".to_owned(), Some("unclear".to_owned()))
    );
    assert!(
        !consents().await,
        "its consent names the user in full, and is not asked"
    );

    let other = json!({
        "path": "/api/consents/",
        "from": format!(r#""document_number":"{CPF}""#),
        "to": format!(r#""document_number":"{OTHER_CPF}""#),
    });
    let faults = json!({"webhooks": {"hold": true}, "rewrite": [other]});
    world.sandbox("faults", &faults).await;
    let theirs = settled(&world, person(CPF), document(CPF)).await;
    assert_eq!(theirs, ("bound".to_owned(), Some("matched".to_owned())));
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
