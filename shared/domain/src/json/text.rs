//! The text of an answer or a webhook, mended where a character is not what it should be.
//!
//! Belvo's rows come from banks, through systems that cut texts in the middle of a character or send
//! bytes of another encoding. What is left of such a character becomes U+FFFD, because the rest of
//! the row matters more.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// What stands for a character that cannot be read, as JSON writes it.
const REPLACEMENT: &str = r"\ufffd";

/// JSON writes a character beyond the first 65,536 as two escapes, one of each of these.
const FIRST_HALVES: RangeInclusive<u16> = 0xD800..=0xDBFF;
const SECOND_HALVES: RangeInclusive<u16> = 0xDC00..=0xDFFF;

/// The text of a body: without a mark of its encoding, without bytes that are no UTF-8, and without
/// halves of characters.
pub fn of(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = String::from_utf8_lossy(body.trim_ascii());
    match text.contains(r"\ud") || text.contains(r"\uD") {
        true => Cow::Owned(without_halves(&text)),
        false => text,
    }
}

fn without_halves(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        let (escape, behind) = from.split_at_checked(length(from)).unwrap_or((from, ""));
        whole.push_str(before);
        whole.push_str(if is_half(escape) { REPLACEMENT } else { escape });
        rest = behind;
    }
    whole.push_str(rest);
    whole
}

/// How long the escape is that a text begins with. Two that make one character count as one.
fn length(text: &str) -> usize {
    match unit(text) {
        Some(first) if FIRST_HALVES.contains(&first) => {
            let second = text.get(6..).and_then(unit);
            let makes_one = second.is_some_and(|it| SECOND_HALVES.contains(&it));
            if makes_one { 12 } else { 6 }
        }
        Some(_) => 6,
        None => text.chars().take(2).map(char::len_utf8).sum(),
    }
}

fn is_half(escape: &str) -> bool {
    let is_one = |it: u16| FIRST_HALVES.contains(&it) || SECOND_HALVES.contains(&it);
    escape.len() == 6 && unit(escape).is_some_and(is_one)
}

/// The unit of UTF-16 that an escape such as `\u00e7` stands for.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(r"\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_stay() {
        let check = |text: &str, expected: &str| {
            assert_eq!(of(text.as_bytes()), expected);
        };
        check(r#""PIX \ud83d""#, r#""PIX \ufffd""#);
        check(
            r#""\uD83D\uDE00 \ud83d\ude00""#,
            r#""\uD83D\uDE00 \ud83d\ude00""#,
        );
        check(r#""\ude00""#, r#""\ufffd""#);
        check(r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#);
        check(r#""\ud83d\u00e7\n""#, r#""\ufffd\u00e7\n""#);
        check(r#""\ud83d\"""#, r#""\ufffd\"""#);
        check(r#""a\\ud83d""#, r#""a\\ud83d""#);
        check(r#""a\\\ud83d""#, r#""a\\\ufffd""#);
        check(r#""\ud8""#, r#""\ud8""#);
        check(r#""\ud+3d""#, r#""\ud+3d""#);
        check(r"\ud83d", r"\ufffd");
        check(r"\uD83Dç\", r"\ufffdç\");
    }

    #[test]
    fn bytes_of_another_encoding_and_the_mark_of_one_are_replaced() {
        assert_eq!(of(b"\"S\xE3o Paulo\""), "\"S\u{FFFD}o Paulo\"");
        assert_eq!(of(b"\xEF\xBB\xBF{}\n"), "{}");
        assert_eq!(of(b""), "");
    }
}
