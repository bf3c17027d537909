//! Access tokens: purpose and lifetime.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::random::Seed;

/// The documented lifetime. The `exp` claim is twice as late, as in Belvo's samples.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
const CLAIMED_SECONDS: i64 = 1_200;
const REFRESH_CLAIMED_SECONDS: i64 = 7_200 * 86_400;

#[derive(Debug, Clone)]
pub struct Token {
    pub use_: Use,
    /// The person's CPF and name.
    pub person: (String, String),
    /// The company's CNPJ and name.
    pub company: Option<(String, String)>,
    pub minted_at: Timestamp,
    /// Whether a link was made with it.
    pub used: bool,
}

/// The purpose of a token.
#[derive(Debug, Clone)]
pub enum Use {
    Creation(Box<Creation>),
    Management,
}

/// The part of a token request that the widget needs.
#[derive(Debug, Clone)]
pub struct Creation {
    pub fetch_resources: Vec<String>,
    /// Belvo's `stale_in`.
    pub stale_in: String,
    /// Redirect after success.
    pub success: Url,
    /// Redirect after the user leaves.
    pub exit: Url,
    /// Redirect after an error or a warning.
    pub event: Url,
    /// The address to which the bank returns the user in the App2App flow.
    pub application_link: Option<Url>,
    /// The customer's company name.
    pub company_name: String,
    /// The customer's purpose for the data.
    pub purpose: String,
    /// The preselected duration of the consent, in days.
    pub duration: Option<i64>,
}

impl Token {
    /// Whether the token can still be used.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        !self.used && now.duration_since(self.minted_at) < LIFE
    }

    /// Document and name of the account holder: the company if there is one.
    pub fn document(&self) -> &(String, String) {
        self.company.as_ref().unwrap_or(&self.person)
    }

    /// CPF, and CNPJ if there is one.
    pub fn documents(&self) -> Vec<String> {
        let company = self.company.iter().map(|(document, _)| document.clone());
        std::iter::once(self.person.0.clone())
            .chain(company)
            .collect()
    }
}

/// Belvo's answer: `refresh` and `access`, with claims as in its samples and a fake signature.
pub fn write(token: &Token, scopes: &str, seed: Seed) -> (String, String) {
    let jwt = |kind: &str, seconds: i64| {
        let issued = token.minted_at.as_second();
        let mut claims = json!({
            "token_type": kind,
            "exp": issued + seconds,
            "iat": issued,
            "jti": seed.child(kind).hex(),
            "user_id": "bcef7f35-67f2-4b19-b009-cb38795faf09",
            "organization_name": "Sandbox",
            "organization_id": "6a1b3b46-5d2e-4f0b-9d53-0f0c2a6c8a11",
            "scopes": scopes.split(',').collect::<Vec<_>>(),
            "environment": "sandbox",
            "api_url": "sandbox.belvo.com",
            "iss": "sandbox.belvo.com",
        });
        if let Use::Creation(creation) = &token.use_ {
            claims["credentials_storage"] = Value::Null;
            claims["stale_in"] = creation.stale_in.as_str().into();
            claims["fetch_resources"] = creation.fetch_resources.as_slice().into();
        }
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        // As long as an HS512 signature, and random, so that claims alone do not make a token.
        let signature: Vec<u8> = (0..8)
            .flat_map(|part| {
                seed.child(kind)
                    .child("signature")
                    .at(part)
                    .number()
                    .to_be_bytes()
            })
            .collect();
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    (
        jwt("refresh", REFRESH_CLAIMED_SECONDS),
        jwt("access", CLAIMED_SECONDS),
    )
}
