//! The secrets to present: Belvo's keys, the webhook's value, the tokens of two test users.

use anyhow::anyhow;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

/// All secrets. A missing one fails the items that need it.
#[derive(Default)]
pub struct Secrets {
    /// Belvo's API keys.
    pub belvo: Option<BelvoKeys>,
    /// The `Authorization` of webhooks.
    pub webhook: Option<SecretString>,
    /// A person's user.
    pub individual: TestUser,
    /// The user of a person who acts for a company.
    pub company: TestUser,
    /// An access token of the same issuer that is not for this API.
    pub foreign: Option<SecretString>,
}

/// The form of the Belvo secret.
#[derive(Deserialize)]
pub struct BelvoKeys {
    /// Belvo's `secretId`.
    pub id: String,
    /// Belvo's `secretPassword`.
    pub password: SecretString,
}

/// A user of the app, for tests only.
#[derive(Default)]
pub struct TestUser {
    /// An access token for this API.
    pub jwt: Option<SecretString>,
    /// The user's identification, for a `POST /token` that expects it in the body.
    pub identification: Option<Map<String, Value>>,
}

/// The form of the webhook secret.
#[derive(Deserialize)]
struct WebhookSecret {
    current: SecretString,
}

impl Secrets {
    /// Reads all secrets from the environment. An error names the variable and repeats none of its
    /// content.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let text = |name: &str| {
            let text = variable(name)?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let user = |jwt: &str, identification: &str| {
            anyhow::Ok(TestUser {
                jwt: text(jwt).map(SecretString::from),
                identification: json(identification, text(identification), "{\"cpf\", …}")?,
            })
        };
        let webhook: Option<WebhookSecret> =
            json("WEBHOOK_SECRET", text("WEBHOOK_SECRET"), "{\"current\"}")?;
        Ok(Self {
            belvo: json(
                "BELVO_SECRET",
                text("BELVO_SECRET"),
                "{\"id\", \"password\"}",
            )?,
            webhook: webhook.map(|it| it.current),
            individual: user("INDIVIDUAL_JWT", "INDIVIDUAL_IDENTIFICATION")?,
            company: user("COMPANY_JWT", "COMPANY_IDENTIFICATION")?,
            foreign: text("FOREIGN_JWT").map(SecretString::from),
        })
    }
}

fn json<T: for<'a> Deserialize<'a>>(
    name: &str,
    text: Option<String>,
    form: &str,
) -> anyhow::Result<Option<T>> {
    let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
    // The cause would repeat part of the value.
    parsed.map_err(|_| anyhow!("{name} must be JSON of the form {form}"))
}
