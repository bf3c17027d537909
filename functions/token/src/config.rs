//! The function's variables: widget, portal, users and caps.

use belvo::{Branding, ConsentDuration, ThemeEntry};
use domain::{ResourceSet, ReturnUrls};
use runtime::{Env, InvalidConfig, PrincipalConfig, flag, https_url, page_url, service_url};
use url::Url;

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BELVO_ENV`: whether Belvo's sandbox company is accepted.
    pub sandbox: bool,
    /// `BELVO_BASE_URL`: where Belvo's API is.
    pub belvo_base_url: Url,
    /// `BELVO_SECRET_ID`: the secret with Belvo's keys.
    pub belvo_secret_id: String,
    /// `SESSION_SECRET_ID`: the secret with the keys that sign sessions.
    pub session_secret_id: String,
    /// `QUEUE_URL`: where jobs go.
    pub queue_url: String,
    /// `CONNECTION_TABLE`: where attempts are counted.
    pub connection_table: String,
    /// `LINK_TABLE`: where links and consents are.
    pub link_table: String,
    /// `PORTAL_URL`: My Belvo Portal, as everybody opens it.
    pub portal_url: Url,
    /// `PUBLIC_URL`: the address of this API. Without it, the domain name of the request counts.
    pub public_url: Option<Url>,
    /// `EXTERNAL_ID_MODE`, `EXTERNAL_ID_CLAIM`, `EXTERNAL_ID_SECRET_ID`: who the user is.
    pub principal: PrincipalConfig,
    /// `IDENTITY_SOURCE` and the claims: where CPF, CNPJ and names come from.
    pub identity_source: IdentitySource,
    /// `RETURN_URLS`: where users may be sent back to.
    pub return_urls: ReturnUrls,
    /// `ATTEMPTS_PER_USER_PER_HOUR`.
    pub attempts_per_user: u32,
    /// `ATTEMPTS_PER_DOCUMENT_PER_HOUR`.
    pub attempts_per_document: u32,
    pub widget: WidgetConfig,
}

/// Where CPF, CNPJ and names come from.
#[derive(Clone, Debug)]
pub enum IdentitySource {
    /// From claims of the verified token.
    Claims(ClaimNames),
    /// From the request's body.
    Body,
}

/// `CPF_CLAIM`, `NAME_CLAIM`, `CNPJ_CLAIM`, `COMPANY_NAME_CLAIM`.
#[derive(Clone, Debug)]
pub struct ClaimNames {
    pub cpf: String,
    pub name: String,
    pub cnpj: String,
    pub company_name: String,
}

/// How the widget presents the customer.
#[derive(Clone, Debug)]
pub struct WidgetConfig {
    /// `WIDGET_URL`.
    pub url: Url,
    /// `WIDGET_PARAMETERS`: the query of every widget URL.
    pub parameters: Vec<(String, String)>,
    /// `FETCH_RESOURCES`.
    pub fetch_resources: ResourceSet,
    /// `STALE_IN`.
    pub stale_in: String,
    /// `PURPOSE`.
    pub purpose: String,
    /// `TERMS_AND_CONDITIONS_URL`.
    pub terms_and_conditions_url: Url,
    /// `CONSENT_DURATION_DAYS`.
    pub consent_duration: Option<ConsentDuration>,
    /// `COMPANY_…`, `OVERLAY_BACKGROUND_COLOR`, `SOCIAL_PROOF`.
    pub branding: Branding,
    /// `COLOR_SCHEME`.
    pub color_scheme: Option<&'static str>,
    /// `THEME`.
    pub theme: Vec<ThemeEntry>,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let sandbox = env.one_of("BELVO_ENV", &[("sandbox", true), ("production", false)]);
        let belvo_base_url = env.parsed("BELVO_BASE_URL", service_url);
        let belvo_secret_id = env.text("BELVO_SECRET_ID");
        let session_secret_id = env.text("SESSION_SECRET_ID");
        let queue_url = env.text("QUEUE_URL");
        let connection_table = env.text("CONNECTION_TABLE");
        let link_table = env.text("LINK_TABLE");
        let portal_url = env.parsed("PORTAL_URL", page_url);
        let public_url = env.parsed_if_set("PUBLIC_URL", service_url);
        let principal = PrincipalConfig::from_env(&mut env);
        let identity_source = IdentitySource::from_env(&mut env);
        let return_urls = env.parsed("RETURN_URLS", ReturnUrls::parse);
        let attempts_per_user = env.parsed("ATTEMPTS_PER_USER_PER_HOUR", cap);
        let attempts_per_document = env.parsed("ATTEMPTS_PER_DOCUMENT_PER_HOUR", cap);
        let widget = WidgetConfig::from_env(&mut env);
        env.finish(|| {
            Some(Self {
                sandbox: sandbox?,
                belvo_base_url: belvo_base_url?,
                belvo_secret_id: belvo_secret_id?,
                session_secret_id: session_secret_id?,
                queue_url: queue_url?,
                connection_table: connection_table?,
                link_table: link_table?,
                portal_url: portal_url?,
                public_url: public_url?,
                principal: principal?,
                identity_source: identity_source?,
                return_urls: return_urls?,
                attempts_per_user: attempts_per_user?,
                attempts_per_document: attempts_per_document?,
                widget: widget?,
            })
        })
    }
}

impl Config {
    /// Whether a link is served only once the app has posted the proof that its user came back.
    pub(crate) fn proof_wanted(&self) -> bool {
        matches!(self.identity_source, IdentitySource::Body)
    }
}

impl IdentitySource {
    fn from_env(env: &mut Env) -> Option<Self> {
        if env.one_of("IDENTITY_SOURCE", &[("claims", false), ("body", true)])? {
            return Some(Self::Body);
        }
        let names = [
            env.text("CPF_CLAIM"),
            env.text("NAME_CLAIM"),
            env.text("CNPJ_CLAIM"),
            env.text("COMPANY_NAME_CLAIM"),
        ];
        let [cpf, name, cnpj, company_name] = names;
        Some(Self::Claims(ClaimNames {
            cpf: cpf?,
            name: name?,
            cnpj: cnpj?,
            company_name: company_name?,
        }))
    }
}

impl WidgetConfig {
    fn from_env(env: &mut Env) -> Option<Self> {
        let url = env.parsed("WIDGET_URL", service_url);
        let parameters = env.parsed("WIDGET_PARAMETERS", widget_parameters);
        let fetch_resources = env.parsed("FETCH_RESOURCES", ResourceSet::parse);
        let stale_in = env.parsed("STALE_IN", stale_in);
        let purpose = env.parsed("PURPOSE", purpose);
        let terms = env.parsed("TERMS_AND_CONDITIONS_URL", https_url);
        let duration = env.parsed_if_set("CONSENT_DURATION_DAYS", consent_duration);
        let icon = env.parsed("COMPANY_ICON_URL", https_url);
        let logo = env.parsed("COMPANY_LOGO_URL", https_url);
        let company_name = env.text("COMPANY_NAME");
        let company_terms = env.parsed("COMPANY_TERMS_URL", https_url);
        let overlay = env.parsed_if_set("OVERLAY_BACKGROUND_COLOR", colour);
        let social_proof = env.parsed("SOCIAL_PROOF", flag);
        let color_scheme = env.parsed_if_set("COLOR_SCHEME", color_scheme);
        let theme = env.parsed_if_set("THEME", theme);
        Some(Self {
            url: url?,
            parameters: parameters?,
            fetch_resources: fetch_resources?,
            stale_in: stale_in?,
            purpose: purpose?,
            terms_and_conditions_url: terms?,
            consent_duration: duration?,
            branding: Branding {
                company_icon: icon?,
                company_logo: logo?,
                company_name: company_name?,
                company_terms_url: company_terms?,
                overlay_background_color: overlay?,
                social_proof: social_proof?,
            },
            color_scheme: color_scheme?,
            theme: theme?.unwrap_or_default(),
        })
    }
}

fn cap(text: &str) -> Result<u32, &'static str> {
    let cap = text.parse().ok().filter(|cap| *cap > 0);
    cap.ok_or("must be a number of at least 1")
}

/// The widget's own parameters (Belvo: "Startup configuration"). Token, user and access mode are set
/// by the code.
fn widget_parameters(text: &str) -> Result<Vec<(String, String)>, String> {
    const KNOWN: [&str; 8] = [
        "mode",
        "locale",
        "institution_types",
        "country_codes",
        "links",
        "integration_type",
        "show_close_dialog",
        "show_abandon_survey",
    ];
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    if !pairs.iter().all(|(name, _)| KNOWN.contains(&name.as_str())) {
        return Err(format!("must only set {}", KNOWN.join(", ")));
    }
    let values = |wanted: &str| pairs.iter().filter(|(name, _)| name == wanted).count();
    if pairs.iter().any(|(name, _)| values(name) > 1) {
        return Err("must not set anything twice".to_owned());
    }
    // The widget speaks Spanish by default.
    match pairs.contains(&("locale".to_owned(), "pt".to_owned())) {
        true => Ok(pairs),
        false => Err("must set locale=pt".to_owned()),
    }
}

fn stale_in(text: &str) -> Result<String, &'static str> {
    let days = text
        .strip_suffix('d')
        .filter(|days| !days.starts_with(['+', '0']));
    match days.and_then(|days| days.parse::<u16>().ok()) {
        Some(1..=365) => Ok(text.to_owned()),
        _ => Err("must be 1d to 365d"),
    }
}

/// Belvo's guide allows 600 characters. The schema says 140, but its own sample is longer.
fn purpose(text: &str) -> Result<String, &'static str> {
    match text.chars().count() {
        1..=600 => Ok(text.to_owned()),
        _ => Err("must have at most 600 characters"),
    }
}

fn consent_duration(text: &str) -> Result<ConsentDuration, &'static str> {
    match text {
        "92" => Ok(ConsentDuration::ThreeMonths),
        "183" => Ok(ConsentDuration::SixMonths),
        "275" => Ok(ConsentDuration::NineMonths),
        "366" => Ok(ConsentDuration::TwelveMonths),
        _ => Err("must be 92, 183, 275 or 366"),
    }
}

fn colour(text: &str) -> Result<String, &'static str> {
    let hex = text.strip_prefix('#').filter(|hex| hex.len() == 6);
    match hex.map(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        Some(true) => Ok(text.to_owned()),
        _ => Err("must be # and six hex digits"),
    }
}

fn color_scheme(text: &str) -> Result<&'static str, &'static str> {
    match text {
        "LIGHT" => Ok("LIGHT"),
        "DARK" => Ok("DARK"),
        _ => Err("must be LIGHT or DARK"),
    }
}

fn theme(text: &str) -> Result<Vec<ThemeEntry>, &'static str> {
    let entries: Option<Vec<ThemeEntry>> = serde_json::from_str(text).ok();
    entries
        .filter(|entries| entries.iter().all(|entry| entry.css_key.starts_with("--")))
        .ok_or(r#"must be JSON of the form [{"css_key":"--…","value":"…"}]"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Vec<(&'static str, &'static str)> {
        vec![
            ("BELVO_ENV", "sandbox"),
            ("BELVO_BASE_URL", "https://sandbox.belvo.com"),
            ("BELVO_SECRET_ID", "belvo"),
            ("SESSION_SECRET_ID", "session"),
            ("EXTERNAL_ID_SECRET_ID", ""),
            ("QUEUE_URL", "https://sqs/queue.fifo"),
            ("CONNECTION_TABLE", "connections"),
            ("LINK_TABLE", "links"),
            ("PORTAL_URL", "https://meuportal.belvo.com/?mode=landing"),
            ("PUBLIC_URL", ""),
            ("EXTERNAL_ID_MODE", "claim"),
            ("EXTERNAL_ID_CLAIM", "sub"),
            ("IDENTITY_SOURCE", "claims"),
            ("CPF_CLAIM", "cpf"),
            ("NAME_CLAIM", "name"),
            ("CNPJ_CLAIM", "cnpj"),
            ("COMPANY_NAME_CLAIM", "company_name"),
            ("RETURN_URLS", "https://app.example.com/done"),
            ("ATTEMPTS_PER_USER_PER_HOUR", "10"),
            ("ATTEMPTS_PER_DOCUMENT_PER_HOUR", "10"),
            ("WIDGET_URL", "https://widget.belvo.io/"),
            ("WIDGET_PARAMETERS", "mode=webapp&locale=pt"),
            ("FETCH_RESOURCES", "OWNERS"),
            ("STALE_IN", "365d"),
            ("CONSENT_DURATION_DAYS", ""),
            ("PURPOSE", "Análise"),
            ("TERMS_AND_CONDITIONS_URL", "https://www.example.com/termos"),
            ("COMPANY_TERMS_URL", "https://www.example.com/termos"),
            ("COMPANY_ICON_URL", "https://www.example.com/icon.svg"),
            ("COMPANY_LOGO_URL", "https://www.example.com/logo.svg"),
            ("COMPANY_NAME", "ACME"),
            ("OVERLAY_BACKGROUND_COLOR", ""),
            ("SOCIAL_PROOF", "true"),
            ("COLOR_SCHEME", ""),
            ("THEME", "[]"),
        ]
    }

    fn config(changes: &[(&'static str, &'static str)]) -> Result<Config, InvalidConfig> {
        let all = variables().into_iter().chain(changes.iter().copied());
        Config::from_env(Env::new(all.map(|(k, v)| (k.to_owned(), v.to_owned()))))
    }

    #[test]
    fn the_templates_defaults_are_a_configuration() {
        config(&[]).unwrap();
    }

    #[test]
    fn the_widget_speaks_portuguese_and_takes_only_its_own_parameters() {
        for (text, good) in [
            ("locale=pt", true),
            ("locale=pt&country_codes=BR&show_close_dialog=false", true),
            ("locale=es", false),
            ("locale=pt&locale=es", false),
            ("locale=pt&access_token=x", false),
            ("locale=pt&external_id=x", false),
        ] {
            assert_eq!(widget_parameters(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mistakes = [
            ("BELVO_ENV", "staging"),
            ("BELVO_BASE_URL", "http://api.belvo.com"),
            ("QUEUE_URL", ""),
            ("PORTAL_URL", "http://meuportal.belvo.com/"),
            ("PUBLIC_URL", "ftp://x"),
            ("RETURN_URLS", "javascript:alert(1)"),
            ("ATTEMPTS_PER_USER_PER_HOUR", "0"),
            ("WIDGET_PARAMETERS", "mode=webapp"),
            ("FETCH_RESOURCES", "INCOMES"),
            ("STALE_IN", "366d"),
            ("CONSENT_DURATION_DAYS", "93"),
            ("COMPANY_ICON_URL", "icon.svg"),
            ("OVERLAY_BACKGROUND_COLOR", "red"),
            ("SOCIAL_PROOF", "yes"),
            ("COLOR_SCHEME", "light"),
            ("THEME", "{}"),
            ("CPF_CLAIM", ""),
        ];
        let message = config(&mistakes).unwrap_err().to_string();
        for (name, _) in mistakes {
            assert!(message.contains(name), "{name} is not named in: {message}");
        }
    }
}
