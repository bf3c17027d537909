//! Whose request it is: fetches the key that the rule of `domain::principal` may need.

use aws_sdk_secretsmanager::Client as SecretsManager;
use domain::SigningKeys;

use crate::clock::Clock;
use crate::env::Env;
use crate::secret::Secret;

/// How a user's `external_id` follows from the claims, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalConfig {
    /// It is the value of a claim.
    Claim(String),
    /// It is derived from issuer and subject with the key in this secret. Changing that key would
    /// give every user a new id.
    Derived(String),
}

impl PrincipalConfig {
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
pub enum PrincipalSource {
    /// From a claim.
    Claim(String),
    /// From issuer and subject.
    Derived(Secret<SigningKeys>),
}

impl PrincipalSource {
    /// Prepares what the configuration asks for.
    pub fn new(config: &PrincipalConfig, secrets: &SecretsManager, clock: &Clock) -> Self {
        match config {
            PrincipalConfig::Claim(claim) => Self::Claim(claim.clone()),
            PrincipalConfig::Derived(secret) => {
                Self::Derived(Secret::signing(secrets, secret, clock))
            }
        }
    }
}
