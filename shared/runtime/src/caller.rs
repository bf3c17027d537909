//! Who the user is: the verified JWT's claims, and nothing else.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client as SecretsManager;
use domain::id::InvalidId;
use domain::key::Purpose;
use domain::{ExternalId, SigningKeys};

use crate::env::Env;
use crate::outside::Clock;
use crate::secret::{Secret, SecretError};

/// The claims API Gateway's JWT authorizer passes on, as text.
pub type Claims = HashMap<String, String>;

/// How a user's `external_id` follows from the claims, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerConfig {
    /// It is the value of a claim.
    Claim(String),
    /// It is made from issuer and subject with the key in this secret, for identity providers
    /// whose subjects Belvo would not accept (`auth0|…`) or are personal (an e-mail address).
    /// Changing that key would give every user a new id.
    Derived(String),
}

impl CallerConfig {
    /// Reads `EXTERNAL_ID_MODE`, `EXTERNAL_ID_CLAIM` and `EXTERNAL_ID_SECRET_ID`.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        match env.one_of("EXTERNAL_ID_MODE", &[("claim", false), ("derived", true)])? {
            true => env.text("EXTERNAL_ID_SECRET_ID").map(Self::Derived),
            false => env.text("EXTERNAL_ID_CLAIM").map(Self::Claim),
        }
    }
}

/// Says whose request it is.
#[derive(Debug)]
pub enum Caller {
    /// From a claim.
    Claim(String),
    /// From issuer and subject.
    Derived(Secret<SigningKeys>),
}

/// Why the claims do not say who the user is. Names the claim, not its value.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The claim is not in the token.
    #[error("the token has no claim {claim}")]
    Missing {
        /// Which claim.
        claim: String,
    },
    /// The claim cannot be an `external_id`.
    #[error("the claim {claim} {rule}")]
    Invalid {
        /// Which claim.
        claim: String,
        /// What it must be.
        rule: InvalidId,
    },
    /// The key ids are derived with cannot be read; the token is not at fault.
    #[error("the key of derived ids is not available")]
    Secret(#[from] SecretError),
}

impl Caller {
    /// Prepares what the configuration asks for.
    pub fn new(config: &CallerConfig, secrets: &SecretsManager, clock: &Clock) -> Self {
        match config {
            CallerConfig::Claim(claim) => Self::Claim(claim.clone()),
            CallerConfig::Derived(secret) => Self::Derived(Secret::signing(secrets, secret, clock)),
        }
    }

    /// The user of a request.
    pub async fn identify(&self, claims: &Claims) -> Result<ExternalId, CallerError> {
        let claim = |name: &str| {
            claims.get(name).ok_or_else(|| CallerError::Missing {
                claim: name.to_owned(),
            })
        };
        let (name, text) = match self {
            Self::Claim(name) => (name.as_str(), claim(name)?.clone()),
            Self::Derived(keys) => {
                let keys = keys.get().await?;
                ("sub", derive(claim("iss")?, claim("sub")?, &keys))
            }
        };
        ExternalId::parse(&text).map_err(|rule| CallerError::Invalid {
            claim: name.to_owned(),
            rule,
        })
    }
}

/// `u_` and 43 characters of base64url: always legal, and nobody's name.
fn derive(issuer: &str, subject: &str, keys: &SigningKeys) -> String {
    // The length keeps ("a", "bc") and ("ab", "c") apart.
    let message = format!("{}:{issuer}{subject}", issuer.len());
    format!("u_{}", keys.sign(Purpose::ExternalId, message.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_claim_is_taken_only_if_belvo_will_keep_it() {
        let caller = Caller::Claim("sub".to_owned());
        let check = async |sub: &str| {
            let claims = Claims::from([("sub".to_owned(), sub.to_owned())]);
            caller.identify(&claims).await
        };
        assert_eq!(check("user-1").await.unwrap().as_str(), "user-1");
        for bad in ["76109277673", "ana@example.com", "auth0|1", ""] {
            let error = check(bad).await.unwrap_err();
            assert!(matches!(&error, CallerError::Invalid { claim, .. } if claim == "sub"));
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
        let missing = caller.identify(&Claims::new()).await;
        assert!(matches!(missing, Err(CallerError::Missing { .. })));
    }

    #[test]
    fn a_derived_id_is_legal_stable_and_tells_users_apart() {
        let keys =
            SigningKeys::from_json(&format!(r#"{{"current":"{}"}}"#, "k".repeat(40))).unwrap();
        let id = |issuer: &str, subject: &str| {
            let text = derive(issuer, subject, &keys);
            ExternalId::parse(&text).unwrap()
        };
        assert_eq!(
            id("https://a", "ana@example.com"),
            id("https://a", "ana@example.com")
        );
        assert_ne!(
            id("https://a", "ana@example.com"),
            id("https://a", "rui@example.com")
        );
        assert_ne!(id("https://a", "bc"), id("https://ab", "c"));
        assert!(!id("https://a", "ana@example.com").as_str().contains("ana"));
    }
}
