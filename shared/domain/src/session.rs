//! The signed session in the callback's path.
//!
//! Belvo's redirects carry no user and no signature, so the path of each callback URL carries both:
//! everything `callback` needs to know, signed by `token`. It is verified without any read.
//! The path is used because how Belvo appends to a URL that already has a query is undocumented.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::id::LinkId;
use crate::key::{Purpose, SigningKeys};
use crate::widget_outcome::CallbackKind;

/// How long a session can come back: Belvo's token lives 10 minutes, and the bank then gives the
/// user 60 minutes to confirm (Open Finance Brasil, Consents API 3.3). The rest is slack.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(90);

/// The longest path of a callback's address. Web firewalls refuse longer ones: the core rules of AWS
/// WAF a path above 1,024 bytes and a query above 2,048.
///
/// **Invariant:** where the path fits, the query of the user's way back does too. It holds the return
/// URL's own query, a session that is shorter than this path, and less than 300 bytes more.
pub const MAX_PATH: usize = 1024;

/// The form below. A session of another version is malformed.
const VERSION: u8 = 1;

/// Longer than any session we sign, so that nothing large is decoded.
const MAX_LENGTH: usize = 4096;

/// A connection attempt, on its way through the user's browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    #[serde(rename = "v")]
    version: u8,
    /// When it stops being accepted.
    #[serde(rename = "exp", with = "jiff::fmt::serde::timestamp::second::required")]
    expires_at: Timestamp,
    /// The attempt it belongs to.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Where the user goes afterwards; checked against the list again when it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
}

/// What a signed session is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// To come back in one of the three callback URLs.
    Callback(CallbackKind),
    /// To report what the user's browser shows. It is no callback, so it is in no URL.
    Report,
}

impl SessionKind {
    fn name(self) -> &'static str {
        match self {
            Self::Callback(kind) => kind.name(),
            Self::Report => "report",
        }
    }
}

impl From<CallbackKind> for SessionKind {
    fn from(kind: CallbackKind) -> Self {
        Self::Callback(kind)
    }
}

/// Why a session is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not something we wrote.
    #[error("the session is malformed")]
    Malformed,
    /// Well-formed, but the signature is not ours.
    #[error("the session's signature is wrong")]
    Forged,
    /// Ours, and too old.
    #[error("the session has expired")]
    Expired,
}

impl Session {
    /// Starts a session for an attempt.
    pub fn new(attempt: Attempt, return_url: Option<String>) -> Self {
        Self {
            version: VERSION,
            expires_at: attempt
                .started_at
                .saturating_add(LIFETIME)
                .unwrap_or(Timestamp::MAX),
            attempt,
            return_url,
        }
    }

