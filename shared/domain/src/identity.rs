//! Who consents: a person, and possibly the company the person acts for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tax_id::{Cnpj, Cpf, Document};

/// The identification Belvo needs for a consent.
///
/// It must equal what the bank holds. A company also needs a person with access to its account
/// (Belvo: "Generate a widget access token", `identification_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person who consents.
    pub person: Person,
    /// The company whose accounts are connected, if it is not the person's own.
    pub company: Option<Company>,
}

impl Identity {
    /// The document that OWNERS of the link must name, as [`Attempt::expected_owner`] has its hash:
    /// the company's, or else the person's.
    ///
    /// [`Attempt::expected_owner`]: crate::Attempt::expected_owner
    pub fn expected_owner(&self) -> Document {
        match &self.company {
            Some(company) => Document::from(&company.cnpj),
            None => Document::from(&self.person.cpf),
        }
    }
}

/// Whose accounts are connected, for a user who has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The person's own.
    Individual,
    /// Those of the company the person acts for.
    Company,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub cpf: Cpf,
    /// Full name as the bank knows it.
    pub name: FullName,
}

/// A company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    pub cnpj: Cnpj,
    /// Registered name as the bank knows it.
    pub name: FullName,
}

/// A name of a person or company, trimmed and not empty.
#[derive(Clone, PartialEq, Eq)]
pub struct FullName(String);

/// The text is not a name. The message does not repeat it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a name of 1 to 200 characters, without control characters")]
pub struct InvalidName;

impl FullName {
    /// Takes 1 to 200 characters besides surrounding blanks.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let length = text.chars().count();
        if !(1..=200).contains(&length) || text.chars().any(char::is_control) {
            return Err(InvalidName);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name. It identifies a person: for Belvo's request, never for a log.
    pub fn as_written(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_empty() {
        let check = |text: &str, expected: Option<&str>| {
            let name = FullName::parse(text).ok();
            assert_eq!(
                name.as_ref().map(FullName::as_written),
                expected,
                "{text:?}"
            );
        };
        check("  Ralph Bragg ", Some("Ralph Bragg"));
        check("João d'Ávila", Some("João d'Ávila"));
        check("", None);
        check("   ", None);
        check("a\nb", None);
        check(&"é".repeat(200), Some(&"é".repeat(200)));
        check(&"é".repeat(201), None);
    }
}
