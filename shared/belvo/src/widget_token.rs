//! The token that opens the hosted widget, which makes a link.

use domain::{Identity, ResourceSet};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::token::{AccessToken, Terms};
use crate::{Belvo, BelvoError};

/// Exactly what Belvo's guide prints for creating a link.
const SCOPES: &str = "read_institutions,write_links,read_consents,write_consents,\
                      write_consent_callback,delete_consents";

/// The settings of one visit to the widget: the identity, the consent and the branding.
#[derive(Clone, Copy, Debug)]
pub struct WidgetToken<'a> {
    pub identity: &'a Identity,
    /// The resources Belvo retrieves.
    pub fetch_resources: &'a ResourceSet,
    /// How long Belvo keeps data of a link that is no longer updated, such as `365d`.
    pub stale_in: &'a str,
    /// Why the customer asks for the data; the widget shows it to the user.
    pub purpose: &'a str,
    pub terms_and_conditions_url: &'a Url,
    /// The consent duration preselected in the widget; `None` preselects "Indeterminado".
    pub consent_duration: Option<ConsentDuration>,
    pub callback_urls: &'a CallbackUrls,
    pub branding: &'a Branding,
    /// `LIGHT` or `DARK`; `None` takes Belvo's default.
    pub color_scheme: Option<&'a str>,
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

/// The addresses the widget sends the user to.
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
    pub company_name: String,
    pub company_terms_url: Url,
    /// `#` and six hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay_background_color: Option<String>,
    /// Whether the widget shows how many accounts Belvo has connected.
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

impl Belvo {
    /// Mints a token for Belvo's hosted widget.
    pub async fn create_widget_token(
        &self,
        token: &WidgetToken<'_>,
    ) -> Result<AccessToken, BelvoError> {
        self.mint(&Request::new(token)).await
    }
}

#[derive(Serialize)]
struct Request<'a> {
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
    /// The guide shows the purpose beside the consent, the schema wants it inside. Both places have
    /// it.
    purpose: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_consent_duration_days: Option<ConsentDuration>,
    #[serde(flatten)]
    terms: Terms<'a>,
}

impl<'a> Request<'a> {
    fn new(token: &WidgetToken<'a>) -> Self {
        Self {
            scopes: SCOPES,
            stale_in: token.stale_in,
            fetch_resources: token.fetch_resources,
            widget: Widget {
                purpose: token.purpose,
                openfinance_feature: "consent_link_creation",
                callback_urls: token.callback_urls,
                consent: Consent {
                    purpose: token.purpose,
                    default_consent_duration_days: token.consent_duration,
                    terms: Terms::new(token.identity, token.terms_and_conditions_url),
                },
                branding: token.branding,
                color_scheme: token.color_scheme,
                theme: token.theme,
            },
        }
    }
}
