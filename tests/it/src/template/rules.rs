//! Rules that the template must obey after any change. Linters know few of them, because they know
//! AWS's requirements but not this system's.
//!
//! A rule examines the evaluated template and names the faults. `faults` proves that each rule can
//! fail.

mod api;
mod belvo;
mod functions;
mod keys;
mod queues;
mod roles;
mod tables;

use serde_json::{Map, Value};

use super::{TEXT, evaluated, of_type};

/// A rule: its claim, and its check.
pub struct Rule {
    pub name: &'static str,
    pub check: fn(&Subject) -> Vec<String>,
}

pub fn all() -> Vec<Rule> {
    let groups = [
        api::RULES,
        belvo::RULES,
        functions::RULES,
        keys::RULES,
        queues::RULES,
        roles::RULES,
        tables::RULES,
    ];
    groups.into_iter().flatten().map(Rule::copy).collect()
}

impl Rule {
    fn copy(&self) -> Self {
        Self { ..*self }
    }
}

/// A template under examination.
pub struct Subject {
    pub template: Value,
    /// Whether every optional part is switched on.
    pub full: bool,
}

/// The required scope of tokens if every optional part is switched on.
const SCOPE: &str = "openfinance";

/// The parameters that switch on every optional part.
const FULL: [(&str, &str); 6] = [
    ("AlarmEmail", "night@example.com"),
    (
        "CertificateArn",
        "arn:aws:acm:sa-east-1:000000000000:certificate/1",
    ),
    ("DomainName", "openfinance.example.com"),
    ("ExternalIdMode", "derived"),
    ("HostedZoneId", "Z1"),
    ("JwtScope", SCOPE),
];

impl Subject {
    pub fn new(text: &str, full: bool) -> Self {
        let parameters: &[(&str, &str)] = if full { &FULL } else { &[] };
        Self {
            template: evaluated(text, parameters),
            full,
        }
    }

    fn properties(&self, name: &str) -> &Value {
        &self.template["Resources"][name]["Properties"]
    }

    /// The resources of one type: names and properties.
    fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        of_type(&self.template, kind)
    }

    /// The functions, merged with `Globals`.
    fn functions(&self) -> Vec<(&str, Value)> {
        let globals = &self.template["Globals"]["Function"];
        let functions = self.of_type("AWS::Serverless::Function");
        let merged = functions
            .into_iter()
            .map(|(name, own)| (name, merge(globals, own)));
        merged.collect()
    }

    /// The events of one type of all functions, with the function's name.
    fn events(&self, kind: &str) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for (function, properties) in self.functions() {
            for (_, event) in properties["Events"].as_object().into_iter().flatten() {
                if event["Type"] == kind {
                    found.push((function.to_owned(), event["Properties"].clone()));
                }
            }
        }
        found
    }
}

/// Merges maps member by member; any other value is the function's own, as in SAM.
fn merge(globals: &Value, own: &Value) -> Value {
    match (globals, own) {
        (Value::Object(globals), Value::Object(own)) => {
            let mut merged: Map<String, Value> = globals.clone();
            for (name, value) in own {
                let global = globals.get(name).unwrap_or(&Value::Null);
                merged.insert(name.clone(), merge(global, value));
            }
            Value::Object(merged)
        }
        _ => own.clone(),
    }
}

/// A number, which may be the text of a parameter.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// One value or a list.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Collects complaints.
fn unless(holds: bool, complaint: impl Into<String>) -> Vec<String> {
    match holds {
        true => Vec::new(),
        false => vec![complaint.into()],
    }
}

#[test]
fn the_template_keeps_every_rule() {
    for full in [false, true] {
        let subject = Subject::new(TEXT, full);
        for rule in all() {
            let complaints = (rule.check)(&subject);
            assert!(complaints.is_empty(), "{}: {complaints:#?}", rule.name);
        }
    }
}
