//! Tests of the template.
//!
//! | module | claims that |
//! |---|---|
//! | `alarms` | every alarm has an action and a section in the runbook |
//! | `deployment` | parameters are used, and each environment has its stack |
//! | `error_rate` | an outage of Belvo raises the alarm |
//! | `faults` | every rule notices a fault |
//! | `roles` | a function's role allows exactly its calls |
//! | `rules` | the template fits this system |
//! | `variables` | a function gets exactly the variables it reads |
//! | `watching` | `cargo lambda` builds, runs and deploys the template's functions |

mod alarms;
mod deployment;
mod error_rate;
mod faults;
mod roles;
mod rules;
mod variables;
mod watching;

use local_stack::template::{Account, Template};
use serde_json::Value;

/// The project's template.
pub const TEXT: &str = include_str!("../../../template.yaml");

/// A template, evaluated, with these parameters instead of the defaults.
pub fn evaluated(text: &str, parameters: &[(&str, &str)]) -> Value {
    template(text, parameters).evaluated(&account()).unwrap()
}

fn template(text: &str, parameters: &[(&str, &str)]) -> Template {
    // The one parameter without a default.
    let issuer = ("JwtIssuer", "https://issuer.example.com");
    let pairs = [issuer].into_iter().chain(parameters.iter().copied());
    let parameters = pairs.map(|(k, v)| (k.to_owned(), v.to_owned()));
    Template::parse(text, &parameters.collect()).unwrap()
}

/// An account in which all secrets of the template exist.
fn account() -> Account {
    let secrets = ["Belvo", "Webhook", "Session", "ExternalId"];
    let arn = |name: &str| format!("arn:aws:secretsmanager:sa-east-1:000000000000:secret:{name}");
    Account {
        region: "sa-east-1".to_owned(),
        id: "000000000000".to_owned(),
        sqs_url: "https://sqs.sa-east-1.amazonaws.com".to_owned(),
        secrets: secrets
            .map(|name| format!("{name}Secret"))
            .map(|name| (name.clone(), arn(&name)))
            .into(),
    }
}

/// The resources of one type: names and properties.
fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap().iter();
    let found = resources.filter(|(_, resource)| resource["Type"] == kind);
    found
        .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
        .collect()
}
