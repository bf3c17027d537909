//! Random texts: keys and passwords that are new in every run.

use anyhow::Context;

/// The alphabet of a generated secret without punctuation.
pub(crate) const LETTERS_AND_DIGITS: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The alphabet with punctuation.
pub(crate) const PRINTABLE: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~";

/// A text of `length` characters, each equally likely.
pub(crate) fn text(alphabet: &[u8], length: usize) -> anyhow::Result<String> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    // A byte above the last full multiple of the alphabet would favour the first characters.
    let fair = 256 - 256 % alphabet.len().max(1);
    while text.len() < length {
        getrandom::fill(&mut bytes).context("reading random bytes")?;
        let characters = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair)
            .filter_map(|byte| alphabet.get(byte % alphabet.len()))
            .map(|character| char::from(*character));
        text.extend(characters.take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_length_and_only_its_alphabet() {
        for length in [0, 1, 64, 200] {
            let text = text(LETTERS_AND_DIGITS, length).unwrap();
            assert_eq!(text.len(), length);
            assert!(
                text.bytes().all(|byte| LETTERS_AND_DIGITS.contains(&byte)),
                "{text}"
            );
        }
        assert_ne!(text(PRINTABLE, 32).unwrap(), text(PRINTABLE, 32).unwrap());
    }
}
