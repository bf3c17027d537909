//! Keys that sign sessions and hash documents.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use crate::tax_id::{Document, DocumentHash};

/// The key in use and the one before it, so that a rotation breaks no session under way.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    current: SecretString,
    /// What else a signature may have been made with: the key before, and each key as it was typed.
    others: Vec<SecretString>,
    /// The key in use as it was typed. Ids are derived from it, and those must never change.
    typed: SecretString,
}

#[derive(Deserialize)]
struct Typed {
    current: SecretString,
    #[serde(default)]
    previous: Option<SecretString>,
}

/// Why a secret holds no usable keys.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeys {
    /// Not the JSON object this is.
    #[error("must be JSON of the form {{\"current\": \"…\", \"previous\": \"…\"}}")]
    Shape,
    /// A short key could be guessed.
    #[error("must hold keys of at least 32 characters")]
    TooShort,
}

/// What a signature is for. One key serves several purposes; a signature made for one is worthless
/// for another.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// The session in the callback's path.
    Session,
    /// The proof that the holder of a session came back through the callback.
    Proof,
    /// Hashes of CPF and CNPJ.
    Document,
    /// `external_id`s derived from issuer and subject.
    ExternalId,
    /// Where a reader of a list goes on.
    Cursor,
}

impl SigningKeys {
    /// Reads `{"current": "…", "previous": "…"}`, the form of the session secret. Blanks and newlines
    /// around a key are no part of it, so that it is the same key however it was typed. Earlier releases
    /// took them for a part: what those have signed is verified, and derived ids stay as they are.
    pub fn from_json(text: &str) -> Result<Self, InvalidKeys> {
        let typed: Typed = serde_json::from_str(text).map_err(|_| InvalidKeys::Shape)?;
        let trimmed = |key: &SecretString| SecretString::from(key.expose_secret().trim());
        let is_trimmed = |key: &SecretString| {
            let key = key.expose_secret();
            key.len() == key.trim().len()
        };
        let previous = typed.previous.as_ref().map(trimmed);
        let as_typed = [Some(typed.current.clone()), typed.previous];
        let untrimmed = as_typed.into_iter().flatten().filter(|it| !is_trimmed(it));
        let keys = Self {
            current: trimmed(&typed.current),
            others: previous.into_iter().chain(untrimmed).collect(),
            typed: typed.current,
        };
        if keys.all().any(|key| key.expose_secret().len() < 32) {
            return Err(InvalidKeys::TooShort);
        }
        Ok(keys)
    }

    /// Signs `message` with the current key; base64url.
    pub fn sign(&self, purpose: Purpose, message: &[u8]) -> String {
        let key = match purpose {
            Purpose::ExternalId => &self.typed,
            Purpose::Session | Purpose::Proof | Purpose::Document | Purpose::Cursor => {
                &self.current
            }
        };
        let tag = mac(key, purpose, message).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(tag)
    }

    /// Whether `signature` was made of `message` with the current or the previous key.
    ///
    /// Takes the same time wherever they differ.
    pub fn verify(&self, purpose: Purpose, message: &[u8], signature: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(signature) else {
            return false;
        };
        self.all()
            .any(|key| mac(key, purpose, message).verify_slice(&tag).is_ok())
    }

    /// Hashes a document with the current key.
    pub fn hash_document(&self, document: &Document) -> DocumentHash {
        DocumentHash(self.sign(Purpose::Document, document.normalized().as_bytes()))
    }

    /// Whether `hash` is the hash of `document`, under the current or the previous key.
    pub fn is_hash_of(&self, document: &Document, hash: &DocumentHash) -> bool {
        self.verify(
            Purpose::Document,
            document.normalized().as_bytes(),
            hash.as_str(),
        )
    }

