//! CPF and CNPJ: Brazil's tax numbers of people and companies.
//!
//! Both carry two check digits modulo 11. Since July 2026 the first twelve characters of a new
//! CNPJ may be letters (Receita Federal, IN RFB 2.229/2024); a character then counts as its ASCII
//! code minus 48, which leaves the numeric ones as they were.
//!
//! Belvo's sandbox company `50685362006773` has wrong check digits; only
//! [`Cnpj::parse_in_sandbox`] takes it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The weights of a CNPJ's second check digit; the first one's are the same without the head.
const CNPJ_WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];

const SANDBOX_COMPANY: &str = "50685362006773";

/// The tax number of a person: 11 digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Cpf(String);

impl Cpf {
    /// Takes 11 digits, with or without the mask `000.000.000-00`, and checks the last two.
    pub fn parse(text: &str) -> Result<Self, InvalidTaxId> {
        let digits = normalize(text);
        if digits.len() != 11 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidTaxId::CpfShape);
        }
        let body: Vec<u32> = digits.bytes().map(value).collect();
        let weights = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
        if repeated(&digits) || !check_digits_match(&body, &weights) {
            return Err(InvalidTaxId::CpfCheckDigits);
        }
        Ok(Self(digits))
    }

    /// The 11 digits. They identify a person: for Belvo's request and a hash, never for a log.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// The tax number of a company: 14 characters, the last two of them digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Cnpj(String);

impl Cnpj {
    /// Takes 14 characters, with or without the mask `XX.XXX.XXX/XXXX-00`, in either case.
    pub fn parse(text: &str) -> Result<Self, InvalidTaxId> {
        let characters = normalize(text);
        let bytes = characters.as_bytes();
        let shape = bytes.len() == 14
            && bytes.iter().all(u8::is_ascii_alphanumeric)
            && bytes.iter().skip(12).all(u8::is_ascii_digit);
        if !shape {
            return Err(InvalidTaxId::CnpjShape);
        }
        let body: Vec<u32> = bytes.iter().copied().map(value).collect();
        let is_invented = repeated(&characters) || is_masked(&characters);
        if is_invented || !check_digits_match(&body, &CNPJ_WEIGHTS) {
            return Err(InvalidTaxId::CnpjCheckDigits);
        }
        Ok(Self(characters))
    }

    /// Like [`Cnpj::parse`], and also takes the company of Belvo's sandbox.
    pub fn parse_in_sandbox(text: &str) -> Result<Self, InvalidTaxId> {
        if normalize(text) == SANDBOX_COMPANY {
            return Ok(Self(SANDBOX_COMPANY.to_owned()));
        }
        Self::parse(text)
    }

    /// The 14 characters, upper case.
    pub fn characters(&self) -> &str {
        &self.0
    }

    /// The documents of all branches of the same legal person: its first eight characters, the number
    /// of the branch, and their check digits.
    pub fn branches(&self) -> impl Iterator<Item = Document> {
        let root = self.0.get(..8).unwrap_or_default().to_owned();
        (1..=9999).map(move |branch| {
            let mut number = format!("{root}{branch:04}");
            for weights in [&CNPJ_WEIGHTS[1..], &CNPJ_WEIGHTS[..]] {
                let values: Vec<u32> = number.bytes().map(value).collect();
                number.push_str(&check_digit(&values, weights).to_string());
            }
            Document(number)
        })
    }
}

/// The document of whoever owns an account, when all that is known is its text.
///
/// Belvo's OWNERS carry documents as banks wrote them, masked or not, valid or not.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(String);

impl Document {
    /// Takes any text, drops what masks add, and raises the case; `None` if nothing is left.
    pub fn from_text(text: &str) -> Option<Self> {
        Some(normalize(text))
            .filter(|text| !text.is_empty())
            .map(Self)
    }

    /// The comparable form.
    pub fn normalized(&self) -> &str {
        &self.0
    }
}

impl From<&Cpf> for Document {
    fn from(cpf: &Cpf) -> Self {
        Self(cpf.0.clone())
    }
}

impl From<&Cnpj> for Document {
    fn from(cnpj: &Cnpj) -> Self {
        Self(cnpj.0.clone())
    }
}

/// A keyed hash of a document: compares documents without holding any.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentHash(pub(crate) String);

impl DocumentHash {
    /// The hash as base64url text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a tax number. The message names the rule and never the value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTaxId {
    /// Not 11 digits.
    #[error("must be a CPF of 11 digits")]
    CpfShape,
    /// The check digits do not fit, or all digits are equal.
    #[error("must be a CPF with valid check digits")]
    CpfCheckDigits,
    /// Not 12 letters or digits followed by 2 digits.
    #[error("must be a CNPJ of 12 letters or digits and 2 digits")]
    CnpjShape,
    /// The check digits do not fit, or all characters are equal, or the first eight are one letter.
    #[error("must be a CNPJ with valid check digits")]
    CnpjCheckDigits,
}

