//! The `Authorization` header agreed with Belvo.
//!
//! Belvo does not sign webhooks. It repeats the value that was typed into its dashboard, `Basic …` or
//! `Bearer …` (Belvo: "Webhooks, aggregation").

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// The value in use and the one before it, so that a rotation loses no webhook.
#[derive(Clone, Debug, Deserialize)]
pub struct Authorization {
    current: SecretString,
    #[serde(default)]
    previous: Option<SecretString>,
}

impl Authorization {
    /// Reads `{"current": "Basic …", "previous": "…"}`, the form of the webhook secret.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let rule = r#"must be JSON of the form {"current": "Basic …", "previous": "…"}"#;
        let value: Self = serde_json::from_str(text).map_err(|_| rule.to_owned())?;
        // An empty value would accept an empty header.
        let long = |value: &SecretString| value.expose_secret().len() >= 16;
        if !value.accepted().all(long) {
            return Err("must hold values of at least 16 characters".to_owned());
        }
        Ok(value)
    }

    /// Whether `header` is one of the values. The comparison takes the same time wherever they
    /// differ.
    pub fn accepts(&self, header: &[u8]) -> bool {
        self.accepted()
            .map(|value| value.expose_secret().as_bytes().ct_eq(header))
            .fold(subtle::Choice::from(0), |any, one| any | one)
            .into()
    }

    fn accepted(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.current).chain(self.previous.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_and_the_previous_value_are_accepted() {
        let both = r#"{"current":"Basic bmV3Om5ldw==","previous":"Bearer old-old-old"}"#;
        let both = Authorization::from_json(both).unwrap();
        assert!(both.accepts(b"Basic bmV3Om5ldw=="));
        assert!(both.accepts(b"Bearer old-old-old"));
        for wrong in [
            &b""[..],
            b"Basic bmV3Om5ldw=",
            b"basic bmV3Om5ldw==",
            b"Bearer",
        ] {
            assert!(!both.accepts(wrong));
        }
    }

    #[test]
    fn weak_secrets_are_refused() {
        for text in [
            "",
            "{}",
            r#"{"current":""}"#,
            r#"{"current":"Basic bmV3Om5ldw==","previous":""}"#,
        ] {
            assert!(Authorization::from_json(text).is_err(), "{text}");
        }
    }
}
