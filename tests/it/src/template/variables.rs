//! The template's variables of each function, against those that the function reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{TEXT, account, template};
use crate::world::World;

/// The variables that this source reads from `env` by name.
fn read_by(path: &str) -> BTreeSet<String> {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let source = source.split("#[cfg(test)]").next().unwrap();
    let calls = source.split("env.").skip(1).filter_map(|call| {
        let (method, arguments) = call.split_once('(')?;
        let asks = ["one_of", "optional", "parsed", "parsed_if_set", "text"];
        let name = arguments.trim_start().strip_prefix('"')?.split('"').next();
        name.filter(|_| asks.contains(&method.trim()))
    });
    calls.map(str::to_owned).collect()
}

#[test]
fn a_function_gets_exactly_the_variables_it_reads() {
    let system = template(TEXT, &[]).system(&account()).unwrap();
    for function in system.functions {
        let config = format!("functions/{}/src/config.rs", function.name);
        let mut expected = read_by(&config);
        assert!(expected.len() >= 3, "{}: {expected:?}", function.name);
        let source = fs::read_to_string(format!("../../{config}")).unwrap();
        if source.contains("PrincipalConfig::from_env") {
            expected.extend(read_by("shared/runtime/src/principal.rs"));
        }
        // The metrics code reads it, under the name that libraries of the format use.
        expected.insert("AWS_EMF_NAMESPACE".to_owned());
        let told: BTreeSet<String> = function.variables.into_keys().collect();
        assert_eq!(told, expected, "{}", function.name);
    }
}

/// Also with every value that a parameter can change.
#[tokio::test(flavor = "multi_thread")]
async fn every_function_starts_with_its_variables() {
    let body = [("ExternalIdMode", "derived"), ("IdentitySource", "body")];
    for parameters in [&[][..], &body] {
        World::with(parameters).await.stack.warm_up().await.unwrap();
    }
}

/// AWS Lambda allows 4 KB for all variables of a function together, names included.
#[test]
fn the_longest_variables_leave_room_for_a_long_theme() {
    let theme = format!("[{}]", " ".repeat(998));
    let purpose = "á".repeat(600);
    let longest = [("Theme", theme.as_str()), ("Purpose", &purpose)];
    let system = template(TEXT, &longest).system(&account()).unwrap();
    for function in system.functions {
        let length = |(name, value): (&String, &String)| name.len() + value.len();
        let all: usize = function.variables.iter().map(length).sum();
        // The rest is for longer ids in an account, and for the customer's addresses.
        assert!(all < 4096 - 400, "{}: {all}", function.name);
    }
}

/// A developer who starts a function by hand (`local-stack --env-file`) gives it the variables of
/// all.
#[test]
fn a_variable_has_the_same_value_in_every_function() {
    let system = template(TEXT, &[]).system(&account()).unwrap();
    let mut told = BTreeMap::new();
    for (name, value) in system.functions.iter().flat_map(|it| &it.variables) {
        let before = told.insert(name, value);
        assert!(before.is_none_or(|it| it == value), "{name}");
    }
}