    /// Writes the session as one path segment: base64url content, a dot, base64url signature.
    ///
    /// The signature is for one use, such as one of the three URLs: whoever has seen another does
    /// not know it.
    pub fn sign(
        &self,
        kind: impl Into<SessionKind>,
        keys: &SigningKeys,
    ) -> Result<String, serde_json::Error> {
        let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self)?);
        let signature = keys.sign(Purpose::Session, &signed(&content, kind.into()));
        Ok(format!("{content}.{signature}"))
    }

    /// Reads a signed session back, if it is ours, for this use, and still valid at `now`.
    pub fn verify(
        text: &str,
        kind: impl Into<SessionKind>,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<Self, SessionError> {
        if text.len() > MAX_LENGTH {
            return Err(SessionError::Malformed);
        }
        let (content, signature) = text.split_once('.').ok_or(SessionError::Malformed)?;
        let json = URL_SAFE_NO_PAD
            .decode(content)
            .map_err(|_| SessionError::Malformed)?;
        if !keys.verify(Purpose::Session, &signed(content, kind.into()), signature) {
            return Err(SessionError::Forged);
        }
        let session: Self = serde_json::from_slice(&json).map_err(|_| SessionError::Malformed)?;
        if session.version != VERSION {
            return Err(SessionError::Malformed);
        }
        if session.expires_at <= now {
            return Err(SessionError::Expired);
        }
        Ok(session)
    }

    /// A proof that whoever holds it received this session back together with this link: the
    /// signed session, a dot, and a signature over both.
    pub fn prove(&self, link: LinkId, keys: &SigningKeys) -> Result<String, serde_json::Error> {
        let session = self.sign(CallbackKind::Success, keys)?;
        let signature = keys.sign(Purpose::Proof, self.proven(link).as_bytes());
        Ok(format!("{session}.{signature}"))
    }

    /// Reads a proof back, if it is ours, of this link, and still valid at `now`.
    pub fn verify_proof(
        proof: &str,
        link: LinkId,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<Self, SessionError> {
        let (session, signature) = proof.rsplit_once('.').ok_or(SessionError::Malformed)?;
        let session = Self::verify(session, CallbackKind::Success, keys, now)?;
        match keys.verify(Purpose::Proof, session.proven(link).as_bytes(), signature) {
            true => Ok(session),
            false => Err(SessionError::Forged),
        }
    }

    fn proven(&self, link: LinkId) -> String {
        format!("{} {link}", self.attempt.session_id)
    }
}

fn signed(content: &str, kind: SessionKind) -> Vec<u8> {
    [content.as_bytes(), b"/", kind.name().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ExternalId, SessionId};
    use crate::tax_id::{Cpf, Document};
    use proptest::prelude::*;

    fn keys(text: &str) -> SigningKeys {
        SigningKeys::from_json(&format!(r#"{{"current":"{}"}}"#, text.repeat(32))).unwrap()
    }

    fn session() -> Session {
        let document = Document::from(&Cpf::parse("76109277673").unwrap());
        let attempt = Attempt {
            session_id: SessionId::from_random([7; 16]),
            external_id: ExternalId::parse("HJLSI-897809").unwrap(),
            started_at: "2026-11-23T12:00:00Z".parse().unwrap(),
            person: keys("a").hash_document(&document),
            company: None,
        };
        Session::new(attempt, Some("acmeapp://connected".to_owned()))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_signed_session_comes_back_as_it_was() {
        let text = session().sign(CallbackKind::Success, &keys("a")).unwrap();
        let path_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        assert!(text.chars().all(path_safe), "{text}");
        let back = Session::verify(
            &text,
            CallbackKind::Success,
            &keys("a"),
            at("2026-11-23T13:29:59Z"),
        );
        assert_eq!(back, Ok(session()));
    }

    #[test]
    fn a_session_seen_in_one_url_is_worthless_in_another() {
        let text = session().sign(CallbackKind::Exit, &keys("a")).unwrap();
        let now = at("2026-11-23T12:00:01Z");
        let verify = |kind| Session::verify(&text, kind, &keys("a"), now);
        assert!(verify(CallbackKind::Exit).is_ok());
        assert_eq!(verify(CallbackKind::Success), Err(SessionError::Forged));
        assert_eq!(verify(CallbackKind::Event), Err(SessionError::Forged));
    }

    #[test]
    fn a_session_to_report_with_is_no_callback_and_no_callback_reports() {
        let now = at("2026-11-23T12:00:01Z");
        let verify = |text: &str, kind| Session::verify(text, kind, &keys("a"), now);
        let report = session().sign(SessionKind::Report, &keys("a")).unwrap();
        assert_eq!(verify(&report, SessionKind::Report), Ok(session()));
        for kind in [
            CallbackKind::Success,
            CallbackKind::Exit,
            CallbackKind::Event,
        ] {
            assert_eq!(verify(&report, kind.into()), Err(SessionError::Forged));
            let text = session().sign(kind, &keys("a")).unwrap();
            assert_eq!(
                verify(&text, SessionKind::Report),
                Err(SessionError::Forged)
            );
        }
        assert_eq!(CallbackKind::parse(SessionKind::Report.name()), None);
    }

    #[test]
    fn a_session_expires() {
        let text = session().sign(CallbackKind::Success, &keys("a")).unwrap();
        let late = Session::verify(
            &text,
            CallbackKind::Success,
            &keys("a"),
            at("2026-11-23T13:30:00Z"),
        );
        assert_eq!(late, Err(SessionError::Expired));
    }

    #[test]
    fn a_session_holds_no_document() {
        let text = session().sign(CallbackKind::Success, &keys("a")).unwrap();
        let content = text.split_once('.').unwrap().0;
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(content).unwrap()).unwrap();
        assert!(!json.contains("76109277673"), "{json}");
    }

    #[test]
    fn a_proof_belongs_to_one_session_and_link() {
        let link = LinkId::parse("2f8ca7a1-c28f-46f2-bb41-21633099a280").unwrap();
        let other = LinkId::parse("2f8ca7a1-c28f-46f2-bb41-21633099a281").unwrap();
        let proof = session().prove(link, &keys("a")).unwrap();
        let now = at("2026-11-23T12:00:01Z");
        let verify = |link, key| Session::verify_proof(&proof, link, &keys(key), now);
        assert_eq!(verify(link, "a"), Ok(session()));
        assert_eq!(verify(other, "a"), Err(SessionError::Forged));
        assert_eq!(verify(link, "b"), Err(SessionError::Forged));
        let session = session().sign(CallbackKind::Success, &keys("a")).unwrap();
        let bare = Session::verify_proof(&session, link, &keys("a"), now);
        assert!(bare.is_err());
    }

    proptest! {
        #[test]
        fn a_changed_session_is_refused(position in 0usize..400, byte in 0u8..128) {
            let text = session().sign(CallbackKind::Success, &keys("a")).unwrap();
            let mut bytes = text.clone().into_bytes();
            let position = position % bytes.len();
            prop_assume!(bytes[position] != byte);
            bytes[position] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            let result = Session::verify(&changed, CallbackKind::Success, &keys("a"), at("2026-11-23T12:00:01Z"));
            prop_assert!(matches!(result, Err(SessionError::Forged | SessionError::Malformed)));
        }

        #[test]
        fn any_text_is_refused_quietly(text in ".{0,300}") {
            prop_assert!(Session::verify(&text, CallbackKind::Success, &keys("a"), at("2026-11-23T12:00:01Z")).is_err());
        }
    }
}
