//! DATA.md names every stored member, state, reason and key, and nothing that is not stored.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::layout::root;
use crate::world::World;

const DATA: &str = include_str!("../../../DATA.md");

/// The rows of the tables behind these words, up to the next heading or running text.
fn table(behind: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = DATA
        .split_once(&format!("\n{behind}\n"))
        .unwrap_or_else(|| panic!("DATA.md has no {behind}"));
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The code spans of a column.
fn names(behind: &str, column: usize) -> BTreeSet<String> {
    let rows = table(behind).into_iter();
    rows.map(|row| row[column].trim_matches('`').to_owned())
        .collect()
}

/// The names of the members of a struct, or of the variants of an enum, as serde writes them.
fn stored_names(file: &str, name: &str) -> BTreeSet<String> {
    let path = root().join("shared/domain/src/link").join(file);
    let source = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
    let found = source.items.iter().find_map(|item| match item {
        syn::Item::Struct(it) if it.ident == name => {
            let fields = it.fields.iter();
            let fields = fields.map(|field| field.ident.as_ref().unwrap().to_string());
            Some(fields.collect())
        }
        syn::Item::Enum(it) if it.ident == name => {
            let variants = it.variants.iter();
            Some(
                variants
                    .map(|it| snake_case(&it.ident.to_string()))
                    .collect(),
            )
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{file} has no {name}"))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[test]
fn every_member_of_link_and_of_its_parts_is_documented() {
    assert_eq!(
        names("### The LINK record", 0),
        stored_names("state.rs", "Link")
    );
    let resource = stored_names("resource.rs", "Resource");
    assert_eq!(names("### A resource on LINK", 0), resource);
    assert_eq!(
        names("A sync run:", 0),
        stored_names("resource.rs", "SyncRun")
    );
}

#[test]
fn every_reason_and_every_state_is_documented() {
    let reasons = stored_names("schedule.rs", "Reason");
    assert_eq!(names("### Reasons of the schedule", 0), reasons);
    let mut documented: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in table("### Stored states") {
        let state = row[1].trim_matches('`').to_owned();
        documented.entry(row[0]).or_default().insert(state);
    }
    let stored = BTreeMap::from([
        ("a link", stored_names("state.rs", "LinkStatus")),
        ("a resource", stored_names("resource.rs", "ResourceState")),
        ("an owner", stored_names("state.rs", "OwnerVerdict")),
    ]);
    assert_eq!(documented, stored);
}

/// A key with what differs from record to record as DATA.md writes it.
fn form(key: &str) -> String {
    let parts = key.split('#').map(|part| {
        let is_id = part.len() > 12 && part.chars().any(|it| it.is_ascii_digit());
        let is_date = part.contains('-') && part.starts_with("20");
        if is_id || is_date { "{}" } else { part }
    });
    parts.collect::<Vec<_>>().join("#")
}

/// The same of a key in DATA.md, where braces hold a name.
fn documented_form(key: &str) -> String {
    let parts = key.split('#').map(|part| match part.starts_with('{') {
        true => "{}",
        false => part,
    });
    parts.collect::<Vec<_>>().join("#")
}

/// The forms of all sort keys of a table.
async fn stored_forms(world: &World, table: &str, sort_key: &str) -> BTreeSet<String> {
    let scan = world.stack.dynamodb().scan().table_name(table);
    let items = scan.into_paginator().items().send();
    let items = items.collect::<Result<Vec<_>, _>>().await.unwrap();
    let keys = items.iter().map(|item| match &item[sort_key] {
        AttributeValue::S(key) => form(key),
        other => panic!("{other:?} is no key"),
    });
    keys.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_record_is_documented_with_its_key() {
    let world = World::start().await;
    let endpoints = world.stack.endpoints().clone();
    let user = world.individual().await;
    world.connected(&user).await;
    let erased = world.connected(&user).await;
    let path = format!("/links/{}", erased.link_id);
    assert_eq!(world.delete(&user, &path).await.status(), 202);
    let other = world.individual().await;
    assert_eq!(world.delete(&other, "/me").await.status(), 202);
    let fail = json!({"count": 1, "status": 400, "code": "never_heard_of", "path": "/api/bills/"});
    world.sandbox("faults", &json!({"fail_next": fail})).await;
    world.connected(&world.individual().await).await;
    world.settle().await;

    let documented = |heading: &str, column| -> BTreeSet<String> {
        let keys = names(heading, column);
        keys.iter().map(|key| documented_form(key)).collect()
    };
    let links = stored_forms(&world, &endpoints.link_table, "record").await;
    assert_eq!(links, documented("### Records of LinkTable", 0));
    let rows = stored_forms(&world, &endpoints.resource_table, "record").await;
    assert_eq!(rows, documented("### Records of ResourceTable", 0));
    let connections = stored_forms(&world, &endpoints.connection_table, "session_id").await;
    assert_eq!(connections, documented("### Records of ConnectionTable", 1));
}