/// `Debug` says what it is and not which.
macro_rules! silent_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
silent_debug!(Cpf, Cnpj, Document);

fn normalize(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '.' | '-' | '/') && !c.is_whitespace())
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// `0`..`9` are 0..9, `A` is 17 and `Z` is 42.
fn value(character: u8) -> u32 {
    u32::from(character.saturating_sub(b'0'))
}

fn repeated(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    bytes.all(|b| Some(b) == first)
}

/// Whether the number of the legal person is one letter eight times, as in the mask
/// `XX.XXX.XXX/0001-91`, whose check digits happen to be valid.
fn is_masked(characters: &str) -> bool {
    let person = characters.get(..8).unwrap_or_default();
    repeated(person) && person.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// `weights` are those of the second check digit; the first one's are the same without the head.
fn check_digits_match(values: &[u32], weights: &[u32]) -> bool {
    let (first, second) = match values {
        [.., first, second] => (*first, *second),
        _ => return false,
    };
    let digit = |weights: &[u32]| check_digit(values, weights);
    digit(weights.get(1..).unwrap_or_default()) == first && digit(weights) == second
}

fn check_digit(values: &[u32], weights: &[u32]) -> u32 {
    let sum: u32 = values.iter().zip(weights).map(|(v, w)| v * w).sum();
    match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        valid: Vec<String>,
        invalid_check_digits: Vec<String>,
        invalid_repeated: Vec<String>,
        invalid_shape: Vec<String>,
        masked: Vec<(String, String)>,
    }

    #[test]
    fn cpf_follows_the_vectors() {
        let vectors: Vectors = serde_json::from_str(include_str!("../vectors/cpf.json")).unwrap();
        for text in &vectors.valid {
            assert_eq!(Cpf::parse(text).unwrap().digits(), text);
        }
        for text in vectors
            .invalid_check_digits
            .iter()
            .chain(&vectors.invalid_repeated)
        {
            assert_eq!(
                Cpf::parse(text),
                Err(InvalidTaxId::CpfCheckDigits),
                "{text}"
            );
        }
        for text in &vectors.invalid_shape {
            assert_eq!(Cpf::parse(text), Err(InvalidTaxId::CpfShape), "{text}");
        }
        for (masked, plain) in &vectors.masked {
            assert_eq!(Cpf::parse(masked).unwrap().digits(), plain);
        }
    }

    #[test]
    fn cnpj_follows_the_vectors() {
        let vectors: Vectors = serde_json::from_str(include_str!("../vectors/cnpj.json")).unwrap();
        for text in &vectors.valid {
            assert_eq!(Cnpj::parse(text).unwrap().characters(), text);
        }
        for text in vectors
            .invalid_check_digits
            .iter()
            .chain(&vectors.invalid_repeated)
        {
            assert_eq!(
                Cnpj::parse(text),
                Err(InvalidTaxId::CnpjCheckDigits),
                "{text}"
            );
        }
        for text in &vectors.invalid_shape {
            assert_eq!(Cnpj::parse(text), Err(InvalidTaxId::CnpjShape), "{text}");
        }
        for (masked, plain) in &vectors.masked {
            assert_eq!(Cnpj::parse(masked).unwrap().characters(), plain);
        }
    }

    #[test]
    fn the_sandbox_company_is_taken_in_the_sandbox_only() {
        assert!(Cnpj::parse_in_sandbox(SANDBOX_COMPANY).is_ok());
        assert_eq!(
            Cnpj::parse(SANDBOX_COMPANY),
            Err(InvalidTaxId::CnpjCheckDigits)
        );
        assert_eq!(
            Cnpj::parse("XX.XXX.XXX/0001-91"),
            Err(InvalidTaxId::CnpjCheckDigits)
        );
        assert_eq!(
            Cnpj::parse_in_sandbox("11222333000182"),
            Err(InvalidTaxId::CnpjCheckDigits)
        );
    }

    #[test]
    fn a_company_has_its_branches() {
        let company = Cnpj::parse("11222333000262").unwrap();
        let branches: Vec<Document> = company.branches().collect();
        assert_eq!(branches.len(), 9999);
        assert_eq!(branches[0].normalized(), "11222333000181");
        assert!(branches.contains(&Document::from(&company)));
        assert!(
            branches
                .iter()
                .all(|it| Cnpj::parse(it.normalized()).is_ok())
        );
    }

    #[test]
    fn one_wrong_digit_is_always_noticed() {
        for position in 0..11 {
            for digit in '0'..='9' {
                let mut text: Vec<char> = "76109277673".chars().collect();
                if text[position] == digit {
                    continue;
                }
                text[position] = digit;
                let text: String = text.into_iter().collect();
                assert!(Cpf::parse(&text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn debug_output_says_nothing() {
        let shown = format!(
            "{:?} {:?} {:?}",
            Cpf::parse("76109277673"),
            Cnpj::parse("11222333000181"),
            Document::from_text("235578435-S")
        );
        assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
    }
}
