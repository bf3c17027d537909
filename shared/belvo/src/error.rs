//! Why a call to Belvo did not give what was asked for.

use http::StatusCode;
use serde::Deserialize;

use domain::{Code, RequestId};

use crate::keys::KeyError;
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

/// When a failed call is worth repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Within seconds.
    InPlace,
    /// Within minutes or hours.
    Later,
    /// Not as it is.
    Never,
}

impl BelvoError {
    /// Belvo's advice (error guide, "retry"), plus what its gateway answers when it is overrun.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Transport { .. } | Self::Unexpected { .. } => Retry::InPlace,
            Self::Unavailable { status, .. } => match *status {
                // The gateway counts requests over 30 s: a quick repetition makes it worse.
                StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => Retry::Later,
                // "Already a session": Belvo asks for two minutes.
                StatusCode::BAD_REQUEST => Retry::Later,
                _ => Retry::InPlace,
            },
            Self::AuthenticationFailed { .. } | Self::Keys(_) => Retry::Later,
            Self::NotFound { .. } | Self::Refused { .. } | Self::Request(_) => Retry::Never,
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
        let error = ApiError::from_body(body);
        let code = error.code.as_str();
        match status {
            // 401 has two meanings: our keys, or this user's consent. Only the code tells.
            StatusCode::UNAUTHORIZED if code != "consent_without_accounts" => {
                Self::AuthenticationFailed { error }
            }
            StatusCode::NOT_FOUND => Self::NotFound { error },
            StatusCode::BAD_REQUEST if code == "too_many_sessions" => {
                Self::Unavailable { status, error }
            }
            // The gateway's 403 is an HTML page; the API's is JSON.
            StatusCode::FORBIDDEN if !error.from_api => Self::Unavailable { status, error },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Self::Unavailable { status, error }
            }
            _ if status.is_server_error() => Self::Unavailable { status, error },
            _ => Self::Refused { status, error },
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
    /// Whether Belvo's API wrote it, rather than a gateway in front of it.
    from_api: bool,
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
    fn from_body(body: &[u8]) -> Self {
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
        Self {
            code: details
                .first()
                .map_or_else(unrecognized, |it| it.code.clone()),
            request_id,
            details,
            from_api,
        }
    }
}

fn unrecognized() -> Code {
    Code::lenient("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_failure_has_a_policy() {
        let check = |status: u16, body: &str, retry: Retry, code: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let error = BelvoError::from_response(status, body.as_bytes());
            assert_eq!(error.retry(), retry, "{status} {body}");
            assert_eq!(error.api_error().unwrap().code.as_str(), code);
        };
        let array = |code: &str| {
            format!(r#"[{{"request_id":"4363b08b51eb43509c745df5ac92a7f6","code":"{code}"}}]"#)
        };
        check(400, &array("required"), Retry::Never, "required");
        check(
            400,
            &array("too_many_sessions"),
            Retry::Later,
            "too_many_sessions",
        );
        check(
            401,
            &array("authentication_failed"),
            Retry::Later,
            "authentication_failed",
        );
        check(
            401,
            &array("consent_without_accounts"),
            Retry::Never,
            "consent_without_accounts",
        );
        check(
            403,
            "<html>403 Forbidden</html>",
            Retry::Later,
            "unrecognized",
        );
        check(
            403,
            &array("access_to_resource_denied"),
            Retry::Never,
            "access_to_resource_denied",
        );
        check(404, &array("not_found"), Retry::Never, "not_found");
        check(
            408,
            &array("request_timeout"),
            Retry::InPlace,
            "request_timeout",
        );
        check(429, "", Retry::Later, "unrecognized");
        check(
            500,
            &array("unexpected_error"),
            Retry::InPlace,
            "unexpected_error",
        );
        check(
            502,
            "<html>bad gateway</html>",
            Retry::InPlace,
            "unrecognized",
        );
        check(
            400,
            r#"{"code":"parse_error"}"#,
            Retry::Never,
            "parse_error",
        );
        check(400, "[]", Retry::Never, "unrecognized");
    }

    #[test]
    fn every_detail_is_kept() {
        let body = br#"[{"code":"required","field":"link","request_id":"x"},{"code":"null","field":"id"}]"#;
        let error = ApiError::from_body(body);
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
