//! The functions' settings.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Rule, Subject, number, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "functions run where they were built for",
        check: platform,
    },
    Rule {
        name: "functions are traced, and log JSON to a group of their own",
        check: logs,
    },
    Rule {
        name: "logs are encrypted and end",
        check: groups,
    },
    Rule {
        name: "variables hold no secret",
        check: secrets,
    },
    Rule {
        name: "variables are encrypted",
        check: encrypted,
    },
    Rule {
        name: "functions time out before their callers",
        check: timeouts,
    },
    Rule {
        name: "every function has concurrency of its own",
        check: reserves,
    },
];

fn each(subject: &Subject, check: impl Fn(&Value) -> Vec<String>) -> Vec<String> {
    let functions = subject.functions();
    let mut complaints = unless(functions.len() == 6, "there are six functions");
    for (name, function) in functions {
        let own = check(&function).into_iter();
        complaints.extend(own.map(|it| format!("{name}: {it}")));
    }
    complaints
}

fn platform(subject: &Subject) -> Vec<String> {
    each(subject, |function| {
        let is = (
            &function["Architectures"],
            &function["Runtime"],
            &function["Handler"],
        );
        let ours = (
            &json!(["arm64"]),
            &json!("provided.al2023"),
            &json!("bootstrap"),
        );
        unless(is == ours, format!("{is:?}"))
    })
}

fn logs(subject: &Subject) -> Vec<String> {
    let groups = subject.of_type("AWS::Logs::LogGroup");
    let groups: BTreeSet<&str> = groups.into_iter().map(|(name, _)| name).collect();
    let mut complaints = each(subject, |function| {
        let logging = &function["LoggingConfig"];
        let mut complaints = unless(logging["LogFormat"] == "JSON", "it logs no JSON");
        let group = logging["LogGroup"].as_str();
        let known = group.is_some_and(|it| groups.contains(it));
        complaints.extend(unless(known, "its logs are kept for ever"));
        complaints.extend(unless(function["Tracing"] == "Active", "it is not traced"));
        complaints
    });
    let functions = subject.functions();
    let used = functions.iter();
    let used: BTreeSet<_> = used
        .map(|(_, it)| it["LoggingConfig"]["LogGroup"].as_str())
        .collect();
    complaints.extend(unless(used.len() == functions.len(), "two share a log"));
    complaints
}

fn groups(subject: &Subject) -> Vec<String> {
    let groups = subject.of_type("AWS::Logs::LogGroup").into_iter();
    let complaints = groups.flat_map(|(name, group)| {
        let days = number(&group["RetentionInDays"]).is_some_and(|days| days > 0);
        let mut complaints = unless(days, format!("{name} never ends"));
        let key = group["KmsKeyId"].is_string();
        complaints.extend(unless(key, format!("{name} is not encrypted")));
        complaints
    });
    complaints.collect()
}

/// A function gets the names of secrets, and no secret itself.
fn secrets(subject: &Subject) -> Vec<String> {
    each(subject, |function| {
        let variables = function["Environment"]["Variables"].as_object();
        let told = variables.into_iter().flatten().flat_map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            let sounds = ["KEY", "PASSWORD", "SECRET", "TOKEN"];
            let place = name.ends_with("_SECRET_ID")
                && (value.is_empty() || value.starts_with("arn:aws:secretsmanager:"));
            let secret = sounds.iter().any(|it| name.contains(it)) && !place;
            let resolved = value.contains("{{resolve:");
            unless(!secret && !resolved, name.clone())
        });
        told.collect()
    })
}

fn encrypted(subject: &Subject) -> Vec<String> {
    each(subject, |function| {
        unless(function["KmsKeyArn"].is_string(), "not with our key")
    })
}

/// Belvo waits five seconds for a webhook, API Gateway thirty for any route.
fn timeouts(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, function) in subject.functions() {
        let events = function["Events"].as_object().into_iter().flatten();
        let answers = events
            .into_iter()
            .any(|(_, event)| event["Type"] == "HttpApi");
        let longest = match (name, answers) {
            ("WebhookFunction", _) => 5,
            (_, true) => 29,
            (_, false) => 900,
        };
        let timeout = number(&function["Timeout"]).unwrap_or(i64::MAX);
        complaints.extend(unless(timeout <= longest, format!("{name}: {timeout} s")));
        let memory = number(&function["MemorySize"]).is_some();
        complaints.extend(unless(memory, format!("{name} has the least memory")));
    }
    complaints
}

fn reserves(subject: &Subject) -> Vec<String> {
    let mut complaints = each(subject, |function| {
        let reserve = number(&function["ReservedConcurrentExecutions"]);
        unless(reserve.is_some_and(|it| it > 0), "none")
    });
    let functions = subject.functions();
    let all = functions.iter();
    let all = all.filter_map(|(_, it)| number(&it["ReservedConcurrentExecutions"]));
    // AWS reserves 100 of an account's 1,000 for functions without a reserve of their own.
    let all: i64 = all.sum();
    complaints.extend(unless(all <= 900, format!("{all} in all")));
    complaints
}
