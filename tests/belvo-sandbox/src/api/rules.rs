//! Validates a request body field by field and collects Belvo's errors.

use serde_json::Value;
use url::Url;

use crate::errors::Complaint;

/// A body and the errors found in it so far.
pub struct Reader<'a> {
    body: &'a Value,
    complaints: Vec<Complaint>,
}

impl<'a> Reader<'a> {
    pub fn new(body: &'a Value) -> Self {
        Self {
            body,
            complaints: Vec::new(),
        }
    }

    /// The errors, if there are any.
    pub fn complaints(&mut self) -> Option<Vec<Complaint>> {
        (!self.complaints.is_empty()).then(|| std::mem::take(&mut self.complaints))
    }

    pub fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    /// The value at a dotted path; a number in the path is a position in a list.
    pub fn value(&self, path: &str) -> Option<&'a Value> {
        path.split('.')
            .try_fold(self.body, |value, key| match key.parse::<usize>() {
                Ok(position) => value.get(position),
                Err(_) => value.get(key),
            })
    }

    /// A required text that is not empty. Adds an error and returns an empty text otherwise.
    pub fn text(&mut self, path: &str) -> String {
        let complaint = match self.value(path) {
            None => Complaint::required(path),
            Some(Value::Null) => Complaint::about(path, "null", "This field may not be null."),
            Some(Value::String(text)) if text.trim().is_empty() => {
                Complaint::about(path, "blank", "This field may not be blank.")
            }
            Some(Value::String(text)) => return text.clone(),
            Some(_) => Complaint::about(path, "invalid", "Not a valid string."),
        };
        self.complain(complaint);
        String::new()
    }

    /// A text that may be absent.
    pub fn optional_text(&self, path: &str) -> Option<String> {
        self.value(path).and_then(Value::as_str).map(str::to_owned)
    }

    /// A required text with one of these values.
    pub fn choice(&mut self, path: &str, choices: &[&str]) -> String {
        let text = self.text(path);
        if !text.is_empty() && !choices.contains(&text.as_str()) {
            self.complain(not_a_choice(path, &text));
        }
        text
    }

    /// A required, non-empty list of texts with these values.
    pub fn list_of(&mut self, path: &str, choices: &[&str]) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.list(path) {
            match value.as_str() {
                Some(text) if choices.contains(&text) => texts.push(text.to_owned()),
                Some(text) => self.complain(not_a_choice(path, text)),
                None => self.complain(not_a_choice(path, &value.to_string())),
            }
        }
        texts
    }

    /// A required list of objects; returns its length.
    pub fn objects(&mut self, path: &str) -> usize {
        self.list(path).len()
    }

    /// A required URL of one of these schemes; an empty list allows any.
    pub fn url(&mut self, path: &str, schemes: &[&str]) -> Option<Url> {
        let text = self.text(path);
        if text.is_empty() {
            return None;
        }
        let url = Url::parse(&text)
            .ok()
            .filter(|url| schemes.is_empty() || schemes.contains(&url.scheme()));
        if url.is_none() {
            self.complain(Complaint::about(path, "invalid", "Enter a valid URL."));
        }
        url
    }

    fn list(&mut self, path: &str) -> &'a [Value] {
        let complaint = match self.value(path) {
            Some(Value::Array(list)) if !list.is_empty() => return list,
            Some(Value::Array(_)) => {
                Complaint::about(path, "validation_error", "This list may not be empty.")
            }
            None => Complaint::required(path),
            Some(Value::Null) => Complaint::about(path, "null", "This field may not be null."),
            Some(other) => {
                let message = format!("Expected a list but got type \"{}\".", kind(other));
                Complaint::about(path, "not_a_list", message)
            }
        };
        self.complain(complaint);
        &[]
    }
}

fn not_a_choice(path: &str, text: &str) -> Complaint {
    Complaint::about(
        path,
        "invalid_choice",
        format!("\"{text}\" is not a valid choice."),
    )
}

/// Belvo runs on Python, and its messages name Python's types.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "str",
        Value::Object(_) => "dict",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int",
        Value::Array(_) => "list",
        Value::Null => "NoneType",
    }
}
