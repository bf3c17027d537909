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
    /// Reads `{"current": "Basic …", "previous": "…"}`, the form of the webhook secret. Blanks and
    /// newlines around a value, as a shell or an editor adds them, are no part of it.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let rule = r#"must be JSON of the form {"current": "Basic …", "previous": "…"}"#;
        let value: Self = serde_json::from_str(text).map_err(|_| rule.to_owned())?;
        let usual = |value: SecretString| SecretString::from(usual_form(value.expose_secret()));
        let value = Self {
            current: usual(value.current),
            previous: value.previous.map(usual),
        };
        // An empty value would accept an empty header.
        let long = |value: &SecretString| value.expose_secret().len() >= 16;
        if !value.accepted().all(long) {
            return Err("must hold values of at least 16 characters".to_owned());
        }
        let sendable = |byte: u8| (b' '..=b'~').contains(&byte);
        let is_header = |value: &SecretString| value.expose_secret().bytes().all(sendable);
        if !value.accepted().all(is_header) {
            return Err("must hold values of one line, without accents".to_owned());
        }
        Ok(value)
    }

    /// Whether `header` is one of the values. The comparison takes the same time wherever they
    /// differ.
    pub fn accepts(&self, header: &[u8]) -> bool {
        let Ok(header) = std::str::from_utf8(header) else {
            return false;
        };
        let header = usual_form(header);
        self.accepted()
            .map(|value| value.expose_secret().as_bytes().ct_eq(header.as_bytes()))
            .fold(subtle::Choice::from(0), |any, one| any | one)
            .into()
    }

    fn accepted(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.current).chain(self.previous.as_ref())
    }
}

/// The scheme in small letters and one blank behind it: `basic` is `Basic` (RFC 9110, 11.1).
fn usual_form(value: &str) -> String {
    let value = value.trim();
    match value.split_once(' ') {
        Some((scheme, rest)) => format!("{} {}", scheme.to_ascii_lowercase(), rest.trim_start()),
        None => value.to_owned(),
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
        assert!(both.accepts(b"basic bmV3Om5ldw=="));
        assert!(both.accepts(b"BASIC  bmV3Om5ldw== "));
        for wrong in [
            &b""[..],
            b"Basic bmV3Om5ldw=",
            b"Basic BMV3Om5ldw==",
            b"Basicbmv3Om5ldw==",
            b"Bearer",
            b"Basic \xff",
        ] {
            assert!(!both.accepts(wrong));
        }
    }

    #[test]
    fn a_newline_around_a_value_is_no_part_of_it() {
        let typed = r#"{"current":"Basic bmV3Om5ldw==\n","previous":" Bearer old-old-old\r\n"}"#;
        let typed = Authorization::from_json(typed).unwrap();
        assert!(typed.accepts(b"Basic bmV3Om5ldw=="));
        assert!(typed.accepts(b"Bearer old-old-old"));
    }

    #[test]
    fn weak_secrets_are_refused() {
        for text in [
            "",
            "{}",
            r#"{"current":""}"#,
            r#"{"current":"Basic bmV3Om5ldw==","previous":""}"#,
            r#"{"current":"Basic bmV3Om5ldw==\nBasic bmV3Om5ldw=="}"#,
            r#"{"current":"Basic caf\u00e9-caf\u00e9-caf\u00e9"}"#,
        ] {
            assert!(Authorization::from_json(text).is_err(), "{text}");
        }
    }
}
