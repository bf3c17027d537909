//! Whose request it is: the verified token's claims say so, and nothing else does.
//!
//! Everything of a user is read through a [`UserScope`]. It is a capability: it cannot be parsed,
//! deserialized or converted from an [`ExternalId`], so the id that stands on a stored record opens
//! nothing.

use std::collections::HashMap;

use crate::id::{ExternalId, InvalidId};
use crate::key::{Purpose, SigningKeys};

/// The claims of a token that API Gateway's JWT authorizer has verified, as text.
pub type Claims = HashMap<String, String>;

/// The right to read what belongs to one user.
///
/// ```compile_fail
/// let user = domain::ExternalId::parse("user-1").unwrap();
/// let scope = domain::UserScope(user);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserScope(ExternalId);

/// Why claims do not say who the user is. Names the claim, not its value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPrincipal {
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
}

impl UserScope {
    /// The user whose `external_id` is the value of this claim.
    ///
    /// # Errors
    /// When the token lacks the claim, or its value cannot be an `external_id`.
    pub fn from_claim(claims: &Claims, claim: &str) -> Result<Self, NoPrincipal> {
        let external_id =
            ExternalId::parse(value(claims, claim)?).map_err(|rule| NoPrincipal::Invalid {
                claim: claim.to_owned(),
                rule,
            })?;
        Ok(Self(external_id))
    }

    /// Whether the user whose `external_id` is the value of this claim may connect a bank. One whose id
    /// Belvo would drop may not; if they have connected one before, they see and erase it all the same.
    ///
    /// # Errors
    /// What the claim must be.
    pub fn may_connect(&self, claim: &str) -> Result<(), NoPrincipal> {
        let kept = ExternalId::of_user(&self.0.to_string());
        kept.map(|_| ()).map_err(|rule| NoPrincipal::Invalid {
            claim: claim.to_owned(),
            rule,
        })
    }

    /// The user whose `external_id` is derived from issuer and subject, for identity providers
    /// whose subjects Belvo would not accept (`auth0|…`) or are personal (an e-mail address).
    ///
    /// The id is `u_` and 43 characters of base64url: always legal, and it names no person. Another
    /// key, or another issuer, gives every user another id.
    ///
    /// # Errors
    /// When the token lacks `iss` or `sub`.
    pub fn derived(claims: &Claims, keys: &SigningKeys) -> Result<Self, NoPrincipal> {
        let (issuer, subject) = (value(claims, "iss")?, value(claims, "sub")?);
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        let message = format!("{}:{issuer}{subject}", issuer.len());
        let id = keys.sign(Purpose::ExternalId, message.as_bytes());
        let external_id =
            ExternalId::parse(&format!("u_{id}")).map_err(|rule| NoPrincipal::Invalid {
                claim: "sub".to_owned(),
                rule,
            })?;
        Ok(Self(external_id))
    }

    /// The user's id, for a job, a log or Belvo. It opens nothing by itself.
    pub fn external_id(&self) -> &ExternalId {
        &self.0
    }
}

/// The value of a claim, if it has one. Some identity providers send every claim they know, empty; API
/// Gateway writes null and empty values of other types as words of its own.
pub fn claim<'a>(claims: &'a Claims, claim: &str) -> Option<&'a str> {
    let value = claims.get(claim)?.trim();
    (!matches!(value, "" | "<nil>" | "null" | "[]" | "map[]" | "{}")).then_some(value)
}

fn value<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, NoPrincipal> {
    claim(claims, name).ok_or_else(|| NoPrincipal::Missing {
        claim: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(pairs: &[(&str, &str)]) -> Claims {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_claim_is_taken_only_if_it_can_be_an_id_and_connects_only_if_belvo_will_keep_it() {
        let check = |sub: &str| UserScope::from_claim(&claims(&[("sub", sub)]), "sub");
        let refused = |error: NoPrincipal, bad: &str| {
            assert!(matches!(&error, NoPrincipal::Invalid { claim, .. } if claim == "sub"));
            assert!(!error.to_string().contains(bad));
        };
        let scope = check("user-1").unwrap();
        assert_eq!(scope.external_id().as_str(), "user-1");
        assert_eq!(scope.may_connect("sub"), Ok(()));
        for bad in ["ana@example.com", "auth0|1", "ab"] {
            refused(check(bad).unwrap_err(), bad);
        }
        for dropped in ["76109277673", "user-76109277673"] {
            let scope = check(dropped).unwrap();
            refused(scope.may_connect("sub").unwrap_err(), dropped);
        }
        for absent in ["", " ", "<nil>", "null", "[]", "map[]"] {
            assert!(matches!(check(absent), Err(NoPrincipal::Missing { .. })));
        }
        let missing = UserScope::from_claim(&claims(&[("iss", "a")]), "sub");
        assert!(matches!(missing, Err(NoPrincipal::Missing { .. })));
    }

    #[test]
    fn a_derived_id_is_legal_stable_and_tells_users_apart() {
        let keys = format!(r#"{{"current":"{}"}}"#, "k".repeat(40));
        let keys = SigningKeys::from_json(&keys).unwrap();
        let id = |issuer: &str, subject: &str| {
            let claims = claims(&[("iss", issuer), ("sub", subject)]);
            UserScope::derived(&claims, &keys).unwrap()
        };
        let ana = id("https://a", "ana@example.com");
        assert_eq!(ana, id("https://a", "ana@example.com"));
        assert_ne!(ana, id("https://a", "rui@example.com"));
        assert_ne!(id("https://a", "bc"), id("https://ab", "c"));
        assert!(!ana.external_id().as_str().contains("ana"));
        for lacking in ["iss", "sub"] {
            let error = UserScope::derived(&claims(&[(lacking, "a")]), &keys).unwrap_err();
            assert!(matches!(error, NoPrincipal::Missing { claim } if claim != lacking));
        }
    }
}
