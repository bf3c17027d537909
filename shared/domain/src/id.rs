//! The identifiers that key the tables and group the jobs.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checked_text::checked_text;
use crate::personal_numbers;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a hyphenated UUID, as Belvo prints them, in either case.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                // `Uuid` also reads braces, URNs and undashed digits; Belvo writes none of those.
                if text.len() != 36 {
                    return Err(InvalidId::Uuid);
                }
                let id = Uuid::try_parse(text).map_err(|_| InvalidId::Uuid)?;
                Ok(Self(id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }
    };
}

uuid_id!(
    /// A link: one user's connection to one institution, as Belvo numbers them.
    #[derive(Default)]
    LinkId
);

uuid_id!(
    /// A consent: what the user allowed at the bank. There is one for each link.
    ConsentId
);

uuid_id!(
    /// The receipt of an erasure: what was asked for, and what became of it.
    ReceiptId
);

uuid_id!(
    /// A refresh that a user's app has asked for.
    RefreshId
);

/// What waits for an erasure that is of no single link waits under its receipt's id.
impl From<ReceiptId> for LinkId {
    fn from(id: ReceiptId) -> Self {
        Self(id.0)
    }
}

macro_rules! made_here {
    ($($id:ident),*) => {$(
        impl $id {
            /// Makes an id from random bytes.
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }
    )*};
}
made_here!(ReceiptId, RefreshId);

/// The fintech's own id of a user, which Belvo returns with the user's links.
///
/// Belvo allows 3 to 256 letters, digits, hyphens and underscores, and silently drops a value
/// that looks like personal data (Belvo: "Link creation best practices", OpenAPI 1.223.0).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ExternalId(String);

impl ExternalId {
    /// Takes an id as records and Belvo have it.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(3..=256).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(InvalidId::ExternalShape);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes the id of a user who wants to connect a bank, if Belvo will keep it. A dropped id would
    /// leave the link without an owner, so what Belvo may take for a document, a phone number or a
    /// card is refused. E-mail addresses cannot be written in the allowed characters.
    pub fn of_user(text: &str) -> Result<Self, InvalidId> {
        let id = Self::parse(text)?;
        match personal_numbers::holds_one(text) {
            true => Err(InvalidId::ExternalPersonal),
            false => Ok(id),
        }
    }
}

/// One attempt of a user to connect an institution: 16 random bytes as 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionId(String);

impl SessionId {
    /// Makes an id from random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes).simple().to_string())
    }

    /// Takes 32 lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 32 && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Session)
        }
    }
}

/// Why a text is not an id. The message names the rule and never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a hyphenated UUID.
    #[error("must be a UUID such as 2f8ca7a1-c28f-46f2-bb41-21633099a280")]
    Uuid,
    /// Wrong length or characters.
    #[error("must be 3 to 256 letters, digits, hyphens or underscores")]
    ExternalShape,
    /// Belvo may take it for personal data.
    #[error("must not hold a CPF, CNPJ, card or phone number")]
    ExternalPersonal,
    /// Not 32 hex digits.
    #[error("must be 32 lower-case hex digits")]
    Session,
}

checked_text!(ExternalId, InvalidId);
checked_text!(SessionId, InvalidId);

macro_rules! into_text {
    ($($id:ident),*) => {$(
        impl From<$id> for String {
            fn from(id: $id) -> String {
                id.to_string()
            }
        }
    )*};
}
into_text!(LinkId, ConsentId, ReceiptId, RefreshId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_ids_are_what_belvo_keeps() {
        let check = |text: &str, expected: Result<(), InvalidId>| {
            assert_eq!(ExternalId::of_user(text).map(|_| ()), expected, "{text}");
        };
        check("HJLSI-897809", Ok(()));
        check("0190f3c6-7d5c-7bb2-9c40-1d4c4a3c0a11", Ok(()));
        check("abc", Ok(()));
        check(&"a".repeat(256), Ok(()));
        check("ab", Err(InvalidId::ExternalShape));
        check(&"a".repeat(257), Err(InvalidId::ExternalShape));
        check(
            "auth0|5f7c8ec7c33c6c004bbafe82",
            Err(InvalidId::ExternalShape),
        );
        check("ana@example.com", Err(InvalidId::ExternalShape));
        check("usuária", Err(InvalidId::ExternalShape));
        check("76109277673", Err(InvalidId::ExternalPersonal));
        check("761-092-776-73", Err(InvalidId::ExternalPersonal));
        check("11222333000181", Err(InvalidId::ExternalPersonal));
        check("12ABC34501DE35", Err(InvalidId::ExternalPersonal));
        check("5511987654321", Err(InvalidId::ExternalPersonal));
        check("user-76109277673", Err(InvalidId::ExternalPersonal));
        check("123456789", Ok(()));
        // Records and Belvo may have it all the same.
        assert!(ExternalId::parse("76109277673").is_ok());
    }

    #[test]
    fn link_ids_are_hyphenated_uuids() {
        let id = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
        assert_eq!(LinkId::parse(id).unwrap().to_string(), id);
        assert_eq!(LinkId::parse(&id.to_uppercase()).unwrap().to_string(), id);
        for bad in [
            "",
            "2f8ca7a1c28f46f2bb4121633099a280",
            "{2f8ca7a1-c28f-46f2-bb41-21633099a280}",
            "../../etc/passwd-aaaa-bbbb-ccccddddeeee",
            "2f8ca7a1-c28f-46f2-bb41-21633099a28g",
        ] {
            assert_eq!(LinkId::parse(bad), Err(InvalidId::Uuid), "{bad}");
        }
    }
}
