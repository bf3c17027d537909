//! The body of `POST /token`.

use domain::{AccessMode, InstitutionName, ReturnUrl, ReturnUrls};
use runtime::Problem;
use serde_json::Value;
use url::Url;

use crate::fields::Fields;
use crate::identity::Who;

/// An app offers its users fewer banks by name.
const MAX_INSTITUTIONS: usize = 50;

/// A valid request.
#[derive(Clone, Debug)]
pub(crate) struct TokenRequest {
    pub(crate) access_mode: AccessMode,
    pub(crate) institutions: Vec<InstitutionName>,
    pub(crate) callback: CallbackTarget,
    pub(crate) return_url: Option<ReturnUrl>,
    /// The link by which the bank's app opens the customer's app again (App2App).
    pub(crate) application_link: Option<Url>,
    pub(crate) who: Who,
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

impl TokenRequest {
    /// Reads a body. An empty one asks for the defaults. The problem names every field that is
    /// wrong.
    pub(crate) fn read(body: &[u8], return_urls: &ReturnUrls) -> Result<Self, Problem> {
        let mut fields = Fields::read(body)?;
        let request = Self {
            access_mode: fields.word(
                "access_mode",
                &[
                    ("single", AccessMode::Single),
                    ("recurrent", AccessMode::Recurrent),
                ],
            ),
            institutions: institutions(&mut fields),
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
            who: Who::read(&mut fields),
        };
        if request.callback == CallbackTarget::App && request.return_url.is_none() {
            fields.refuse("return_url", "is required with callback \"app\"");
        }
        fields.finish(Some(request))
    }
}

/// The bank's redirect carries a live token, so that it may only go to an address the customer
/// listed.
fn application_link(text: &str, return_urls: &ReturnUrls) -> Result<Url, String> {
    let listed = return_urls.allow(text).map_err(|rule| rule.to_string())?;
    Url::parse(listed.as_str())
        .ok()
        .filter(|url| url.scheme() == "https")
        .ok_or_else(|| "must be an https link that opens the app".to_owned())
}

fn institutions(fields: &mut Fields) -> Vec<InstitutionName> {
    let Some(value) = fields.take("institutions") else {
        return Vec::new();
    };
    let Value::Array(elements) = value else {
        fields.refuse("institutions", "must be an array");
        return Vec::new();
    };
    if elements.len() > MAX_INSTITUTIONS {
        fields.refuse(
            "institutions",
            format!("must have at most {MAX_INSTITUTIONS} elements"),
        );
        return Vec::new();
    }
    let mut names = Vec::new();
    for (position, element) in elements.iter().enumerate() {
        match InstitutionName::parse(element.as_str().unwrap_or_default()) {
            Ok(name) => names.push(name),
            Err(rule) => fields.refuse_element("institutions", position, rule),
        }
    }
    names
}
