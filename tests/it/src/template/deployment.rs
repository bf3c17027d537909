//! The operator's decisions at a deployment, and their place.

use std::collections::BTreeSet;

use super::{TEXT, account, evaluated, template};

const SAMCONFIG: &str = include_str!("../../../../samconfig.toml");

/// cfn-lint does not report unused parameters of a SAM template.
#[test]
fn every_parameter_is_used_and_belongs_to_a_group() {
    let (groups, rest) = TEXT.split_once("\nParameters:\n").unwrap();
    let (_, groups) = groups.split_once("ParameterGroups:").unwrap();
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.map(str::to_owned).collect()
    };
    let grouped = names(groups);
    let template = evaluated(TEXT, &[]);
    for name in template["Parameters"].as_object().unwrap().keys() {
        assert!(grouped.contains(name), "{name} is in no group");
        let reference = format!("!Ref {name}");
        let end = |at: usize| rest[at + reference.len()..].starts_with(char::is_alphanumeric);
        let mut references = rest.match_indices(&reference).map(|(at, _)| at);
        let used = references.any(|at| !end(at)) || rest.contains(&format!("${{{name}}}"));
        assert!(used, "{name} is used nowhere");
    }
}

/// Whose a link is would never be settled: the owner is a witness of it.
#[test]
fn a_stack_that_does_not_fetch_owners_is_refused_unless_they_are_not_compared() {
    let why = |parameters: &[(&str, &str)]| {
        let deployed = template(TEXT, parameters).storage(&account());
        deployed.err().map(|error| error.to_string())
    };
    let without = ("FetchResources", "ACCOUNTS,TRANSACTIONS");
    for check in ["required", "warn"] {
        let why = why(&[without, ("OwnerCheck", check)]).unwrap();
        assert!(why.contains("FetchResources must contain OWNERS"), "{why}");
    }
    assert_eq!(why(&[without, ("OwnerCheck", "off")]), None);
    assert_eq!(why(&[("FetchResources", "BILLS,OWNERS")]), None);
}

#[test]
fn every_limit_of_a_function_has_its_reason_beside_it() {
    let limit =
        |line: &&str| line.starts_with("      MemorySize: ") || line.starts_with("      Timeout: ");
    let limits: Vec<&str> = TEXT.lines().filter(limit).collect();
    assert_eq!(limits.len(), 12);
    for line in limits {
        assert!(line.contains(" # "), "{line}");
    }
    let reserves = TEXT.match_indices("      ReservedConcurrentExecutions: ");
    for (at, _) in reserves {
        let before = TEXT[..at].lines().last().unwrap();
        assert!(before.starts_with("      # "), "{before}");
    }
}

/// A running pipe polls the stream four times a second, even without subscribers.
#[test]
fn the_pipe_is_stopped_without_change_events() {
    let state = |parameters| {
        let template = evaluated(TEXT, parameters);
        template["Resources"]["ChangePipe"]["Properties"]["DesiredState"].clone()
    };
    assert_eq!(state(&[]), "RUNNING");
    assert_eq!(state(&[("ChangeEvents", "false")]), "STOPPED");
}

#[test]
fn each_environment_has_a_stack_of_its_own_in_sao_paulo() {
    for environment in ["sandbox", "production"] {
        let section = |name: &str| {
            let header = format!("[{environment}.{name}]\n");
            let (_, rest) = SAMCONFIG.split_once(&header).unwrap();
            // The tables are part of it.
            let own = format!("\n[{environment}.{name}.");
            let rest = rest.replace(&own, "\n");
            rest.split("\n[").next().unwrap().to_owned()
        };
        let global = section("global.parameters");
        assert!(global.contains("region = \"sa-east-1\""), "{global}");
        let stack = format!("stack_name = \"belvo-backend-{environment}\"");
        assert!(global.contains(&stack), "{global}");
        // `sam deploy --guided` writes its answers here, in a format of its own.
        let deploy: String = section("deploy.parameters")
            .chars()
            .filter(|c| !['\\', '"', ' '].contains(c))
            .collect();
        let parameter = format!("BelvoEnvironment={environment}");
        assert!(deploy.contains(&parameter), "{deploy}");
        assert!(deploy.contains("capabilities=CAPABILITY_IAM"), "{deploy}");
    }
}
