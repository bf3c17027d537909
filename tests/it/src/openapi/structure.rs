//! `openapi.yaml` against OpenAPI's own rules, and against the routes of `template.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use local_stack::template::{Account, Template};
use serde_json::Value;

use super::{DESCRIPTION, examples::walk, text};

/// The operations, by method and path.
fn operations() -> BTreeMap<String, &'static Value> {
    let mut operations = BTreeMap::new();
    for (path, item) in DESCRIPTION.document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                operations.insert(format!("{} {path}", method.to_uppercase()), operation);
            }
        }
    }
    operations
}

/// Whether an operation requires the app user's token.
fn wants_token(operation: &Value) -> bool {
    let security = operation.get("security");
    let security = security.unwrap_or(&DESCRIPTION.document["security"]);
    let alternatives = security.as_array().unwrap();
    alternatives
        .iter()
        .any(|it| it.get("accessToken").is_some())
}

#[test]
fn the_described_operations_are_the_deployed_routes() {
    let account = Account {
        region: "sa-east-1".to_owned(),
        id: "000000000000".to_owned(),
        sqs_url: "http://127.0.0.1".to_owned(),
        secrets: ["BelvoSecret", "WebhookSecret", "SessionSecret"]
            .map(|name| (name.to_owned(), "arn".to_owned()))
            .into(),
    };
    let issuer = ("JwtIssuer", "https://issuer.example.com");
    let issuer = [issuer].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let template = Template::parse(&text("template.yaml"), &issuer).unwrap();
    let system = template.system(&account).unwrap();
    let routes = system
        .functions
        .iter()
        .flat_map(|function| &function.routes);
    let deployed = routes.map(|it| (format!("{} {}", it.method, it.path), it.authorized));
    let described = operations().into_iter();
    let described = described.map(|(name, operation)| (name, wants_token(operation)));
    assert_eq!(
        described.collect::<BTreeMap<_, _>>(),
        deployed.collect::<BTreeMap<_, _>>(),
        "method, path, and whether a token is required"
    );
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = &DESCRIPTION.document;
    let mut used = BTreeSet::new();
    walk(document, "", &mut |place, value| {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return;
        };
        let target = reference.strip_prefix('#').unwrap_or_default();
        assert!(document.pointer(target).is_some(), "{place}: {reference}");
        used.insert(target.to_owned());
    });
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let place = format!("/components/{kind}/{name}");
            assert!(
                kind == "securitySchemes" || used.contains(&place),
                "{place} is not used"
            );
        }
    }
}

#[test]
fn the_file_is_openapi_3_1() {
    let document = &DESCRIPTION.document;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let members: BTreeSet<&str> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let known = [
        "components",
        "info",
        "openapi",
        "paths",
        "security",
        "servers",
        "tags",
    ];
    assert_eq!(members, BTreeSet::from(known));
    let tags = document["tags"].as_array().unwrap();
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations() {
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{name}"
        );
        assert!(operation["summary"].is_string(), "{name}");
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.iter().any(|it| it["name"] == *tag), "{name}: {tag}");
        }
        for scheme in operation["security"].as_array().into_iter().flatten() {
            let named = scheme.as_object().unwrap().keys();
            assert!(
                named.into_iter().all(|it| schemes.contains_key(it)),
                "{name}"
            );
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                (200..600).contains(&status.parse::<u16>().unwrap()),
                "{name}: {status}"
            );
            let described = response.get("$ref").or(response.get("description"));
            assert!(described.is_some(), "{name}: {status}");
        }
    }
}

#[test]
fn every_parameter_of_a_path_is_described() {
    for (path, item) in DESCRIPTION.document["paths"].as_object().unwrap() {
        let in_path = path.split('/').filter(|part| part.starts_with('{'));
        let in_path: BTreeSet<&str> = in_path.map(|part| part.trim_matches(['{', '}'])).collect();
        let shared = item["parameters"].as_array().map_or(0, Vec::len);
        let place = format!("/paths/{}/parameters", super::escape(path));
        let described = (0..shared).map(|position| {
            let place = DESCRIPTION.member(&place, &position.to_string()).unwrap();
            let parameter = DESCRIPTION.document.pointer(&place).unwrap();
            assert_eq!(parameter["in"], "path", "{path}");
            assert_eq!(parameter["required"], true, "{path}");
            parameter["name"].as_str().unwrap()
        });
        assert_eq!(described.collect::<BTreeSet<_>>(), in_path, "{path}");
    }
}
