//! The structure of this repository, as far as a program can check it.

mod circles;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folders(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(path)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

/// The names in `[dependencies]` of a crate.
fn dependencies(path: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(path).join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let section = rest.split("\n[").next().unwrap();
    let names = section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn dependencies_point_at_domain() {
    let shared = folders("shared");
    let functions = folders("functions");
    let tests = folders("tests");
    for name in &shared {
        let found = dependencies(&format!("shared/{name}"));
        // The two stores share their plumbing, and no other crate may know it.
        let stores = ["store", "user-store"].contains(&name.as_str());
        let foreign = |other: &&String| {
            *other != "domain" && *other != name && !(stores && *other == "table")
        };
        let ours: Vec<_> = shared
            .iter()
            .filter(foreign)
            .filter(|it| found.contains(*it))
            .collect();
        assert!(ours.is_empty(), "{name} knows {ours:?}");
        // The crate that serves API Gateway is the exception.
        for lambda in ["lambda_http", "lambda_runtime", "aws_lambda_events"] {
            assert!(
                name == "gateway" || !found.contains(lambda),
                "{name} knows {lambda}"
            );
        }
    }
    for name in &functions {
        let found = dependencies(&format!("functions/{name}"));
        assert!(!found.contains("table"), "{name} reads by any key");
        let others: Vec<_> = functions
            .union(&tests)
            .filter(|it| found.contains(*it))
            .collect();
        assert!(others.is_empty(), "{name} knows {others:?}");
    }
    let sandbox = dependencies("tests/belvo-sandbox");
    let ours: Vec<_> = shared
        .union(&functions)
        .filter(|it| sandbox.contains(*it))
        .collect();
    assert!(ours.is_empty(), "the sandbox shares types with {ours:?}");
}

#[test]
fn domain_is_free_of_input_output_clock_and_chance() {
    let found = dependencies("shared/domain");
    for outside in [
        "tokio",
        "reqwest",
        "getrandom",
        "rand",
        "aws-config",
        "runtime",
    ] {
        assert!(!found.contains(outside), "domain knows {outside}");
    }
    for path in files(&root().join("shared/domain/src")) {
        let source = fs::read_to_string(&path).unwrap();
        for call in [
            "Timestamp::now",
            "SystemTime",
            "Instant::now",
            "std::env",
            "std::fs",
        ] {
            assert!(!source.contains(call), "{} calls {call}", path.display());
        }
    }
}

#[test]
fn a_function_has_one_name_everywhere() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let events = folders("events");
    for name in folders("functions") {
        assert!(events.contains(&name), "events/{name} is missing");
        let code = format!("CodeUri: target/lambda/{name}/");
        assert!(
            template.contains(&code),
            "the template does not deploy {name}"
        );
        let resource = format!("{}{}Function:", name[..1].to_uppercase(), &name[1..]);
        assert!(
            template.contains(&resource),
            "the template has no {resource}"
        );
    }
    assert_eq!(
        template.matches("CodeUri: target/lambda/").count(),
        folders("functions").len()
    );
    assert_eq!(events, folders("functions"));
}

/// A dependency that calls AWS and an action that allows it come together.
#[test]
fn a_functions_dependencies_read_like_its_role() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    for name in folders("functions") {
        let role = block(&template, &name, "Role");
        let found = dependencies(&format!("functions/{name}"));
        for (dependency, action) in [
            ("queue", "sqs:SendMessage"),
            ("aws-sdk-secretsmanager", "secretsmanager:GetSecretValue"),
        ] {
            let both = (found.contains(dependency), role.contains(action));
            assert_eq!(both.0, both.1, "{name}: {action}");
        }
        // What answers a user reads in the user's scope; jobs and sweeps read by link.
        let stores = ["store", "user-store"].map(|it| found.contains(it));
        let expected = match name.as_str() {
            "fetcher" | "sweeper" => [true, false],
            "links" | "token" => [false, true],
            _ => [false, false],
        };
        assert_eq!(stores, expected, "{name}");
        let reads = stores.contains(&true);
        assert_eq!(reads, role.contains("dynamodb:"), "{name}: dynamodb");
    }
}

/// A reader who copies a command from the README runs the same tests as the landing checks.
#[test]
fn the_readmes_test_command_is_the_one_that_runs_before_landing() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let run = fs::read_to_string(root().join(".ci/run")).unwrap();
    let command = "cargo test --workspace --locked";
    assert!(readme.lines().any(|line| line.trim() == command));
    assert!(run.lines().any(|line| line.trim() == command));
}

/// The lines of a function's resource in the template, or of its role.
fn block(template: &str, name: &str, suffix: &str) -> String {
    let resource = format!("  {}{}{suffix}:\n", name[..1].to_uppercase(), &name[1..]);
    let (_, rest) = template.split_once(&resource).unwrap();
    let lines = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let lines: Vec<&str> = lines.collect();
    lines.join("\n")
}
