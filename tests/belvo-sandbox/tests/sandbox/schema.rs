//! The sandbox's answers against Belvo's own schema.

use jsonschema::{Draft, Validator};
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, token_request};

/// The schema of one of Belvo's objects, with OpenAPI 3.0's `nullable` in JSON Schema's terms.
fn schema(name: &str) -> Validator {
    let text = include_str!("../../openapi/belvo-ofda-br-1.223.0.json");
    let mut document: Value = serde_json::from_str(text).unwrap();
    translate(&mut document["components"]["schemas"]);
    let schema = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": { "schemas": document["components"]["schemas"] },
    });
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn translate(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("nullable") == Some(&Value::Bool(true))
                && let Some(Value::String(kind)) = object.get("type").cloned()
            {
                object.insert("type".into(), json!([kind, "null"]));
            }
            object.values_mut().for_each(translate);
        }
        Value::Array(values) => values.iter_mut().for_each(translate),
        _ => {}
    }
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    let describe =
        |error: jsonschema::ValidationError| format!("{}: {error}", error.instance_path());
    validator.iter_errors(value).map(describe).collect()
}

async fn company_link(bench: &Bench) -> String {
    let mut request = token_request();
    let person = request["widget"]["consent"]["identification_info"][0].clone();
    let company =
        json!({ "type": "CNPJ", "number": "27KX9M4P000136", "name": "Verdejar Jardins Ltda" });
    request["widget"]["consent"]["identification_info"] = json!([person, company]);
    let access_token = bench.mint(&request).await;
    let wish = json!({ "access_token": access_token, "external_id": "company-1" });
    let connected = bench.control("connect", wish).await;
    bench.settle().await;
    connected["link_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_object_of_a_person_and_of_a_company_is_valid() {
    let bench = Bench::new().await;
    let links = [
        (bench.connect().await, "OwnerIndividualOpenFinanceBrazil"),
        (company_link(&bench).await, "OwnerBusinessOpenFinanceBrazil"),
    ];
    for (link, owner) in links {
        let round = format!("links/{link}/objects");
        for kind in [
            "accounts",
            "bills",
            "investments",
            "investment_transactions",
        ] {
            let wish = json!({ "resource": kind, "add": 3, "update": 2 });
            bench.control(&round, wish).await;
        }
        let truth = bench.truth(&link).await;
        let kinds = [
            ("owners", owner),
            ("accounts", "AccountOpenFinanceBrazil"),
            ("transactions", "TransactionOpenFinanceBrazil"),
            ("bills", "Bill"),
            ("investments", "InvestmentBrazil"),
            ("investment_transactions", "InvestmentTransactionBrazil"),
        ];
        for (kind, name) in kinds {
            let validator = schema(name);
            let rows = truth[kind].as_array().unwrap();
            assert!(!rows.is_empty(), "{kind}");
            for row in rows {
                assert_eq!(
                    errors(&validator, row),
                    Vec::<String>::new(),
                    "{kind} {row}"
                );
            }
        }
        assert_eq!(
            errors(&schema("Link"), &truth["link"]),
            Vec::<String>::new()
        );
        assert_eq!(
            errors(&schema("Consents"), &truth["consent"]),
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn an_owner_added_to_a_company_is_a_valid_person() {
    let bench = Bench::new().await;
    let link = company_link(&bench).await;
    let wish = json!({ "resource": "owners", "add": 1 });
    bench.control(&format!("links/{link}/objects"), wish).await;
    let owners = bench.truth(&link).await["owners"].clone();
    assert_eq!(
        errors(&schema("OwnerIndividualOpenFinanceBrazil"), &owners[1]),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn envelopes_and_tokens_are_valid() {
    let bench = Bench::new().await;
    let link = bench.link(150).await;
    let page = bench.json(&format!("/api/transactions/?link={link}")).await;
    assert_eq!(
        errors(&schema("common_pagination_properties"), &page),
        Vec::<String>::new()
    );
    let answer = bench
        .request(Method::POST, "/api/token/", Some(token_request()))
        .await;
    let tokens: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(
        errors(&schema("WidgetToken"), &tokens),
        Vec::<String>::new()
    );
    assert_eq!(
        errors(&schema("WidgetTokenRequestBankingBrazil"), &token_request()),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn quirks_break_the_schema_as_belvos_samples_do() {
    let bench = Bench::new().await;
    bench.faults(json!({ "quirks": true })).await;
    let link = bench.link(10).await;
    let truth = bench.truth(&link).await;
    let card = &truth["accounts"][2];
    assert_eq!(
        card["credit_data"]["limits"][0]["type"],
        "LIMITE_CREDITO_TOTAL"
    );
    assert!(!errors(&schema("AccountOpenFinanceBrazil"), card).is_empty());
    assert!(!errors(&schema("AccountOpenFinanceBrazil"), &truth["accounts"][3]).is_empty());
    assert!(!errors(&schema("InvestmentBrazil"), &truth["investments"][0]).is_empty());
    assert!(
        !errors(
            &schema("InvestmentTransactionBrazil"),
            &truth["investment_transactions"][0]
        )
        .is_empty()
    );
}

#[tokio::test]
async fn invented_documents_have_valid_check_digits() {
    let bench = Bench::new().await;
    let people = bench.json("/_sandbox/people").await;
    let people = people.as_array().unwrap();
    assert!(people.iter().any(|person| person["kind"] == "company"));
    for person in people {
        assert!(
            is_valid(
                person["cpf"].as_str().unwrap(),
                &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
            ),
            "{person}"
        );
        if let Some(cnpj) = person["cnpj"].as_str() {
            assert!(
                is_valid(cnpj, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]),
                "{person}"
            );
        }
    }
}

/// The weights are those of the second digit; the first digit's are the same without the first of them.
fn is_valid(document: &str, weights: &[u32]) -> bool {
    let values: Vec<u32> = document.bytes().map(|byte| u32::from(byte) - 48).collect();
    let digit = |count: usize, weights: &[u32]| {
        let sum: u32 = values[..count]
            .iter()
            .zip(weights)
            .map(|(value, weight)| value * weight)
            .sum();
        if sum % 11 < 2 { 0 } else { 11 - sum % 11 }
    };
    let length = values.len();
    digit(length - 2, &weights[1..]) == values[length - 2]
        && digit(length - 1, weights) == values[length - 1]
}
