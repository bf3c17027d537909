//! The JWT authorizer, with API Gateway's rules.
//!
//! RSA signatures only; `iss` equal; one audience in `aud`, or in `client_id` without an `aud`;
//! `exp` after now; `nbf` and `iat`, if present, not after now. If the route requires scopes,
//! `scope` or `scp` must have one of them.

use std::collections::BTreeMap;

use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

/// A proof that the token's claims were verified. A request passes only with it.
#[derive(Clone)]
pub(crate) struct Authorizer {
    pub(crate) key_id: String,
    pub(crate) key: DecodingKey,
    pub(crate) issuer: String,
    pub(crate) audience: Vec<String>,
    pub(crate) scopes: Vec<String>,
}

/// The reason for refusing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The token is invalid: 401.
    Unauthorized,
    /// The token is valid, but lacks the scope: 403.
    Forbidden,
}

impl Authorizer {
    /// The claims of the request's token.
    pub(super) fn claims(
        &self,
        headers: &HeaderMap,
        now: i64,
    ) -> Result<Map<String, Value>, Refusal> {
        let claims = self.proven(headers, now).ok_or(Refusal::Unauthorized)?;
        match self.allows(&claims) {
            true => Ok(claims),
            false => Err(Refusal::Forbidden),
        }
    }

    fn proven(&self, headers: &HeaderMap, now: i64) -> Option<Map<String, Value>> {
        let header = headers
            .get(http::header::AUTHORIZATION)?
            .to_str()
            .ok()?
            .trim();
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return None,
            None => header,
        };
        if decode_header(token).ok()?.kid? != self.key_id {
            return None;
        }
        let claims = decode::<Map<String, Value>>(token, &self.key, &signature_only())
            .ok()?
            .claims;
        self.accepts(&claims, now).then_some(claims)
    }

    fn accepts(&self, claims: &Map<String, Value>, now: i64) -> bool {
        let time = |name: &str| {
            claims
                .get(name)
                .map(|value| value.as_f64().unwrap_or(f64::INFINITY))
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds of this era fit 52 bits"
        )]
        let now = now as f64;
        claims.get("iss").and_then(Value::as_str) == Some(self.issuer.as_str())
            && self.is_meant(claims)
            && claims
                .get("exp")
                .and_then(Value::as_f64)
                .is_some_and(|expiry| expiry > now)
            && time("nbf").is_none_or(|time| time <= now)
            && time("iat").is_none_or(|time| time <= now)
    }

    fn allows(&self, claims: &Map<String, Value>) -> bool {
        let given = |name: &str| -> Vec<&str> {
            match claims.get(name) {
                Some(Value::String(text)) => text.split(' ').collect(),
                Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            }
        };
        let mut given = given("scope").into_iter().chain(given("scp"));
        self.scopes.is_empty() || given.any(|scope| self.scopes.iter().any(|it| it == scope))
    }

    fn is_meant(&self, claims: &Map<String, Value>) -> bool {
        let known = |value: &Value| {
            value
                .as_str()
                .is_some_and(|name| self.audience.iter().any(|known| known == name))
        };
        match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(known),
            Some(audience) => known(audience),
            None => claims.get("client_id").is_some_and(known),
        }
    }
}

/// This code checks the claims by API Gateway's rules; the library checks only the signature.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

/// A claim's value in the event: always a text, in the format of Go.
pub(super) fn claim_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(claim_text).collect::<Vec<_>>().join(" ")
        ),
        Value::Object(entries) => {
            // Sorted by name, because a dependency's feature may change the order of a map.
            let sorted: BTreeMap<&String, &Value> = entries.iter().collect();
            let entries: Vec<String> = sorted
                .iter()
                .map(|(key, value)| format!("{key}:{}", claim_text(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_become_texts() {
        #[track_caller]
        fn check(claim: Value, expected: &str) {
            assert_eq!(claim_text(&claim), expected);
        }
        check(json!("user-1"), "user-1");
        check(json!(1_700_000_000), "1700000000");
        check(json!(true), "true");
        check(json!(["a", "b"]), "[a b]");
        check(json!([]), "[]");
        check(
            json!({"street": "Rua A", "number": 7}),
            "map[number:7 street:Rua A]",
        );
    }

    #[test]
    fn one_of_the_scopes_asked_for_is_enough() {
        #[track_caller]
        fn check(scopes: &[&str], claims: Value, expected: bool) {
            let authorizer = Authorizer {
                key_id: "1".to_owned(),
                key: DecodingKey::from_secret(b"unused"),
                issuer: "http://issuer".to_owned(),
                audience: Vec::new(),
                scopes: scopes.iter().map(|it| (*it).to_owned()).collect(),
            };
            let Value::Object(map) = &claims else {
                panic!("{claims}")
            };
            assert_eq!(authorizer.allows(map), expected, "{claims}");
        }
        check(&[], json!({}), true);
        check(&["bank"], json!({}), false);
        check(&["bank"], json!({"scope": "openid bank"}), true);
        check(&["bank"], json!({"scp": ["openid", "bank"]}), true);
        check(&["bank"], json!({"scope": "bank.read"}), false);
        check(&["bank", "api"], json!({"scope": "api"}), true);
    }

    #[test]
    fn claims_are_judged_as_api_gateway_does() {
        #[track_caller]
        fn check(claims: Value, expected: bool) {
            let authorizer = Authorizer {
                key_id: "1".to_owned(),
                key: DecodingKey::from_secret(b"unused"),
                issuer: "http://issuer".to_owned(),
                audience: vec!["api".to_owned(), "other".to_owned()],
                scopes: Vec::new(),
            };
            let Value::Object(map) = &claims else {
                panic!("{claims}")
            };
            assert_eq!(authorizer.accepts(map, 1_000), expected, "{claims}");
        }
        let iss = "http://issuer";
        check(json!({"iss": iss, "aud": "api", "exp": 1_001}), true);
        check(
            json!({"iss": iss, "aud": ["x", "other"], "exp": 1_001, "nbf": 1_000, "iat": 1_000}),
            true,
        );
        check(json!({"iss": iss, "client_id": "api", "exp": 1_001}), true);
        check(
            json!({"iss": iss, "aud": "x", "client_id": "api", "exp": 1_001}),
            false,
        );
        check(json!({"iss": iss, "exp": 1_001}), false);
        check(
            json!({"iss": "http://issuer/", "aud": "api", "exp": 1_001}),
            false,
        );
        check(json!({"aud": "api", "exp": 1_001}), false);
        check(json!({"iss": iss, "aud": "api"}), false);
        check(json!({"iss": iss, "aud": "api", "exp": 1_000}), false);
        check(
            json!({"iss": iss, "aud": "api", "exp": 1_001, "nbf": 1_001}),
            false,
        );
        check(
            json!({"iss": iss, "aud": "api", "exp": 1_001, "iat": 1_001}),
            false,
        );
        check(json!({"iss": iss, "aud": "api", "exp": "soon"}), false);
    }
}
