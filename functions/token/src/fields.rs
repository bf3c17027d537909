//! The members of a request's body, taken one by one.

use runtime::{Problem, ProblemKind};
use serde_json::{Map, Value};

/// A valid request has a few KB at most.
const MAX_BODY: usize = 16 * 1024;

/// Takes members out of an object one by one. Members that no caller takes are refused.
pub(crate) struct Fields {
    members: Map<String, Value>,
    errors: Vec<(String, String)>,
}

impl Fields {
    /// Reads a body; an empty one has no members.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Problem> {
        Ok(Self {
            members: runtime::json_object(body, MAX_BODY, "must be a JSON object")?,
            errors: Vec::new(),
        })
    }

    /// Notes the rule a member breaks.
    pub(crate) fn refuse(&mut self, name: &str, rule: impl ToString) {
        // A JSON pointer separates names with slashes. Only an unknown member's name can hold one.
        let name = name.replace('~', "~0").replace('/', "~1");
        self.errors.push((format!("/{name}"), rule.to_string()));
    }

    /// Notes the rule an element of an array breaks.
    pub(crate) fn refuse_element(&mut self, name: &str, position: usize, rule: impl ToString) {
        self.errors
            .push((format!("/{name}/{position}"), rule.to_string()));
    }

    /// A missing member and null mean the same.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let result = match self.take(name)? {
            Value::String(text) => parse(&text),
            _ => Err("must be a string".to_owned()),
        };
        result.map_err(|rule| self.refuse(name, rule)).ok()
    }

    /// A text that must be there.
    pub(crate) fn required_text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.refuse(name, "is missing");
        }
        self.text(name, parse)
    }

    /// One of these words. A missing member is the default.
    pub(crate) fn word<T: Copy + Default>(&mut self, name: &str, words: &[(&str, T)]) -> T {
        self.text(name, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("must be {}", words.join(" or "))
            })
        })
        .unwrap_or_default()
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(members) => Some(members),
            _ => {
                self.refuse(name, "must be an object");
                None
            }
        }
    }

    /// Gives the value, or names every mistake.
    ///
    /// `value` is `None` only when something was refused above.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        let strangers: Vec<String> = self.members.keys().take(10).cloned().collect();
        for name in strangers {
            self.refuse(&name, "is not a field of this request");
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.into_problem()),
        }
    }

    /// The problem with all that was refused so far.
    pub(crate) fn into_problem(self) -> Problem {
        let problem = Problem::new(ProblemKind::InvalidRequest);
        let errors = self.errors.into_iter();
        errors.fold(problem, |problem, (pointer, rule)| {
            problem.at(pointer, rule)
        })
    }
}
