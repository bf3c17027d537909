//! How a visit to the widget ended, read from the redirect's query.
//!
//! Belvo sends the user to one of three URLs and appends what happened. The path is ours and the
//! samples label it differently, so the parameters decide (Belvo: "Handling callback events").

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumString, IntoStaticStr};

use crate::code::{Code, InstitutionName};
use crate::id::LinkId;

/// Which of the three callback URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CallbackKind {
    /// After a link was created.
    Success,
    /// After the user left.
    Exit,
    /// After an error or a warning.
    Event,
}

impl CallbackKind {
    /// The last segment of its path.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Reads the last segment of a path.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// What the redirect says. It is a claim: nothing signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WidgetOutcome {
    /// A link was created.
    Success {
        /// The new link.
        link: LinkId,
        /// The bank.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        institution: Option<InstitutionName>,
    },
    /// The user left before a link was created, possibly after an error.
    Exit {
        /// The last error, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<Code>,
        /// The bank, if one was chosen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        institution: Option<InstitutionName>,
        /// Where the user left, such as `abandon-survey`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<Code>,
    },
    /// The widget could not go on, for example `ACCESS_TOKEN_NOT_VALID`.
    Error {
        /// What was wrong.
        code: Code,
    },
    /// The widget goes on, for example after `institution_disabled`.
    Warning {
        /// What is unusual.
        code: Code,
    },
}

/// The redirect names a link that cannot be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("link must be a UUID, and only in the success URL")]
pub struct InvalidLink;

impl WidgetOutcome {
    /// Reads the decoded query. Unknown keys are ignored, and every key but `link` is lenient.
    ///
    /// Prose and sample of Belvo's page differ in how details are written, so `meta_data_step`,
    /// `meta_data[step]`, `meta_data.step` and `meta_data={"step": …}` mean the same.
    ///
    /// Only the success URL may name a link: a user who left has seen the other two, and could
    /// otherwise claim any link with them.
    pub fn from_query<'a>(
        kind: CallbackKind,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidLink> {
        let details = Details::read(pairs);
        if let Some(link) = &details.link {
            if kind != CallbackKind::Success {
                return Err(InvalidLink);
            }
            let link = LinkId::parse(link).map_err(|_| InvalidLink)?;
            let institution = details.institution;
            return Ok(Self::Success { link, institution });
        }
        if let Some(code) = details.error {
            return Ok(Self::Error { code });
        }
        if let Some(code) = details.warning {
            return Ok(Self::Warning { code });
        }
        Ok(Self::Exit {
            code: details.last_error,
            institution: details.institution,
            step: details.step,
        })
    }

    /// The outcome's name in our API.
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// Belvo's code, where there is one.
    pub fn code(&self) -> Option<&Code> {
        match self {
            Self::Success { .. } => None,
            Self::Exit { code, .. } => code.as_ref(),
            Self::Error { code } | Self::Warning { code } => Some(code),
        }
    }

    /// The bank, where one was chosen.
    pub fn institution(&self) -> Option<&InstitutionName> {
        match self {
            Self::Success { institution, .. } | Self::Exit { institution, .. } => {
                institution.as_ref()
            }
            Self::Error { .. } | Self::Warning { .. } => None,
        }
    }

    /// The new link, where there is one.
    pub fn link(&self) -> Option<LinkId> {
        match self {
            Self::Success { link, .. } => Some(*link),
            Self::Exit { .. } | Self::Error { .. } | Self::Warning { .. } => None,
        }
    }
}

#[derive(Default)]
struct Details {
    link: Option<String>,
    institution: Option<InstitutionName>,
    error: Option<Code>,
    warning: Option<Code>,
    last_error: Option<Code>,
    step: Option<Code>,
}

impl Details {
    fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut details = Self::default();
        for (key, value) in pairs {
            details.set(&flatten(key), value);
        }
        details
    }

    /// URL libraries of mobile apps add a slash or a blank to the end of an address. No value that
    /// is read here ends with one.
    fn set(&mut self, key: &str, value: &str) {
        let value = value.trim_end_matches(['/', ' ']);
        if value.is_empty() {
            return;
        }
        match key {
            "link" => self.link = Some(value.to_owned()),
            "institution" | "meta_data_institution_name" => {
                self.institution = InstitutionName::parse(value).ok();
            }
            "error" => self.error = Some(Code::lenient(value)),
            "warning" => self.warning = Some(Code::lenient(value)),
            "last_encountered_error_code" => self.last_error = Some(Code::lenient(value)),
            "meta_data_step" => self.step = Some(Code::lenient(value)),
            "last_encountered_error" | "meta_data" => self.set_nested(key, value),
            _ => {}
        }
    }

    /// An object as JSON text, or, for the error, its bare code.
    fn set_nested(&mut self, key: &str, value: &str) {
        match serde_json::from_str(value) {
            Ok(Value::Object(members)) => {
                for (name, member) in members {
                    if let Value::String(text) = member {
                        self.set(&format!("{key}_{name}"), &text);
                    }
                }
            }
            _ if key == "last_encountered_error" => self.last_error = Some(Code::lenient(value)),
            _ => {}
        }
    }
}

