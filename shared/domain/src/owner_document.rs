//! Documents as banks and identity providers write them.
//!
//! A CPF is a number to many systems: its leading zeros are lost, or it is padded to the length of a
//! CNPJ. Others put a word in front, use another hyphen, or mask some digits. Equal numbers are equal
//! whatever their form; a masked or unreadable one says nothing.

use std::fmt;

use crate::tax_id::{Cnpj, Cpf, Document, InvalidTaxId};

/// The document of an owner, as far as its text can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnerDocument {
    /// Its letters and digits.
    plain: String,
    /// What it can be: a CPF, a CNPJ, or, because zeros are lost or added, either. Nothing if it
    /// cannot be read.
    readings: Vec<Document>,
}

/// A run of the letter that some systems mask digits with. By chance a company may have it in its
/// number, so such a document is read, and says nothing against anybody.
const LETTER_MASK: &str = "XXX";

impl OwnerDocument {
    /// Reads a text; `None` if it says nothing at all.
    pub fn read(text: &str) -> Option<Self> {
        let expanded = whole_number(text);
        let Plain { text, is_masked } = plain(expanded.as_deref().unwrap_or(text));
        if text.is_empty() && !is_masked {
            return None;
        }
        let readings = match is_masked {
            true => Vec::new(),
            false => readings(&text),
        };
        Some(Self {
            plain: text,
            readings,
        })
    }

    /// A document of another form than text, which cannot be read.
    pub fn unreadable() -> Self {
        Self {
            plain: String::new(),
            readings: Vec::new(),
        }
    }

    /// What it can be.
    pub fn readings(&self) -> &[Document] {
        &self.readings
    }

    /// Whether it can be read. Only then it is surely somebody's.
    pub fn is_readable(&self) -> bool {
        !self.readings.is_empty() && !self.plain.contains(LETTER_MASK)
    }

    /// Whether two documents are one: they can be the same number, or are masked in the same way.
    pub fn is_same(&self, other: &Self) -> bool {
        let both = (self.is_readable(), other.is_readable());
        let masked = both == (false, false) && !self.plain.is_empty();
        let common = self.readings.iter().any(|it| other.readings.contains(it));
        common || (masked && self.plain == other.plain)
    }
}

/// It says what it is and not which.
impl fmt::Debug for OwnerDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerDocument(…)")
    }
}

impl Cpf {
    /// Takes a CPF in any form in which its digits can be read, without leading zeros too.
    pub fn lenient(text: &str) -> Result<Self, InvalidTaxId> {
        let number = number(text).ok_or(InvalidTaxId::CpfShape)?;
        Self::parse(&number).or_else(|rule| match padded(&number, 11) {
            Some(digits) => Self::parse(&digits),
            None => Err(rule),
        })
    }
}

impl Cnpj {
    /// Takes a CNPJ in any form in which its characters can be read, without leading zeros too, as
    /// far as `parse` takes its 14 characters.
    pub fn lenient(
        text: &str,
        parse: fn(&str) -> Result<Self, InvalidTaxId>,
    ) -> Result<Self, InvalidTaxId> {
        let number = number(text).ok_or(InvalidTaxId::CnpjShape)?;
        parse(&number).or_else(|rule| match padded(&number, 14) {
            Some(digits) => parse(&digits),
            None => Err(rule),
        })
    }
}

/// The letters and digits of a document that is not masked, without a word around them.
fn number(text: &str) -> Option<String> {
    let expanded = whole_number(text);
    let plain = plain(expanded.as_deref().unwrap_or(text));
    (!plain.is_masked).then(|| match without_word(&plain.text) {
        Some(number) => number.to_owned(),
        None => plain.text,
    })
}

/// The digits of a whole number that was written as `76109277673.0` or `7.6109277673e+10`.
fn whole_number(text: &str) -> Option<String> {
    let text = text.trim();
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, fraction.trim_end_matches('0')),
        // Without a point or an exponent there is nothing to expand.
        None if mantissa.len() == text.len() => return None,
        None => (mantissa, ""),
    };
    let exponent: usize = exponent.trim_start_matches('+').parse().ok()?;
    let is_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=14).contains(&whole.len().saturating_add(exponent));
    let is_whole = !whole.is_empty() && fraction.len() <= exponent;
    // A number with an exponent has one digit before its point; a company may have an E in its own.
    let is_usual = exponent == 0 || whole.len() == 1;
    (fits && is_whole && is_usual && is_digits(whole) && is_digits(fraction))
        .then(|| format!("{whole}{fraction:0<exponent$}"))
}

/// Everything that a text without masks can be. Some CPFs are valid CNPJs once they are padded, and a
/// word and a CPF may be a valid CNPJ, so none of the readings hides another.
fn readings(plain: &str) -> Vec<Document> {
    let mut number = plain;
    while let Some(without) = without_word(number) {
        number = without;
    }
    let cpf = padded(number, 11).and_then(|it| Cpf::parse(&it).ok());
    let mut readings: Vec<Document> = cpf.iter().map(Document::from).collect();
    let padded = padded(number, 14);
    for text in [Some(plain), Some(number), padded.as_deref()] {
        let cnpj = text.and_then(|it| Cnpj::parse_in_sandbox(it).ok());
        let cnpj = cnpj.as_ref().map(Document::from);
        readings.extend(cnpj.filter(|it| !readings.contains(it)));
    }
    readings
}

