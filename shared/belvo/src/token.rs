//! `POST /api/token/`: the token that opens the hosted widget.

use domain::{Identity, ResourceSet};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Belvo, BelvoError, Keys};

/// Exactly what Belvo's guide prints for creating a link.
const SCOPES: &str = "read_institutions,write_links,read_consents,write_consents,\
                      write_consent_callback,delete_consents";

/// The only set Belvo takes; others need its support team.
const PERMISSIONS: [&str; 4] = ["REGISTER", "ACCOUNTS", "CREDIT_CARDS", "CREDIT_OPERATIONS"];

/// What the widget should know: who consents to what, and how it looks.
#[derive(Clone, Copy, Debug)]
pub struct WidgetToken<'a> {
    /// Who consents.
    pub identity: &'a Identity,
    /// What Belvo retrieves.
    pub fetch_resources: &'a ResourceSet,
    /// How long Belvo keeps data of a link that is no longer updated, such as `365d`.
    pub stale_in: &'a str,
    /// Why the data is asked for, shown to the user.
    pub purpose: &'a str,
    /// The customer's terms and conditions.
    pub terms_and_conditions_url: &'a Url,
    /// The consent duration preselected in the widget; `None` preselects "Indeterminado".
    pub consent_duration: Option<ConsentDuration>,
    /// Where the widget sends the user.
    pub callback_urls: &'a CallbackUrls,
    /// The customer's name and logos.
    pub branding: &'a Branding,
    /// `LIGHT` or `DARK`; `None` leaves it to Belvo.
    pub color_scheme: Option<&'a str>,
    /// Brand colours.
    pub theme: &'a [ThemeEntry],
}

/// The durations the widget offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u16")]
pub enum ConsentDuration {
    /// 92 days.
    ThreeMonths,
    /// 183 days.
    SixMonths,
    /// 275 days.
    NineMonths,
    /// 366 days.
    TwelveMonths,
}

impl From<ConsentDuration> for u16 {
    fn from(duration: ConsentDuration) -> u16 {
        match duration {
            ConsentDuration::ThreeMonths => 92,
            ConsentDuration::SixMonths => 183,
            ConsentDuration::NineMonths => 275,
            ConsentDuration::TwelveMonths => 366,
        }
    }
}

/// Where the widget sends the user.
#[derive(Clone, Debug, Serialize)]
pub struct CallbackUrls {
    /// After a link was created.
    pub success: Url,
    /// After the user left.
    pub exit: Url,
    /// After an error or warning.
    pub event: Url,
    /// Where the bank's app returns to in App2App; an https link that opens the customer's app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_link: Option<Url>,
}

/// How the widget presents the customer.
#[derive(Clone, Debug, Serialize)]
pub struct Branding {
    /// Square SVG.
    pub company_icon: Url,
    /// Horizontal SVG.
    pub company_logo: Url,
    /// The customer's name.
    pub company_name: String,
    /// Terms linked in the widget.
    pub company_terms_url: Url,
    /// `#` and six hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay_background_color: Option<String>,
    /// Whether the widget says how many accounts Belvo has connected.
    pub social_proof: bool,
}

/// One colour of the widget, as Belvo's branding guide names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThemeEntry {
    /// Such as `--color-primary-base`.
    pub css_key: String,
    /// Such as `#0663F9`.
    pub value: String,
}

/// A token for the browser: lives 10 minutes, serves one connection.
#[derive(Clone, Debug)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// The token itself, for the one user it was minted for.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Belvo {
    /// Mints a token for Belvo's hosted widget.
    ///
    /// Belvo also answers a refresh token that lives for years; it is dropped unread.
    pub async fn create_widget_token(
        &self,
        token: &WidgetToken<'_>,
    ) -> Result<AccessToken, BelvoError> {
        #[derive(Deserialize)]
        struct Answer {
            access: SecretString,
        }
        let url = self.url(["api", "token"]);
        let body = |keys: &Keys| {
            let body = serde_json::to_vec(&Body::new(token, keys));
            let body = body.map_err(|_| BelvoError::Unexpected { what: "a request" })?;
            Ok(body.into())
        };
        let answer: Answer = self.post(&url, body, "a token").await?;
        Ok(AccessToken(answer.access))
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    password: &'a str,
    scopes: &'static str,
    stale_in: &'a str,
    fetch_resources: &'a ResourceSet,
    widget: Widget<'a>,
}

#[derive(Serialize)]
struct Widget<'a> {
    purpose: &'a str,
    openfinance_feature: &'static str,
    callback_urls: &'a CallbackUrls,
    consent: Consent<'a>,
    branding: &'a Branding,
    #[serde(skip_serializing_if = "Option::is_none")]
    color_scheme: Option<&'a str>,
    theme: &'a [ThemeEntry],
}

#[derive(Serialize)]
struct Consent<'a> {
    /// The guide shows the purpose beside the consent, the schema wants it inside: both get it.
    purpose: &'a str,
    terms_and_conditions_url: &'a Url,
    permissions: [&'static str; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    default_consent_duration_days: Option<ConsentDuration>,
    identification_info: Vec<Identification<'a>>,
}

#[derive(Serialize)]
struct Identification<'a> {
    #[serde(rename = "type")]
    document: &'static str,
    /// Always text: leading zeros matter.
    number: &'a str,
    name: &'a str,
}

impl<'a> Body<'a> {
    fn new(token: &WidgetToken<'a>, keys: &'a Keys) -> Self {
        Self {
            id: &keys.id,
            password: keys.password.expose_secret(),
            scopes: SCOPES,
            stale_in: token.stale_in,
            fetch_resources: token.fetch_resources,
            widget: Widget {
                purpose: token.purpose,
                openfinance_feature: "consent_link_creation",
                callback_urls: token.callback_urls,
                consent: Consent {
                    purpose: token.purpose,
                    terms_and_conditions_url: token.terms_and_conditions_url,
                    permissions: PERMISSIONS,
                    default_consent_duration_days: token.consent_duration,
                    identification_info: identification(token.identity),
                },
                branding: token.branding,
                color_scheme: token.color_scheme,
                theme: token.theme,
            },
        }
    }
}

/// The person first, then the company the person acts for.
fn identification(identity: &Identity) -> Vec<Identification<'_>> {
    let person = Identification {
        document: "CPF",
        number: identity.person.cpf.digits(),
        name: identity.person.name.as_written(),
    };
    let company = identity.company.as_ref().map(|company| Identification {
        document: "CNPJ",
        number: company.cnpj.characters(),
        name: company.name.as_written(),
    });
    std::iter::once(person).chain(company).collect()
}
