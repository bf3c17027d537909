//! What a user is told, and can do, about each code.
//!
//! Codes are Belvo's, in Belvo's spelling (some are upper-case, and `CONSENT_EXPIRED` is not
//! `consent_expired`), and a few states of our own. The texts speak to the account's holder: no
//! technical detail, no name, nothing to fill in. They hold no character that HTML would escape.
//!
//! `connecting` has what happens on the way to a link, `connected` what happens to a link,
//! `consent` to its consent, `request` what is between Belvo and us, `states` our own codes.

mod connected;
mod connecting;
mod consent;
mod request;
mod states;

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Serialize;

/// What a code means for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Guidance {
    /// What to do, for programs.
    pub action: Action,
    /// The code this is about; `unknown` for one we have no words for.
    pub code: &'static str,
    /// Why it happened.
    pub cause: Option<Text>,
    /// What happened and what to do.
    pub text: Text,
    /// Until when, if that is known; see [`Guidance::until`].
    pub until: Option<Timestamp>,
    /// Whether we have words for the code.
    #[serde(skip)]
    pub known: bool,
}

/// What a user, or the app for them, can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing is to be done.
    None,
    /// It goes on by itself.
    Wait,
    /// It goes on by itself at a known time.
    WaitUntil,
    /// Start over.
    TryAgain,
    /// The bank does not work; another may.
    ChooseAnotherBank,
    /// CPF, CNPJ or name may be wrong.
    CheckDetails,
    /// Connect the bank again: a new link and a new consent.
    Reconnect,
    /// Renew the consent in the portal; the link stays.
    RenewConsent,
    /// Confirm in the bank's app.
    ConfirmAtBank,
    /// Only the bank can help.
    ContactBank,
    /// Open the app, which posts the proof.
    Prove,
    /// Only the customer's support can help.
    ContactSupport,
}

/// A text in each language we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    pub pt: &'static str,
    /// English.
    pub en: &'static str,
}

/// What to tell about a code. One we do not know has a text too, and `known` is false.
pub fn guidance(code: &str) -> &'static Guidance {
    KNOWN.get(code).unwrap_or(&UNKNOWN)
}

const TOPICS: [&[Advice]; 5] = [
    connecting::ADVICE,
    connected::ADVICE,
    consent::ADVICE,
    request::ADVICE,
    states::ADVICE,
];

static KNOWN: LazyLock<HashMap<&'static str, Guidance>> = LazyLock::new(|| {
    let topics = TOPICS.iter().copied().flatten();
    let all = topics.flat_map(|advice| advice.codes.iter().map(|code| advice.about(code)));
    all.map(|guidance| (guidance.code, guidance)).collect()
});

static UNKNOWN: Guidance = Guidance {
    action: Action::TryAgain,
    code: "unknown",
    cause: None,
    text: Text {
        pt: "Algo não saiu como esperado. Tente de novo daqui a pouco e, se continuar, \
             fale com o nosso suporte.",
        en: "Something did not go as expected. Try again in a little while and, if it happens \
             again, contact our support.",
    },
    until: None,
    known: false,
};

/// What codes of the same meaning have in common.
struct Advice {
    codes: &'static [&'static str],
    action: Action,
    /// Empty if the text says it all.
    cause_pt: &'static str,
    cause_en: &'static str,
    text_pt: &'static str,
    text_en: &'static str,
}

impl Advice {
    fn about(&self, code: &'static str) -> Guidance {
        let text = |pt, en| Text { pt, en };
        let cause = text(self.cause_pt, self.cause_en);
        Guidance {
            action: self.action,
            code,
            cause: Some(cause).filter(|cause| !cause.en.is_empty()),
            text: text(self.text_pt, self.text_en),
            until: None,
            known: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        let topics = TOPICS.iter().copied().flatten();
        let mut codes: Vec<_> = topics.flat_map(|advice| advice.codes).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