/// The words that stand before or behind a number.
const WORDS: [&str; 5] = ["CNPJMF", "CPFMF", "CPFCNPJ", "CNPJ", "CPF"];

fn without_word(plain: &str) -> Option<&str> {
    let without = |word: &&str| {
        plain
            .strip_prefix(*word)
            .or_else(|| plain.strip_suffix(*word))
    };
    WORDS.iter().find_map(without)
}

/// Digits with as many leading zeros as this length needs.
fn padded(plain: &str, length: usize) -> Option<String> {
    let digits = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
    let significant = plain.trim_start_matches('0');
    (digits && significant.len() <= length).then(|| format!("{significant:0>length$}"))
}

struct Plain {
    text: String,
    is_masked: bool,
}

/// Letters, raised, and digits. Anything but what separates them is a mask.
fn plain(text: &str) -> Plain {
    let mut plain = Plain {
        text: String::new(),
        is_masked: false,
    };
    for character in text.chars().map(narrow) {
        if character.is_ascii_alphanumeric() {
            plain.text.push(character.to_ascii_uppercase());
        } else if !separates(character) {
            plain.is_masked = true;
        }
    }
    plain
}

/// The ASCII character of one that is twice as wide (U+FF01 to U+FF5E).
fn narrow(character: char) -> char {
    match u32::from(character) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(character),
        _ => character,
    }
}

/// Punctuation of masks such as `000.000.000-00`, blanks, and the hyphens of Unicode.
fn separates(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    );
    let hyphen = matches!(
        character,
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}'
    );
    let usual = matches!(
        character,
        '.' | ',' | '-' | '/' | '\\' | ':' | ';' | '(' | ')' | '[' | ']' | '\'' | '"'
    );
    usual || hyphen || invisible || character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_can_be() {
        let check = |text: &str, expected: &[&str]| {
            let document = OwnerDocument::read(text).unwrap();
            let readings = document.readings().iter().map(Document::normalized);
            assert_eq!(readings.collect::<Vec<_>>(), expected, "{text}");
        };
        check("051.177.670-55", &["05117767055"]);
        check("5117767055", &["05117767055"]);
        check("00005117767055", &["05117767055"]);
        check("CPF 238.242.640\u{2011}30", &["23824264030"]);
        check("191", &["00000000191", "00000000000191"]);
        check("00000000000191", &["00000000191", "00000000000191"]);
        check("00047823085909", &["47823085909", "00047823085909"]);
        check("40188000100", &["40188000100", "00040188000100"]);
        check("5117767055.0", &["05117767055"]);
        check("5.117767055e9", &["05117767055"]);
        check("5.1177670550E+9", &["05117767055"]);
        check("12.abc.345/01DE-35", &["12ABC34501DE35"]);
        check("CNPJ 12ABC34501DE35", &["12ABC34501DE35"]);
        check("50685362006773", &["50685362006773"]);
        for unreadable in [
            "***.177.670-**",
            "XXX17767055",
            "1",
            "23824264031",
            "CPF",
            "0",
            "XX.XXX.XXX/0001-91",
            "5117767055.5",
            "5.117767055e8",
        ] {
            check(unreadable, &[]);
        }
        for nothing in ["", " ", "-"] {
            assert_eq!(OwnerDocument::read(nothing), None);
        }
    }

    #[test]
    fn documents_are_the_same_in_any_form() {
        let check = |a: &str, b: &str, expected: bool| {
            let read = |text| OwnerDocument::read(text).unwrap();
            assert_eq!(read(a).is_same(&read(b)), expected, "{a} {b}");
            assert_eq!(read(b).is_same(&read(a)), expected, "{b} {a}");
        };
        check("5117767055", "051.177.670-55", true);
        check("191", "00000000000191", true);
        check("***.177.670-**", "***.177.670-**", true);
        check("***.177.670-**", "***.177.671-**", false);
        check("***", "***", false);
        check("5117767055", "23824264030", false);
    }

    #[test]
    fn a_claim_is_read_as_leniently() {
        for text in [
            "05117767055",
            "5117767055",
            "CPF 051.177.670-55",
            "[05117767055]",
            "5.117767055e+09",
            "5117767055.0",
        ] {
            assert_eq!(Cpf::lenient(text).unwrap().digits(), "05117767055");
        }
        assert_eq!(Cpf::lenient("***.177.670-**"), Err(InvalidTaxId::CpfShape));
        assert_eq!(
            Cpf::lenient("5117767056"),
            Err(InvalidTaxId::CpfCheckDigits)
        );
        let cnpj = Cnpj::lenient("191", Cnpj::parse).unwrap();
        assert_eq!(cnpj.characters(), "00000000000191");
        let sandbox = "50.685.362/0067-73";
        assert!(Cnpj::lenient(sandbox, Cnpj::parse_in_sandbox).is_ok());
        assert!(Cnpj::lenient(sandbox, Cnpj::parse).is_err());
    }
}
