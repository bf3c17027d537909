//! `cargo lambda` and the template: the built functions, the routes of `cargo lambda watch`, and a
//! deployment of code alone.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use super::{TEXT, account, evaluated, of_type, template};

/// The workspace's cargo-lambda settings, read by cargo itself.
fn configured() -> Value {
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn watch_has_each_route_once_and_where_it_belongs() {
    let configured = configured();
    let router = &configured["metadata"]["lambda"]["watch"]["router"];
    let mut watched = BTreeMap::new();
    for route in router.as_array().unwrap() {
        for method in route["methods"].as_array().unwrap() {
            let key = format!(
                "{} {}",
                method.as_str().unwrap(),
                route["path"].as_str().unwrap()
            );
            let again = watched.insert(key.clone(), route["function"].as_str().unwrap().to_owned());
            assert_eq!(again, None, "{key} is there twice");
        }
    }
    let system = template(TEXT, &[]).system(&account()).unwrap();
    let deployed = system.functions.iter().flat_map(|function| {
        let routes = function.routes.iter();
        routes.map(|it| (format!("{} {}", it.method, it.path), function.name.clone()))
    });
    assert_eq!(watched, deployed.collect());
}

/// `cargo lambda deploy` would apply any further setting here to every function in the account.
#[test]
fn only_the_routes_are_configured() {
    let configured = configured();
    let lambda = &configured["metadata"]["lambda"];
    let routes_alone = json!({"watch": {"router": lambda["watch"]["router"]}});
    assert_eq!(*lambda, routes_alone);
    for package in configured["packages"].as_array().unwrap() {
        assert!(
            package["metadata"]["lambda"].is_null(),
            "{}",
            package["name"]
        );
    }
}

/// The workspace has other executables, which must not be built for Lambda.
#[test]
fn the_readmes_build_command_builds_the_functions_for_their_machine() {
    let readme = std::fs::read_to_string("../../README.md").unwrap();
    let command = "    cargo lambda build ";
    let mut commands = readme.lines().filter_map(|line| line.strip_prefix(command));
    let words: BTreeSet<&str> = commands.next().unwrap().split(' ').collect();
    assert_eq!(commands.next(), None, "there is another one");
    let (flags, names): (BTreeSet<&str>, BTreeSet<&str>) =
        words.iter().partition(|word| word.starts_with('-'));
    let template = evaluated(TEXT, &[]);
    let architecture = &template["Globals"]["Function"]["Architectures"];
    assert_eq!(*architecture, json!(["arm64"]));
    assert!(
        flags.is_superset(&["--release", "--arm64"].into()),
        "{flags:?}"
    );
    let functions = of_type(&template, "AWS::Serverless::Function");
    let folders = functions
        .iter()
        .map(|(_, it)| it["CodeUri"].as_str().unwrap());
    let folders = folders.map(|it| it.strip_prefix("target/lambda/").unwrap());
    assert_eq!(names, folders.map(|it| it.trim_end_matches('/')).collect());
}
