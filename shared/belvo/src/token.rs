//! `POST /api/token/`: what the tokens of the widget and of the portal have in common.

use domain::Identity;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Belvo, BelvoError, Keys};

/// The only set Belvo takes; others need its support team.
const PERMISSIONS: [&str; 4] = ["REGISTER", "ACCOUNTS", "CREDIT_CARDS", "CREDIT_OPERATIONS"];

/// A token for the browser: lives 10 minutes, serves one connection or one visit to the portal.
#[derive(Clone, Debug)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// The token itself, for the one user it was minted for.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Belvo {
    /// Mints a token.
    ///
    /// Belvo's answer also holds a refresh token that lives for years. It is dropped unread.
    pub(crate) async fn mint(&self, request: &impl Serialize) -> Result<AccessToken, BelvoError> {
        #[derive(Serialize)]
        struct WithKeys<'a, T> {
            id: &'a str,
            password: &'a str,
            #[serde(flatten)]
            request: &'a T,
        }
        #[derive(Deserialize)]
        struct Answer {
            access: SecretString,
        }
        let url = self.url(["api", "token"]);
        let body = |keys: &Keys| {
            let body = serde_json::to_vec(&WithKeys {
                id: &keys.id,
                password: keys.password.expose_secret(),
                request,
            });
            let body = body.map_err(|_| BelvoError::Unexpected { what: "a request" })?;
            Ok(body.into())
        };
        let answer: Answer = self.post(&url, body, "a token").await?;
        Ok(AccessToken(answer.access))
    }
}

/// The person and the company who consent, the permissions, and the terms.
#[derive(Serialize)]
pub(crate) struct Terms<'a> {
    terms_and_conditions_url: &'a Url,
    permissions: [&'static str; 4],
    identification_info: Vec<Identification<'a>>,
}

#[derive(Serialize)]
struct Identification<'a> {
    #[serde(rename = "type")]
    document: &'static str,
    /// Text, because leading zeros matter.
    number: &'a str,
    name: &'a str,
}

impl<'a> Terms<'a> {
    pub(crate) fn new(identity: &'a Identity, terms_and_conditions_url: &'a Url) -> Self {
        Self {
            terms_and_conditions_url,
            permissions: PERMISSIONS,
            identification_info: identification(identity),
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
