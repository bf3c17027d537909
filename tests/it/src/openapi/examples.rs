//! The examples of `openapi.yaml` are copied by app developers, so they must obey the file's own
//! rules.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{DESCRIPTION, Description, escape};

/// The places of all objects in the file that have a member `schema`.
fn described(description: &Description) -> Vec<String> {
    let mut found = Vec::new();
    walk(&description.document, "", &mut |place, value| {
        if value.get("schema").is_some() {
            found.push(place.to_owned());
        }
    });
    found
}

/// Visits every value of a document.
pub(super) fn walk<'a>(value: &'a Value, place: &str, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(place, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, &format!("{place}/{}", escape(name)), visit);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                walk(item, &format!("{place}/{position}"), visit);
            }
        }
        _ => {}
    }
}

/// The faults of a description's examples.
fn mistakes(description: &Description) -> Vec<String> {
    let mut mistakes = Vec::new();
    for place in described(description) {
        let examples = description.examples(&place);
        let named = description.document.pointer(&format!("{place}/examples"));
        let named = named.and_then(Value::as_object).map_or(0, |it| it.len());
        if named > examples.len() {
            mistakes.push(format!("{place} has an example without a value"));
        }
        if place.contains("/content/") && examples.is_empty() {
            mistakes.push(format!("{place} has no example"));
        }
        let schema = description.member(&place, "schema").unwrap();
        for example in examples {
            if let Err(errors) = description.validate(&schema, example) {
                mistakes.push(format!("{place}: {errors}: {example}"));
            }
        }
    }
    mistakes
}

#[test]
fn every_example_obeys_its_schema_and_every_body_has_one() {
    assert_eq!(mistakes(&DESCRIPTION), Vec::<String>::new());
}

#[test]
fn a_wrong_or_missing_example_is_found() {
    let file = super::text("openapi.yaml");
    let check = |from: &str, to: &str, complaint: &str| {
        assert!(file.contains(from), "{from}");
        let broken = Description::parse(&file.replacen(from, to, 1));
        let mistakes = mistakes(&broken);
        assert!(
            mistakes.iter().any(|it| it.contains(complaint)),
            "{mistakes:?}"
        );
    };
    let left = "outcome: left, link_id: null";
    check("outcome: exit, link_id: null", left, "left");
    check("next_cursor: null }", "}", "next_cursor");
    let (empty, gone) = ("examples/EmptyPage\"", "examples/Gone\"");
    check(empty, gone, "an example without a value");
    let (first, none) = (
        "examples:\n              defaults",
        "x:\n              defaults",
    );
    check(first, none, "has no example");
}

#[test]
fn every_type_of_problem_has_an_example_and_the_status_it_comes_with() {
    let mut shown = BTreeSet::new();
    for place in described(&DESCRIPTION) {
        if !place.ends_with("application~1problem+json") {
            continue;
        }
        // Shared answers have a name; the operations that use them are checked.
        let status = place.split('/').rev().nth(2).unwrap();
        for problem in DESCRIPTION.examples(&place) {
            shown.insert(problem["type"].clone().to_string());
            if let Ok(status) = status.parse::<u16>() {
                assert_eq!(problem["status"], status, "{place}");
            }
        }
    }
    let types = &DESCRIPTION.document["components"]["schemas"]["Problem"]["properties"]["type"];
    let types = types["enum"].as_array().unwrap().iter();
    assert_eq!(shown, types.map(Value::to_string).collect());
}

#[test]
fn examples_have_the_guidance_texts_of_the_code() {
    let mut seen = 0;
    walk(&DESCRIPTION.document, "", &mut |place, value| {
        let (Some(code), Some(_)) = (value["code"].as_str(), value["action"].as_str()) else {
            return;
        };
        let mut told = serde_json::to_value(domain::guidance(code)).unwrap();
        // The text about the end contains a date that only the link has.
        told["until"] = value["until"].clone();
        assert_eq!(*value, told, "{place}");
        seen += 1;
    });
    assert!(seen >= 4, "there are examples of guidance");
}
