//! Numbers of people in the id of a user. Belvo drops an id that it takes for personal data, and does
//! not say by which rule, so what is surely such a number is refused before.

use uuid::Uuid;

use crate::tax_id::{Cnpj, Cpf};

/// Brazil's area codes (Anatel, Plano Geral de Códigos Nacionais).
const AREA_CODES: [&str; 67] = [
    "11", "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28", "31", "32",
    "33", "34", "35", "37", "38", "41", "42", "43", "44", "45", "46", "47", "48", "49", "51", "53",
    "54", "55", "61", "62", "63", "64", "65", "66", "67", "68", "69", "71", "73", "74", "75", "77",
    "79", "81", "82", "83", "84", "85", "86", "87", "88", "89", "91", "92", "93", "94", "95", "96",
    "97", "98", "99",
];

/// Whether a text holds one: as a whole run of digits, or as all of it without hyphens and
/// underscores. A UUID is random, whatever its digits.
pub(crate) fn holds_one(text: &str) -> bool {
    if text.len() == 36 && Uuid::try_parse(text).is_ok() {
        return false;
    }
    let core: String = text.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    let digits = core.bytes().all(|b| b.is_ascii_digit());
    // Alone, any number of this length could be a phone number without its country, or a CPF.
    if digits && (10..=11).contains(&core.len()) {
        return true;
    }
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    is_one(&core) || runs.any(is_one)
}

fn is_one(number: &str) -> bool {
    Cpf::parse(number).is_ok()
        || Cnpj::parse(number).is_ok()
        || is_phone_number(number)
        || is_card_number(number)
}

/// A Brazilian phone number in full: 55, the area code, and nine digits from 9 on or eight from 2 on
/// (some services leave out the ninth digit of a mobile phone).
fn is_phone_number(number: &str) -> bool {
    let Some((area, local)) = number
        .strip_prefix("55")
        .and_then(|it| it.split_at_checked(2))
    else {
        return false;
    };
    let digits = local.bytes().all(|b| b.is_ascii_digit());
    let is_subscriber = match local.len() {
        9 => local.starts_with('9'),
        8 => !local.starts_with(['0', '1']),
        _ => false,
    };
    digits && is_subscriber && AREA_CODES.contains(&area)
}

/// A card number: 13 to 19 digits, the first of a known network, and the check digit (ISO/IEC 7812).
fn is_card_number(number: &str) -> bool {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let prefix = number.get(..4).and_then(|it| it.parse().ok());
    let known = matches!(prefix, Some(2221..=2720 | 3000..=6999_u16));
    if !digits || !known || !(13..=19).contains(&number.len()) {
        return false;
    }
    let digits = number
        .bytes()
        .rev()
        .map(|byte| u32::from(byte.saturating_sub(b'0')));
    let sum: u32 = digits
        .enumerate()
        .map(|(position, digit)| match (position % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::holds_one;

    #[test]
    fn whole_runs_of_digits_count() {
        for text in [
            "76109277673",
            "user-76109277673",
            "u76109277673x",
            "761-092-776-73",
            "11222333000181",
            "a_11222333000181",
            "12ABC34501DE35",
            "12-ABC345-01DE35",
            "5511987654321",
            "tel5511987654321",
            "551133334444-x",
            "wa_553188765432",
            "4111111111111111",
            "4111-1111-1111-1111",
            "card_378282246310005",
            "2223003122003222",
            "1234567890",
            "12345678901",
        ] {
            assert!(holds_one(text), "{text}");
        }
        for text in [
            "0190f3c6-7d5c-7bb2-9c40-551198765432",
            "76109277-6731-4111-8111-111111111111",
            "123456789",
            "123456789012",
            "1700000000000",
            "user-76109277674",
            "user-176109277673",
            "5510987654321",
            "5511887654321",
            "4111111111111112",
            "1111111111111117",
            "20261123120000001",
            "11111111111111111111",
            "abc",
        ] {
            assert!(!holds_one(text), "{text}");
        }
    }
}