/// `meta_data[step]` and `meta_data.step` become `meta_data_step`.
fn flatten(key: &str) -> String {
    key.replace(['[', '.'], "_").replace(']', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "cb65f82c-dc93-4d3e-8270-9a27528397f5";

    fn check(query: &str, expected: Result<WidgetOutcome, InvalidLink>) {
        let url = url::Url::parse(&format!("https://a.example/{query}")).unwrap();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let pairs = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let outcome = WidgetOutcome::from_query(CallbackKind::Success, pairs.clone());
        assert_eq!(outcome, expected, "{query}");
        let elsewhere = WidgetOutcome::from_query(CallbackKind::Event, pairs);
        let link = query.contains("link=") && !query.contains("link=&");
        assert_eq!(elsewhere.is_err(), link, "{query}");
    }

    fn exit(code: Option<&str>, institution: Option<&str>, step: Option<&str>) -> WidgetOutcome {
        WidgetOutcome::Exit {
            code: code.map(Code::lenient),
            institution: institution.map(|name| InstitutionName::parse(name).unwrap()),
            step: step.map(Code::lenient),
        }
    }

    #[test]
    fn the_parameters_decide() {
        let success = |institution: Option<&str>| WidgetOutcome::Success {
            link: LinkId::parse(LINK).unwrap(),
            institution: institution.map(|name| InstitutionName::parse(name).unwrap()),
        };
        check(
            &format!("?link={LINK}&institution=ofmockbank_br_retail"),
            Ok(success(Some("ofmockbank_br_retail"))),
        );
        check(
            &format!("?institution=ofnubank_br_retail&link={LINK}&future_param=1"),
            Ok(success(Some("ofnubank_br_retail"))),
        );
        check(
            &format!("?link={LINK}&institution=%3Cscript%3E"),
            Ok(success(None)),
        );
        check("?link=1%27%20or%201=1", Err(InvalidLink));
        check(
            "?error=ACCESS_TOKEN_NOT_VALID&error_message=The%20token%20is%20not%20valid",
            Ok(WidgetOutcome::Error {
                code: Code::lenient("ACCESS_TOKEN_NOT_VALID"),
            }),
        );
        check(
            "?warning=institution_disabled&warning_message=It%20is%20down.",
            Ok(WidgetOutcome::Warning {
                code: Code::lenient("institution_disabled"),
            }),
        );
        check("", Ok(exit(None, None, None)));
        check("?link=&error=", Ok(exit(None, None, None)));
    }

    #[test]
    fn an_exit_is_read_in_every_way_it_is_written() {
        let full = exit(
            Some("login_error"),
            Some("ofitau_br_retail"),
            Some("abandon-survey"),
        );
        check(
            "?last_encountered_error_code=login_error&last_encountered_error_message=Invalid\
             &meta_data_institution_name=ofitau_br_retail&meta_data_step=abandon-survey",
            Ok(full.clone()),
        );
        check(
            "?last_encountered_error[code]=login_error&meta_data[step]=abandon-survey\
             &meta_data[institution_name]=ofitau_br_retail",
            Ok(full.clone()),
        );
        check(
            "?last_encountered_error=%7B%22code%22%3A%22login_error%22%7D&meta_data=%7B%22step%22%3A\
             %22abandon-survey%22%2C%22institution_name%22%3A%22ofitau_br_retail%22%7D",
            Ok(full),
        );
        check(
            "?last_encountered_error=login_error&meta_data=%7B%22step%22%3A%22abandon-survey%22%7D",
            Ok(exit(Some("login_error"), None, Some("abandon-survey"))),
        );
        check(
            "?meta_data_step=abandon-survey",
            Ok(exit(None, None, Some("abandon-survey"))),
        );
    }
}
