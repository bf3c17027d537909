//! Typed configuration from environment variables.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use url::Url;

/// Reads variables and remembers every mistake, so that a bad deployment is mended in one round.
///
/// ```
/// # use runtime::Env;
/// let mut env = Env::new([("RETRIES".to_owned(), "many".to_owned())]);
/// let retries = env.parsed("RETRIES", |text| text.parse::<u8>());
/// let queue = env.text("QUEUE_URL");
/// let message = env.finish(|| Some((retries?, queue?))).unwrap_err().to_string();
/// assert!(message.contains("RETRIES") && message.contains("QUEUE_URL"));
/// ```
#[derive(Debug)]
pub struct Env {
    variables: BTreeMap<String, String>,
    problems: Vec<String>,
}

/// Every mistake in the environment, by the variable's name. The text repeats no value, because a
/// value could be a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidConfig(Vec<String>);

impl std::error::Error for InvalidConfig {}

impl Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong: {}", self.0.join("; "))
    }
}

impl Env {
    /// The variables of this process.
    pub fn from_process() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new(std::env::vars_os().filter_map(readable))
    }

    /// Takes these variables instead of the process's.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            problems: Vec::new(),
        }
    }

    /// A variable that must be there and not empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.problem(name, "is missing");
        }
        value
    }

    /// A variable that may be missing. Empty means missing, because template parameters default to
    /// the empty text.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A variable that must be there and parse.
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.check(name, parse(&text))
    }

    /// A variable that must parse if it is there. `Some(None)` when it is not.
    pub fn parsed_if_set<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match self.optional(name) {
            None => Some(None),
            Some(text) => self.check(name, parse(&text)).map(Some),
        }
    }

    /// A variable that must be one of a few words.
    pub fn one_of<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        self.parsed(name, |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
                .ok_or_else(|| {
                    let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                    format!("must be one of {}", words.join(", "))
                })
        })
    }

    /// Builds the configuration, or names every mistake.
    ///
    /// `build` gives `None` only for a value that was missing or wrong above, where it was noted.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, InvalidConfig> {
        match build() {
            Some(config) if self.problems.is_empty() => Ok(config),
            _ => Err(InvalidConfig(self.problems)),
        }
    }

    fn check<T, E: Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, &error.to_string());
                None
            }
        }
    }

    fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("{name} {what}"));
    }
}

/// Reads `true` or `false`.
pub fn flag(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

/// Reads an https address with a host.
pub fn https_url(text: &str) -> Result<Url, &'static str> {
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" && url.has_host())
        .ok_or("must be an https URL")
}

/// Reads the address of a page: https, or http on this machine, without credentials.
pub fn page_url(text: &str) -> Result<Url, &'static str> {
    let local = |url: &Url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    };
    Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && (url.scheme() == "https" || local(url)))
        .filter(|url| url.username().is_empty())
        .ok_or("must be an https URL, or http on this machine")
}

/// Reads the address of a service: that of a page, without a query.
pub fn service_url(text: &str) -> Result<Url, &'static str> {
    page_url(text)
        .ok()
        .filter(|url| url.query().is_none())
        .ok_or("must be an https URL, or http on this machine, without a query")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::new(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn every_mistake_is_named_and_no_value_is_repeated() {
        let mut env = env(&[("MODE", "hunter2"), ("URL", "ftp://x"), ("EMPTY", " ")]);
        let mode = env.one_of("MODE", &[("a", 1), ("b", 2)]);
        let url = env.parsed("URL", https_url);
        let empty = env.text("EMPTY");
        let unset = env.parsed_if_set("UNSET", flag);
        assert_eq!(unset, Some(None));
        let message = env
            .finish(|| Some((mode?, url?, empty?)))
            .unwrap_err()
            .to_string();
        for part in [
            "MODE must be one of a, b",
            "URL must be an https URL",
            "EMPTY is missing",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("hunter2"));
    }

    #[test]
    fn services_are_reached_by_https_or_on_this_machine() {
        for good in [
            "https://api.belvo.com",
            "http://127.0.0.1:4000",
            "http://[::1]:1/x",
        ] {
            assert!(service_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.belvo.com",
            "http://127.0.0.1.evil.com",
            "https://a.com/?x=1",
            "https://u:p@a.com",
            "api.belvo.com",
        ] {
            assert!(service_url(bad).is_err(), "{bad}");
            assert_eq!(page_url(bad).is_ok(), bad.contains('?'), "{bad}");
        }
    }
}
