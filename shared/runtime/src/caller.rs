//! Who the user is: the verified JWT's claims, and nothing else.

use std::collections::HashMap;

use domain::key::Purpose;
use domain::{ExternalId, SigningKeys};

use crate::env::Env;

/// The claims API Gateway's JWT authorizer passes on, as text.
pub type Claims = HashMap<String, String>;

/// How a user's `external_id` follows from the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// It is the value of a claim.
    Claim(String),
    /// It is made from issuer and subject with the secret of this id, for identity providers
    /// whose subjects Belvo would not accept (`auth0|…`) or are personal (an e-mail address).
    Derived {
        /// The secret with the key. Changing that key would give every user a new id.
        secret_id: String,
    },
}

/// Why the claims do not say who the user is. Names the claim, not its value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
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
        rule: String,
    },
}

impl Caller {
    /// Reads `EXTERNAL_ID_MODE`, `EXTERNAL_ID_CLAIM` and `EXTERNAL_ID_SECRET_ID`.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        if env.one_of("EXTERNAL_ID_MODE", &[("claim", false), ("derived", true)])? {
            let secret_id = env.text("EXTERNAL_ID_SECRET_ID")?;
            return Some(Self::Derived { secret_id });
        }
        env.text("EXTERNAL_ID_CLAIM").map(Self::Claim)
    }

    /// The user of a request. `keys` are those of the derived mode's secret.
    pub fn identify(
        &self,
        claims: &Claims,
        keys: Option<&SigningKeys>,
    ) -> Result<ExternalId, CallerError> {
        let claim = |name: &str| {
            claims.get(name).ok_or_else(|| CallerError::Missing {
                claim: name.to_owned(),
            })
        };
        let (name, text) = match (self, keys) {
            (Self::Claim(name), _) => (name.as_str(), claim(name)?.clone()),
            (Self::Derived { .. }, Some(keys)) => {
                ("sub", derive(claim("iss")?, claim("sub")?, keys))
            }
            (Self::Derived { secret_id }, None) => {
                return Err(CallerError::Missing {
                    claim: secret_id.clone(),
                });
            }
        };
        ExternalId::parse(&text).map_err(|rule| CallerError::Invalid {
            claim: name.to_owned(),
            rule: rule.to_string(),
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

    fn claims(pairs: &[(&str, &str)]) -> Claims {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_claim_is_taken_only_if_belvo_will_keep_it() {
        let caller = Caller::Claim("sub".to_owned());
        let check = |sub: &str| caller.identify(&claims(&[("sub", sub)]), None);
        assert_eq!(check("user-1").unwrap().as_str(), "user-1");
        for bad in ["76109277673", "ana@example.com", "auth0|1", ""] {
            let error = check(bad).unwrap_err();
            assert!(matches!(&error, CallerError::Invalid { claim, .. } if claim == "sub"));
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
        assert!(matches!(
            caller.identify(&claims(&[]), None),
            Err(CallerError::Missing { .. })
        ));
    }

    #[test]
    fn a_derived_id_is_legal_stable_and_tells_users_apart() {
        let keys =
            SigningKeys::from_json(&format!(r#"{{"current":"{}"}}"#, "k".repeat(40))).unwrap();
        let caller = Caller::Derived {
            secret_id: "s".to_owned(),
        };
        let id = |iss: &str, sub: &str| {
            let claims = claims(&[("iss", iss), ("sub", sub)]);
            caller.identify(&claims, Some(&keys)).unwrap()
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
