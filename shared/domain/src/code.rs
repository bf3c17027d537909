//! Short machine-readable names that arrive from Belvo.
//!
//! They are open sets: a value never seen before is kept. But they are written to queues, logs and
//! tables, so only what looks like a name gets in; free text, which could hold anything, does not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checked_text::checked_text;
use crate::personal_numbers;

/// A code such as `login_error`, `historical_update` or `ACCESS_TOKEN_NOT_VALID`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Code(String);

impl Code {
    /// Takes 1 to 64 letters, digits, `_`, `-` or `.`; anything else becomes `unrecognized`.
    pub fn lenient(text: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        // Many digits are no code, but may well be somebody's number.
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let wordy = text.bytes().any(|b| b.is_ascii_alphabetic()) && digits < 8;
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) && wordy {
            Self(text.to_owned())
        } else {
            Self("unrecognized".to_owned())
        }
    }

    /// The code as Belvo wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self::lenient(&text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Belvo's id of a request, which its support asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RequestId(String);

/// The text is no request id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 hex digits, with or without hyphens, or 16 to 64 letters and digits")]
pub struct InvalidRequestId;

impl RequestId {
    /// Takes 32 hex digits with hyphens or without, which is what Belvo documents. An id of another form
    /// is as good for its support: 16 to 64 letters, digits, hyphens and underscores, of which some are
    /// letters and some are digits, and none are somebody's number.
    pub fn parse(text: &str) -> Result<Self, InvalidRequestId> {
        let hex = text.bytes().filter(u8::is_ascii_hexdigit).count();
        let hyphens = text.bytes().filter(|b| *b == b'-').count();
        let is_documented = hex == 32 && hyphens <= 4 && hex + hyphens == text.len();
        if is_documented || is_other_id(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRequestId)
        }
    }

    /// Whether both name the same request: Belvo writes one id with hyphens and without.
    pub fn is_same(&self, other: &Self) -> bool {
        let hex = |id: &Self| id.0.replace('-', "").to_ascii_lowercase();
        hex(self) == hex(other)
    }
}

fn is_other_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let has = |of: fn(&u8) -> bool| text.bytes().any(|b| of(&b));
    (16..=64).contains(&text.len())
        && text.bytes().all(plain)
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
        && !personal_numbers::holds_one(text)
}

/// Belvo's name of an institution, such as `ofmockbank_br_retail`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct InstitutionName(String);

/// The text is not an institution name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 3 to 64 lower-case letters, digits or underscores, as Belvo names institutions")]
pub struct InvalidInstitutionName;

impl InstitutionName {
    /// Takes 3 to 64 lower-case letters, digits or underscores.
    pub fn parse(text: &str) -> Result<Self, InvalidInstitutionName> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if (3..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInstitutionName)
        }
    }
}

checked_text!(RequestId, InvalidRequestId);
checked_text!(InstitutionName, InvalidInstitutionName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_id_however_it_is_written() {
        let id = |text: &str| RequestId::parse(text).unwrap();
        let dashed = id("4363b08b-51eb-4350-9c74-5df5ac92a7f6");
        assert!(dashed.is_same(&id("4363B08B51EB43509C745DF5AC92A7F6")));
        assert!(!dashed.is_same(&id("4363b08b51eb43509c745df5ac92a7f7")));
    }

    #[test]
    fn a_request_id_may_have_another_form_and_is_nobodys_number() {
        let check = |text: &str, expected: bool| {
            assert_eq!(RequestId::parse(text).is_ok(), expected, "{text}");
        };
        check("4363b08b51eb43509c745df5ac92a7f6", true);
        check("4363b08b-51eb-4350-9c74-5df5ac92a7f6", true);
        check("01JDKX4M6QW8Z2V5T7Y9B3C1NE", true);
        check("req_8fJk29sLm0Qa7", true);
        check("x", false);
        check("somebody-without-numbers", false);
        check("5500005555555559", false);
        check("somebody-76109277673", false);
        check("someone@example.com 1", false);
        check(&"a1".repeat(33), false);
    }

    #[test]
    fn only_names_are_kept() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Code::lenient(text).as_str(), expected, "{text}");
        };
        check("login_error", "login_error");
        check("ACCESS_TOKEN_NOT_VALID", "ACCESS_TOKEN_NOT_VALID");
        check("abandon-survey", "abandon-survey");
        check("", "unrecognized");
        check("CPF 761.092.776-73", "unrecognized");
        check("761.092.776-73", "unrecognized");
        check("x76109277673", "unrecognized");
        check("<script>", "unrecognized");
        check(&"x".repeat(65), "unrecognized");
    }
}
