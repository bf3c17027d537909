//! Why a call to Belvo did not give what was asked for.

use http::StatusCode;
use serde::Deserialize;

use domain::{Code, RequestId};

use crate::keys::KeyError;
use crate::policy::{self, Retry, Wait};
use crate::transport::TransportError;

/// Why a call to Belvo failed. Variants are the caller's decisions.
#[derive(Debug, thiserror::Error)]
pub enum BelvoError {
    /// Belvo does not know our keys, not even after they were read again.
    #[error("belvo rejects our secret keys")]
    AuthenticationFailed {
        /// What Belvo said.
        error: ApiError,
    },
    /// There is no such object.
    #[error("belvo knows no such object")]
    NotFound {
        /// What Belvo said.
        error: ApiError,
    },
    /// Belvo understood and declined; repeating the request cannot help.
    #[error("belvo refused the request with status {status} and code {}", .error.code)]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What Belvo said.
        error: ApiError,
    },
    /// Belvo is overloaded, down, or busy with this link.
    #[error("belvo is unavailable, with status {status} and code {}", .error.code)]
    Unavailable {
        /// The HTTP status.
        status: StatusCode,
        /// What Belvo said.
        error: ApiError,
    },
    /// No answer arrived.
    #[error("no answer from belvo while reading {path}")]
    Transport {
        /// The path asked for, without its query.
        path: String,
        /// What happened.
        #[source]
        source: TransportError,
    },
    /// An answer arrived that is not what the documentation promises.
    #[error("belvo's answer is not what it should be: {what}")]
    Unexpected {
        /// What is missing, in our words.
        what: &'static str,
    },
    /// The keys could not be read.
    #[error("belvo's secret keys are not available")]
    Keys(#[source] KeyError),
    /// We could not write the request.
    #[error("the request to belvo could not be written")]
    Request(#[from] http::Error),
}

impl BelvoError {
    /// When the call is worth repeating.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Transport { .. } | Self::Unexpected { .. } => Retry::InPlace,
            Self::AuthenticationFailed { error }
            | Self::NotFound { error }
            | Self::Refused { error, .. }
            | Self::Unavailable { error, .. } => error.retry,
            Self::Keys(_) => Retry::Later(Wait::Longer),
            Self::Request(_) => Retry::Never,
        }
    }

    /// What Belvo said, if it said anything.
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::AuthenticationFailed { error }
            | Self::NotFound { error }
            | Self::Refused { error, .. }
            | Self::Unavailable { error, .. } => Some(error),
            Self::Transport { .. } | Self::Unexpected { .. } | Self::Keys(_) | Self::Request(_) => {
                None
            }
        }
    }

    pub(crate) fn from_response(status: StatusCode, body: &[u8]) -> Self {
        let error = ApiError::new(status, body);
        match (status, error.retry) {
            (StatusCode::NOT_FOUND, _) => Self::NotFound { error },
            (_, Retry::Never) => Self::Refused { status, error },
            (StatusCode::UNAUTHORIZED, _) => Self::AuthenticationFailed { error },
            _ => Self::Unavailable { status, error },
        }
    }
}

impl From<KeyError> for BelvoError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

/// Belvo's error array, without its messages: those may quote what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The first code, or `unrecognized`.
    pub code: Code,
    /// What Belvo's support asks for.
    pub request_id: Option<RequestId>,
    /// All codes, and the fields they are about.
    pub details: Vec<Detail>,
    /// When the call is worth repeating.
    retry: Retry,
}

/// One object of Belvo's error array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Belvo's code.
    pub code: Code,
    /// The field it is about.
    pub field: Option<Code>,
}

/// More than a request of ours can get wrong.
const MAX_DETAILS: usize = 20;

impl ApiError {
    /// Errors come as an array of objects; a lone object and HTML pages are known too.
    fn new(status: StatusCode, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Wire {
            code: Option<Code>,
            field: Option<Code>,
            request_id: Option<String>,
        }
        let errors = serde_json::from_slice::<Vec<Wire>>(body)
            .or_else(|_| serde_json::from_slice::<Wire>(body).map(|error| vec![error]));
        let from_api = errors.is_ok();
        let errors = errors.unwrap_or_default();
        let request_id = errors.first().and_then(|error| error.request_id.as_ref());
        let request_id = request_id.and_then(|id| RequestId::parse(id).ok());
        let details = errors.into_iter().take(MAX_DETAILS).map(|error| Detail {
            code: error.code.unwrap_or_else(unrecognized),
            field: error.field,
        });
        let details: Vec<Detail> = details.collect();
        let code = details.first();
        let code = code.map_or_else(unrecognized, |it| it.code.clone());
        Self {
            retry: policy::retry(status, code.as_str(), from_api),
            code,
            request_id,
            details,
        }
    }
}

fn unrecognized() -> Code {
    Code::lenient("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> BelvoError {
        BelvoError::from_response(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn an_array_an_object_a_page_and_nothing_are_all_understood() {
        let check = |status: u16, body: &str, retry: Retry, code: &str| {
            let error = error(status, body);
            assert_eq!(error.retry(), retry, "{status} {body}");
            assert_eq!(error.api_error().unwrap().code.as_str(), code);
        };
        let array = r#"[{"request_id":"4363b08b51eb43509c745df5ac92a7f6","code":"required"}]"#;
        check(400, array, Retry::Never, "required");
        let object = r#"{"code":"parse_error"}"#;
        check(400, object, Retry::Never, "parse_error");
        check(400, "[]", Retry::Never, "unrecognized");
        let longer = Retry::Later(Wait::Longer);
        check(403, "<html>403 Forbidden</html>", longer, "unrecognized");
        check(429, "", longer, "unrecognized");
        check(
            502,
            "<html>bad gateway</html>",
            Retry::InPlace,
            "unrecognized",
        );
    }

    #[test]
    fn keys_and_consents_are_told_apart_though_both_are_401() {
        let keys = error(401, r#"[{"code":"authentication_failed"}]"#);
        assert!(matches!(keys, BelvoError::AuthenticationFailed { .. }));
        let consent = error(401, r#"[{"code":"consent_without_accounts"}]"#);
        assert!(matches!(consent, BelvoError::Refused { .. }));
    }

    #[test]
    fn every_detail_is_kept() {
        let body = br#"[{"code":"required","field":"link","request_id":"x"},{"code":"null","field":"id"}]"#;
        let error = ApiError::new(StatusCode::BAD_REQUEST, body);
        let details = error.details.iter();
        let details: Vec<_> = details
            .map(|it| (it.code.as_str(), it.field.as_ref().map(Code::as_str)))
            .collect();
        assert_eq!(details, [("required", Some("link")), ("null", Some("id"))]);
        assert_eq!(error.request_id, None, "x is none");
    }

    #[test]
    fn belvos_message_is_dropped() {
        let body = br#"[{"code":"invalid","field":"number","message":"76109277673 is bad"}]"#;
        let error = BelvoError::from_response(StatusCode::BAD_REQUEST, body);
        assert!(!format!("{error} {error:?}").contains("76109277673"));
    }
}
