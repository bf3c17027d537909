//! Addresses that are signed anew at every read, though they lead to the same.

use std::borrow::Cow;

/// Where an address carries its signature: S3 and CloudFront, Google and Azure.
const SIGNATURES: [&str; 4] = ["x-amz-signature", "x-goog-signature", "signature", "sig"];

/// What belongs to a signature: when it was made, how, by whom, and until when it is good.
const BESIDE: [&str; 17] = [
    "expires",
    "policy",
    "key-pair-id",
    "awsaccesskeyid",
    "googleaccessid",
    "se",
    "st",
    "sp",
    "sr",
    "sv",
    "spr",
    "skoid",
    "sktid",
    "skt",
    "ske",
    "sks",
    "skv",
];

/// The text without a signature, if it is an address that carries one. Whatever else its query says
/// stays, because it may lead elsewhere.
pub(crate) fn unsigned(text: &str) -> Cow<'_, str> {
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    let Some((address, query)) = text.split_once('?').filter(|_| is_address) else {
        return Cow::Borrowed(text);
    };
    if !query.split('&').any(|it| SIGNATURES.contains(&&*name(it))) {
        return Cow::Borrowed(text);
    }
    let kept: Vec<&str> = query.split('&').filter(|it| !is_of_signature(it)).collect();
    match kept.is_empty() {
        true => Cow::Borrowed(address),
        false => Cow::Owned([address, &kept.join("&")].join("?")),
    }
}

fn is_of_signature(parameter: &str) -> bool {
    let name = name(parameter);
    let is_vendors = name.starts_with("x-amz-") || name.starts_with("x-goog-");
    is_vendors || SIGNATURES.contains(&&*name) || BESIDE.contains(&&*name)
}

fn name(parameter: &str) -> String {
    let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_left_out_and_whatever_else_stays() {
        let check = |text: &str, expected: &str| assert_eq!(unsigned(text), expected);
        let logo = "https://cdn.example.com/a.svg";
        for signed in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=1&X-Amz-Signature=2",
            "Expires=1&Signature=2&Key-Pair-Id=3",
            "Policy=1&Signature=2&Key-Pair-Id=3",
            "GoogleAccessId=a&Expires=1&Signature=2",
            "sv=1&sr=b&sig=2&se=3&sp=r",
        ] {
            check(&format!("{logo}?{signed}"), logo);
            check(
                &format!("{logo}?id=5&{signed}&w=1"),
                &format!("{logo}?id=5&w=1"),
            );
        }
        for unchanged in [
            "https://cdn.example.com/img?id=5",
            "https://cdn.example.com/img?se=5&expires=1",
            "https://cdn.example.com/img",
            "PIX https://x.example.com/?Signature=2",
            "what?Signature=2",
            "",
        ] {
            check(unchanged, unchanged);
        }
    }
}
