//! What whoever deploys decides, and where that is kept.

use std::collections::BTreeSet;

use super::{TEXT, evaluated};

const SAMCONFIG: &str = include_str!("../../../../samconfig.toml");

/// cfn-lint does not look for parameters that a SAM template does not use.
#[test]
fn every_parameter_is_used_and_stands_in_a_group() {
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

#[test]
fn each_environment_has_a_stack_of_its_own_in_sao_paulo() {
    for environment in ["sandbox", "production"] {
        let section = |name: &str| {
            let header = format!("[{environment}.{name}.parameters]\n");
            let (_, rest) = SAMCONFIG.split_once(&header).unwrap();
            rest.split("\n[").next().unwrap()
        };
        let global = section("global");
        assert!(global.contains("region = \"sa-east-1\""), "{global}");
        let stack = format!("stack_name = \"belvo-backend-{environment}\"");
        assert!(global.contains(&stack), "{global}");
        let deploy = section("deploy");
        let parameter = format!("parameter_overrides = [\"BelvoEnvironment={environment}\"]");
        assert!(deploy.contains(&parameter), "{deploy}");
        assert!(
            deploy.contains("capabilities = \"CAPABILITY_IAM\""),
            "{deploy}"
        );
    }
}
