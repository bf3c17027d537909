//! `openapi.yaml`, and its check of an answer.
//!
//! Every API answer in a [`World`](crate::world::World) is checked against the file, because app
//! developers rely on the file alone. `examples` checks the file's own examples, `structure` the
//! file itself against OpenAPI's rules and against `template.yaml`.

mod examples;
mod structure;
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use http::{HeaderMap, header::CONTENT_TYPE};
use jsonschema::Validator;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The description in the repository.
pub static DESCRIPTION: LazyLock<Description> =
    LazyLock::new(|| Description::parse(&text("openapi.yaml")));

/// A parsed description.
pub struct Description {
    document: Value,
    /// Validators by the place of their schema, because making one takes longer than using it.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An answer of the API.
pub struct Answer<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// A file of the repository.
fn text(name: &str) -> String {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Description {
    fn parse(text: &str) -> Self {
        let documents = Yaml::load_from_str(text).unwrap();
        assert_eq!(documents.len(), 1, "openapi.yaml is one document");
        Self {
            document: value(&documents[0]),
            validators: Mutex::default(),
        }
    }

    /// Returns the differences between the answer and its description.
    pub fn check(&self, method: &str, path: &str, answer: &Answer<'_>) -> Result<(), String> {
        let Some(operation) = self.operation(method, path) else {
            return self.check_no_route(answer);
        };
        if answer.status == 500 {
            return Err("500 is described for a failure of a function, which this is".to_owned());
        }
        let response = self.member(
            &format!("{operation}/responses"),
            &answer.status.to_string(),
        );
        let response = response.ok_or_else(|| format!("status {}", answer.status))?;
        self.check_headers(&response, answer)?;
        self.check_content(&response, answer)
    }

    /// Paths and methods without an operation are the gateway's.
    fn check_no_route(&self, answer: &Answer<'_>) -> Result<(), String> {
        let body: Value = serde_json::from_slice(answer.body).unwrap_or_default();
        match (answer.status, body == json!({"message": "Not Found"})) {
            (404, true) => Ok(()),
            _ => Err("there is no such operation".to_owned()),
        }
    }

    /// The place of the operation for a request.
    fn operation(&self, method: &str, path: &str) -> Option<String> {
        let mut templates: Vec<&String> = self.document["paths"].as_object()?.keys().collect();
        // Literal segments come before parameters, which sort behind them.
        templates.sort();
        let template = templates.into_iter().find(|it| matches(it, path))?;
        self.member(
            &format!("/paths/{}", escape(template)),
            &method.to_lowercase(),
        )
    }

    fn check_headers(&self, response: &str, answer: &Answer<'_>) -> Result<(), String> {
        let headers = self.document.pointer(&format!("{response}/headers"));
        for name in headers.and_then(Value::as_object).into_iter().flatten() {
            let name = name.0;
            let header = self.member(&format!("{response}/headers"), name).unwrap();
            match answer.headers.get(name.as_str()) {
                None if self.document.pointer(&format!("{header}/required"))
                    == Some(&json!(true)) =>
                {
                    return Err(format!("no header {name}"));
                }
                None => {}
                Some(value) => {
                    let value = value.to_str().map_err(|_| format!("header {name}"))?;
                    let schema = self.member(&header, "schema").unwrap();
                    let whole = self.document.pointer(&schema).and_then(|it| it.get("type"));
                    let value = match whole == Some(&json!("integer")) {
                        true => value
                            .parse()
                            .map_or_else(|_| json!(value), |it: i64| json!(it)),
                        false => json!(value),
                    };
                    self.validate(&schema, &value)
                        .map_err(|errors| format!("header {name}: {errors}"))?;
                }
            }
        }
        Ok(())
    }

    fn check_content(&self, response: &str, answer: &Answer<'_>) -> Result<(), String> {
        let content = self.document.pointer(&format!("{response}/content"));
        if content.is_none() {
            return match answer.body.is_empty() {
                true => Ok(()),
                false => Err("a body where none is described".to_owned()),
            };
        }
        let kind = answer.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let media = self.member(&format!("{response}/content"), kind);
        let media = media.ok_or_else(|| format!("content type {kind:?}"))?;
        let body = match kind.ends_with("json") {
            true => serde_json::from_slice(answer.body).map_err(|error| error.to_string())?,
            false => json!(String::from_utf8_lossy(answer.body)),
        };
        self.validate(&self.member(&media, "schema").unwrap(), &body)?;
        match kind {
            "application/problem+json" => self.check_problem(&media, answer.status, &body),
            _ => Ok(()),
        }
    }

    /// A problem must have an example of its type at its operation.
    fn check_problem(&self, media: &str, status: u16, problem: &Value) -> Result<(), String> {
        let examples = self.examples(media).into_iter();
        let mut same = examples.filter(|it| it["type"] == problem["type"]);
        let example = same
            .next()
            .ok_or_else(|| format!("problem {}", problem["type"]))?;
        match (&problem["title"], &problem["status"]) {
            (title, _) if *title != example["title"] => Err(format!("title {title}")),
            (_, it) if *it != status => Err(format!("status {it} inside of {status}")),
            _ => Ok(()),
        }
    }

    /// The values of the examples of a media type, parameter or header.
    fn examples(&self, place: &str) -> Vec<&Value> {
        let at = |place: &str| self.document.pointer(place);
        let named = at(&format!("{place}/examples")).and_then(Value::as_object);
        let names = named.into_iter().flat_map(Map::keys);
        let named = names.filter_map(|name| {
            let example = self.member(&format!("{place}/examples"), name)?;
            at(&format!("{example}/value"))
        });
        named.chain(at(&format!("{place}/example"))).collect()
    }

    /// Goes from a place to one of its members, following a reference.
    fn member(&self, place: &str, name: &str) -> Option<String> {
        let place = format!("{place}/{}", escape(name));
        let reference = self.document.pointer(&place)?.get("$ref");
        Some(match reference.and_then(Value::as_str) {
            Some(reference) => reference.trim_start_matches('#').to_owned(),
            None => place,
        })
    }

    /// Validates a value against the schema at a place.
    fn validate(&self, schema: &str, value: &Value) -> Result<(), String> {
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(schema.to_owned());
        let validator = Arc::clone(validator.or_insert_with(|| Arc::new(self.validator(schema))));
        drop(validators);
        let errors = validator.iter_errors(value);
        let errors: Vec<_> = errors
            .map(|it| format!("{}: {it}", it.instance_path()))
            .collect();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors.join("; ")),
        }
    }

    fn validator(&self, schema: &str) -> Validator {
        let schema = json!({
            "allOf": [self.document.pointer(schema).unwrap()],
            "components": self.document["components"],
        });
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        options.build(&schema).unwrap()
    }
}

/// Whether a path has the form of a template such as `/links/{link_id}`.
fn matches(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(part, given)| match part.starts_with('{') {
                true => !given.is_empty(),
                false => part == given,
            })
}

/// A name as a segment of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(members) => {
            let name = |yaml: &Yaml<'_>| yaml.as_str().expect("a key is a text").to_owned();
            members
                .iter()
                .map(|(key, it)| (name(key), value(it)))
                .collect()
        }
        other => panic!("openapi.yaml has a {other:?}"),
    }
}
