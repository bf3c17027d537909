//! The page, and the routes that exist on this machine only.

use std::{collections::BTreeSet, fs, path::Path};

use local_stack::{Stack, StackOptions};
use regex::Regex;
use serde_json::{Value, json};

/// The page's files: name and text.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}

/// A stack of the deployed template; this module invokes none of its functions.
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
    let pages = ["/".to_owned(), "/done?outcome=success".to_owned()];
    let parts = files().into_iter().map(|(name, _)| name);
    let parts = parts.filter(|name| name != "index.html");
    let parts = parts.map(|name| format!("/_local/{name}"));
    for path in pages.into_iter().chain(parts) {
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "text/javascript",
            Some((_, "css")) => "text/css",
            _ => "text/html",
        };
        let url = format!("{}{path}", stack.endpoints().api_url);
        let response = reqwest::get(url).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind), "{path}");
        assert!(
            header("content-security-policy").contains("default-src 'none'"),
            "{path}"
        );
        let text = response.text().await.unwrap();
        // No content that the policy would block, and none from other hosts.
        for forbidden in [" style=", "<style", "onclick=", "javascript:", "src=\"http"] {
            assert!(!text.contains(forbidden), "{path}: {forbidden}");
        }
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

#[test]
fn every_text_of_the_page_has_its_english() {
    let found = |pattern: &str, text: &str| -> BTreeSet<String> {
        let pattern = Regex::new(pattern).unwrap();
        let found = pattern.captures_iter(text);
        found.map(|found| found[1].trim().to_owned()).collect()
    };
    let files = files();
    let (dictionary, others): (Vec<_>, Vec<_>) =
        files.iter().partition(|(name, _)| name == "texts.js");
    let dictionary = &dictionary[0].1;
    let keys = found(r#"(?m)^  "([^"]+)":"#, dictionary);
    assert!(keys.len() > 100, "{keys:?}");

    let mut wanted = found(r#"\bt\("([^"]+)""#, dictionary);
    for (_, text) in &others {
        wanted.extend(found(r#"\bt\("([^"]+)""#, text));
        wanted.extend(found(r#"<[a-z][^>]* data-t(?: [^>]*)?>([^<]+)<"#, text));
        wanted.extend(found(r#" data-label="([^"]+)""#, text));
    }
    let missing: Vec<_> = wanted.difference(&keys).collect();
    assert!(missing.is_empty(), "without English: {missing:?}");

    // Every key is used. Texts in tables are not passed to t("…") directly.
    let is_said = |key: &String| {
        let quoted = format!("\"{key}\"");
        wanted.contains(key) || others.iter().any(|(_, text)| text.contains(&quoted))
    };
    let unsaid: Vec<_> = keys.iter().filter(|key| !is_said(key)).collect();
    assert!(unsaid.is_empty(), "said nowhere: {unsaid:?}");
}
