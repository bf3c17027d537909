//! The page and the routes that only exist on this machine.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use local_stack::{Stack, StackOptions};
use serde_json::{Value, json};

/// A stack of the deployed template; none of its functions is called here.
async fn start() -> Stack {
    Stack::start(StackOptions::default()).await.unwrap()
}

async fn get(stack: &Stack, path: &str) -> String {
    let url = format!("{}{path}", stack.endpoints().api_url);
    reqwest::get(url)
        .await
        .unwrap()
        .error_for_status()
        .unwrap()
        .text()
        .await
        .unwrap()
}

#[tokio::test]
async fn the_page_and_its_files_are_served_under_a_strict_policy() {
    let stack = start().await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/done?outcome=success", "text/html"),
        ("/_local/app.js", "text/javascript"),
        ("/_local/style.css", "text/css"),
    ] {
        let response = reqwest::get(format!("{}{path}", stack.endpoints().api_url))
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind), "{path}");
        assert!(
            header("content-security-policy").contains("default-src 'none'"),
            "{path}"
        );
        assert!(!response.text().await.unwrap().is_empty(), "{path}");
    }
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_people_of_the_sandbox_can_sign_in() {
    let stack = start().await;
    let people: Value = serde_json::from_str(&get(&stack, "/_local/people").await).unwrap();
    let kinds: Vec<&Value> = people
        .as_array()
        .unwrap()
        .iter()
        .map(|person| &person["kind"])
        .collect();
    assert!(
        kinds.contains(&&json!("individual")) && kinds.contains(&&json!("company")),
        "{people}"
    );

    let url = format!("{}/_local/sign-in", stack.endpoints().api_url);
    let claims = json!({"sub": "user-1", "cpf": people[0]["cpf"], "name": people[0]["name"]});
    let answer = reqwest::Client::new()
        .post(url)
        .json(&claims)
        .send()
        .await
        .unwrap();
    let token = answer.json::<Value>().await.unwrap()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(token.split('.').count(), 3);
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn stored_links_and_rows_are_shown_with_every_digit() {
    let stack = start().await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let amount = "12345678901234567890.10";
    let put = async |record: &str, more: &[(&str, AttributeValue)]| {
        let mut item = HashMap::from([
            ("link_id".to_owned(), text("link-1")),
            ("external_id".to_owned(), text("user-1")),
            ("record".to_owned(), text(record)),
        ]);
        item.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        stack
            .dynamodb()
            .put_item()
            .table_name("ResourceTable")
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    };
    put(
        "LINK",
        &[
            ("user_record", text("link-1#LINK")),
            ("status", text("bound")),
        ],
    )
    .await;
    put("CONSENT#1", &[("user_record", text("link-1#CONSENT#1"))]).await;
    for day in 1..=3 {
        let data = HashMap::from([
            ("value_date".to_owned(), text(&format!("2026-11-0{day}"))),
            ("amount".to_owned(), AttributeValue::N(amount.to_owned())),
        ]);
        put(
            &format!("INVESTMENT_TRANSACTIONS#2026-11-0{day}#t"),
            &[("data", AttributeValue::M(data))],
        )
        .await;
    }

    let links: Value =
        serde_json::from_str(&get(&stack, "/_local/users/user-1/links").await).unwrap();
    assert_eq!(links.as_array().unwrap().len(), 1, "{links}");
    assert_eq!(links[0]["status"], "bound");

    let rows = get(
        &stack,
        "/_local/links/link-1/investment-transactions?limit=2",
    )
    .await;
    // DynamoDB drops zeros at the end; no digit that counts is lost.
    assert!(rows.contains("\"amount\":12345678901234567890.1"), "{rows}");
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let dates: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["data"]["value_date"])
        .collect();
    assert_eq!(dates, ["2026-11-03", "2026-11-02"]);
    stack.stop().await.unwrap();
}
