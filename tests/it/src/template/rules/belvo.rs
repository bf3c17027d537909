//! Belvo's environments, the parameters, the sweeps, and the alarms.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Rule, Subject, list, number, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "an environment has one address",
        check: environments,
    },
    Rule {
        name: "every parameter is explained and restricted",
        check: parameters,
    },
    Rule {
        name: "sweeps come on time or not at all",
        check: schedules,
    },
    Rule {
        name: "alarms reach the operator",
        check: alarms,
    },
];

const ADDRESSES: [(&str, &str); 2] = [
    ("production", "https://api.belvo.com"),
    ("sandbox", "https://sandbox.belvo.com"),
];

fn environments(subject: &Subject) -> Vec<String> {
    let mapping = subject.template["Mappings"]["Belvo"].as_object();
    let mapped = mapping.into_iter().flatten();
    let mapped = mapped.filter_map(|(name, it)| Some((name.as_str(), it["ApiUrl"].as_str()?)));
    let mapped: BTreeSet<_> = mapped.collect();
    let mut complaints = unless(mapped == ADDRESSES.into(), format!("{mapped:?}"));
    let choice = &subject.template["Parameters"]["BelvoEnvironment"]["AllowedValues"];
    let choice: BTreeSet<_> = list(choice).into_iter().filter_map(Value::as_str).collect();
    let names: BTreeSet<_> = ADDRESSES.map(|(name, _)| name).into();
    complaints.extend(unless(
        choice == names,
        format!("one may choose {choice:?}"),
    ));
    for (name, function) in subject.functions() {
        let url = &function["Environment"]["Variables"]["BELVO_BASE_URL"];
        let known = url.is_null() || *url == "https://sandbox.belvo.com";
        complaints.extend(unless(known, format!("{name} talks to {url}")));
    }
    complaints
}

fn parameters(subject: &Subject) -> Vec<String> {
    let parameters = subject.template["Parameters"].as_object();
    let parameters = parameters.into_iter().flatten();
    let complaints = parameters.flat_map(|(name, parameter)| {
        // Whole sentences, because an unquoted # cuts a description short.
        let text = parameter["Description"].as_str().unwrap_or_default();
        let mut complaints = unless(text.ends_with('.'), format!("{name} is not explained"));
        let bounds = ["AllowedPattern", "AllowedValues", "MinLength", "MaxLength"];
        let bounded = bounds.iter().any(|it| parameter.get(*it).is_some());
        let number = parameter["Type"] == "Number";
        complaints.extend(unless(bounded || number, format!("{name} takes anything")));
        complaints
    });
    complaints.collect()
}

/// A late sweep would coincide with the next one.
fn schedules(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut periods = BTreeSet::new();
    for (_, schedule) in subject.events("Schedule") {
        let rate = schedule["Schedule"].as_str().unwrap_or_default();
        let words: Vec<&str> = rate.split(['(', ' ', ')']).collect();
        let minutes: i64 = words.get(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        let age = number(&schedule["RetryPolicy"]["MaximumEventAgeInSeconds"]);
        let fresh = age.is_some_and(|age| age <= minutes * 60);
        complaints.extend(unless(fresh, format!("{rate} may come late")));
        periods.insert((
            schedule["Input"].as_str().unwrap_or_default().to_owned(),
            minutes,
        ));
    }
    // Otherwise Lambda retries a throttled sweep for six hours.
    let invoked = &subject.properties("SweeperFunction")["EventInvokeConfig"];
    let soon = number(&invoked["MaximumEventAgeInSeconds"]).is_some_and(|age| age <= 300);
    let once = number(&invoked["MaximumRetryAttempts"]).is_some_and(|times| times <= 1);
    complaints.extend(unless(soon && once, format!("{invoked}")));
    let expected = [(r#"{"sweep":"due"}"#, 1), (r#"{"sweep":"links"}"#, 5)];
    let expected = expected.map(|(input, minutes)| (input.to_owned(), minutes));
    complaints.extend(unless(periods == expected.into(), format!("{periods:?}")));
    complaints
}

fn alarms(subject: &Subject) -> Vec<String> {
    let alarms = subject.of_type("AWS::CloudWatch::Alarm");
    let mut complaints = unless(alarms.len() > 15, "there are few alarms");
    for (name, alarm) in alarms {
        let reaches = !list(&alarm["AlarmActions"]).is_empty();
        complaints.extend(unless(reaches, format!("{name} reaches no topic")));
        let silent = ["SweeperNotRun", "LinksNotCompared"].contains(&name);
        let breaching = alarm["TreatMissingData"] == "breaching";
        complaints.extend(unless(silent == breaching, format!("{name} and silence")));
    }
    complaints
}
