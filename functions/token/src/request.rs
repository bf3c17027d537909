//! The body of `POST /token`.

use domain::{AccessMode, InstitutionName, ReturnUrl, ReturnUrls};
use runtime::{Problem, ProblemKind};
use serde_json::{Map, Value};
use url::Url;

/// Nothing we accept comes near this.
const MAX_BODY: usize = 16 * 1024;

/// More banks than a user would be offered by name.
const MAX_INSTITUTIONS: usize = 50;

/// What the app asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenRequest {
    pub(crate) access_mode: AccessMode,
    pub(crate) institutions: Vec<InstitutionName>,
    pub(crate) callback: CallbackTarget,
    pub(crate) return_url: Option<ReturnUrl>,
    /// Where the bank's app returns to in App2App.
    pub(crate) application_link: Option<Url>,
    pub(crate) holder: Option<Holder>,
    pub(crate) identification: Option<Map<String, Value>>,
}

/// Who catches the widget's redirects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CallbackTarget {
    /// `GET /callback/…` of this API.
    #[default]
    Server,
    /// The app, which forwards them to `POST /callback`.
    App,
}

/// Whose accounts are connected, for a user who has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Individual,
    Company,
}

impl TokenRequest {
    /// Reads a body; an empty one asks for the defaults. The problem names every field that is
    /// wrong.
    pub(crate) fn read(
        body: &[u8],
        return_urls: &ReturnUrls,
        request_id: &str,
    ) -> Result<Self, Problem> {
        if body.len() > MAX_BODY {
            return Err(Problem::new(ProblemKind::TooLarge, request_id)
                .at("", format!("must have at most {MAX_BODY} bytes")));
        }
        if body.is_empty() {
            return Ok(Self::default());
        }
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
            return Err(Problem::new(ProblemKind::InvalidRequest, request_id)
                .at("", "must be a JSON object"));
        };
        let mut fields = Fields::new(members);
        let request = Self {
            access_mode: fields.word(
                "access_mode",
                &[
                    ("single", AccessMode::Single),
                    ("recurrent", AccessMode::Recurrent),
                ],
            ),
            institutions: fields.institutions(),
            callback: fields.word(
                "callback",
                &[
                    ("server", CallbackTarget::Server),
                    ("app", CallbackTarget::App),
                ],
            ),
            return_url: fields.text("return_url", |text| {
                return_urls.allow(text).map_err(|rule| rule.to_string())
            }),
            application_link: fields.text("application_link", |text| {
                application_link(text, return_urls)
            }),
            holder: fields.word(
                "holder",
                &[
                    ("individual", Some(Holder::Individual)),
                    ("company", Some(Holder::Company)),
                ],
            ),
            identification: fields.object("identification"),
        };
        if request.callback == CallbackTarget::App && request.return_url.is_none() {
            fields.refuse("return_url", "is required with callback \"app\"");
        }
        fields.finish(request, request_id)
    }
}

/// The bank's redirect carries a live token, so it may only go to an address the customer listed.
fn application_link(text: &str, return_urls: &ReturnUrls) -> Result<Url, String> {
    let listed = return_urls.allow(text).map_err(|rule| rule.to_string())?;
    Url::parse(listed.as_str())
        .ok()
        .filter(|url| url.scheme() == "https")
        .ok_or_else(|| "must be an https link that opens the app".to_owned())
}

/// Takes members out of an object one by one; what is left over is refused.
struct Fields {
    members: Map<String, Value>,
    errors: Vec<(String, String)>,
}

impl Fields {
    fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            errors: Vec::new(),
        }
    }

    fn refuse(&mut self, name: &str, rule: impl ToString) {
        // A pointer separates with slashes; only a stranger's name can hold one.
        let name = name.replace('~', "~0").replace('/', "~1");
        self.errors.push((format!("/{name}"), rule.to_string()));
    }

    /// A missing member and null mean the same.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn text<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let result = match self.take(name)? {
            Value::String(text) => parse(&text),
            _ => Err("must be a string".to_owned()),
        };
        result.map_err(|rule| self.refuse(name, rule)).ok()
    }

    fn word<T: Copy + Default>(&mut self, name: &str, words: &[(&str, T)]) -> T {
        self.text(name, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("must be {}", words.join(" or "))
            })
        })
        .unwrap_or_default()
    }

    fn institutions(&mut self) -> Vec<InstitutionName> {
        let Some(value) = self.take("institutions") else {
            return Vec::new();
        };
        let Value::Array(elements) = value else {
            self.refuse("institutions", "must be an array");
            return Vec::new();
        };
        if elements.len() > MAX_INSTITUTIONS {
            self.refuse(
                "institutions",
                format!("must have at most {MAX_INSTITUTIONS} elements"),
            );
            return Vec::new();
        }
        let mut names = Vec::new();
        for (position, element) in elements.iter().enumerate() {
            match InstitutionName::parse(element.as_str().unwrap_or_default()) {
                Ok(name) => names.push(name),
                Err(rule) => self
                    .errors
                    .push((format!("/institutions/{position}"), rule.to_string())),
            }
        }
        names
    }

    fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(members) => Some(members),
            _ => {
                self.refuse(name, "must be an object");
                None
            }
        }
    }

    fn finish<T>(mut self, value: T, request_id: &str) -> Result<T, Problem> {
        let strangers: Vec<String> = self.members.keys().take(10).cloned().collect();
        for name in strangers {
            self.refuse(&name, "is not a field of this request");
        }
        if self.errors.is_empty() {
            return Ok(value);
        }
        let problem = Problem::new(ProblemKind::InvalidRequest, request_id);
        let errors = self.errors.into_iter();
        Err(errors.fold(problem, |problem, (pointer, rule)| {
            problem.at(pointer, rule)
        }))
    }
}