    /// The same of any of these documents, of which there may be thousands.
    pub fn is_hash_of_any(
        &self,
        mut documents: impl Iterator<Item = Document>,
        hash: &DocumentHash,
    ) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(hash.as_str()) else {
            return false;
        };
        let begun: Vec<_> = self
            .all()
            .map(|key| begin(key, Purpose::Document))
            .collect();
        documents.any(|document| {
            begun.iter().any(|mac| {
                let mut mac = mac.clone();
                mac.update(document.normalized().as_bytes());
                mac.verify_slice(&tag).is_ok()
            })
        })
    }

    fn all(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

fn mac(key: &SecretString, purpose: Purpose, message: &[u8]) -> Hmac<Sha256> {
    let mut mac = begin(key, purpose);
    mac.update(message);
    mac
}

fn begin(key: &SecretString, purpose: Purpose) -> Hmac<Sha256> {
    let label = match purpose {
        Purpose::Session => "session",
        Purpose::Proof => "proof",
        Purpose::Document => "document",
        Purpose::ExternalId => "external_id",
        Purpose::Cursor => "cursor",
    };
    // A key longer than a block is hashed first, so that no length is refused.
    let key = <Sha256 as sha2::Digest>::digest(key.expose_secret());
    let mut mac = Hmac::<Sha256>::new(&fixed_block(key.as_slice()));
    mac.update(label.as_bytes());
    mac.update(b"\0");
    mac
}

/// HMAC pads its key with zeros to the block size of SHA-256.
fn fixed_block(key: &[u8]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old-old-old-old-old-old-old-old-old-";
    const NEW: &str = "new-new-new-new-new-new-new-new-new-";

    #[test]
    fn a_rotation_keeps_signatures_of_the_previous_key() {
        let before = SigningKeys::from_json(&format!(r#"{{"current":"{OLD}"}}"#)).unwrap();
        let after = SigningKeys::from_json(&format!(r#"{{"current":"{NEW}","previous":"{OLD}"}}"#))
            .unwrap();
        let later = SigningKeys::from_json(&format!(r#"{{"current":"{NEW}"}}"#)).unwrap();
        let signature = before.sign(Purpose::Session, b"message");

        assert!(after.verify(Purpose::Session, b"message", &signature));
        assert!(!later.verify(Purpose::Session, b"message", &signature));
    }

    #[test]
    fn a_key_is_the_same_however_it_was_typed() {
        let typed = SigningKeys::from_json(&format!(r#"{{"current":"{OLD}\n"}}"#)).unwrap();
        let plain = SigningKeys::from_json(&format!(r#"{{"current":"{OLD}"}}"#)).unwrap();
        let signature = typed.sign(Purpose::Session, b"message");
        assert_eq!(signature, plain.sign(Purpose::Session, b"message"));
    }

    #[test]
    fn what_was_made_when_blanks_were_a_part_of_a_key_stays_as_it_was() {
        let keys = |text: String| SigningKeys::from_json(&text).unwrap();
        let typed = keys(format!(r#"{{"current":"{OLD}\n"}}"#));
        // As before, of the key with its newline.
        let raw = SecretString::from(format!("{OLD}\n"));
        let before = |purpose| {
            let tag = mac(&raw, purpose, b"message").finalize().into_bytes();
            URL_SAFE_NO_PAD.encode(tag)
        };
        let id = typed.sign(Purpose::ExternalId, b"message");
        assert_eq!(id, before(Purpose::ExternalId));
        let rotated = keys(format!(r#"{{"current":"{NEW}","previous":"{OLD}\n"}}"#));
        for keys in [typed, rotated] {
            for purpose in [Purpose::Session, Purpose::Document] {
                assert!(keys.verify(purpose, b"message", &before(purpose)));
                let plain = self::keys(OLD).sign(purpose, b"message");
                assert!(keys.verify(purpose, b"message", &plain));
            }
        }
    }

    fn keys(current: &str) -> SigningKeys {
        SigningKeys::from_json(&format!(r#"{{"current":"{current}"}}"#)).unwrap()
    }

    #[test]
    fn a_signature_serves_one_purpose_and_one_message() {
        let keys = SigningKeys::from_json(&format!(r#"{{"current":"{OLD}"}}"#)).unwrap();
        let signature = keys.sign(Purpose::Session, b"message");

        assert!(!keys.verify(Purpose::Proof, b"message", &signature));
        assert!(!keys.verify(Purpose::Session, b"messagf", &signature));
        assert!(!keys.verify(Purpose::Session, b"message", ""));
        assert!(!keys.verify(Purpose::Session, b"message", "§"));
    }

    #[test]
    fn short_keys_and_other_shapes_are_refused() {
        let check = |text: &str| SigningKeys::from_json(text).unwrap_err().to_string();
        assert!(check(r#"{"current":"short"}"#).contains("32 characters"));
        assert!(check(&format!(r#"{{"current":"{NEW}","previous":"x"}}"#)).contains("32"));
        assert!(check("{}").contains("JSON of the form"));
        assert!(check("plain").contains("JSON of the form"));
    }

    #[test]
    fn debug_output_says_nothing() {
        let keys = SigningKeys::from_json(&format!(r#"{{"current":"{OLD}"}}"#)).unwrap();
        assert!(!format!("{keys:?}").contains("old"));
    }
}
