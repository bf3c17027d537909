//! Why a call to Belvo did not give what was asked for.

use domain::json::{self, Members};
use domain::{Code, RequestId};
use http::StatusCode;

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
    /// Belvo says that there is no such object: a status of 404 with the code `not_found`.
    #[error("belvo knows no such object")]
    NotFound {
        /// What Belvo said.
        error: ApiError,
    },
    /// Belvo understood and declined; repeating the request cannot help, or the code is not known.
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
    /// What answered is not Belvo's API but something in front of it: a gateway, a firewall, a proxy.
    /// Nothing is known of what was asked for.
    #[error("something in front of belvo has answered, with status {status}")]
    Gateway {
        /// The HTTP status.
        status: StatusCode,
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
    /// The row that was asked for came, and is not JSON.
    #[error("the row that belvo gave is not JSON")]
    SpoiledRow,
    /// The keys could not be read.
    #[error("belvo's secret keys are not available")]
    Keys(#[source] KeyError),
    /// We could not write the request.
    #[error("the request to belvo could not be written")]
    Request(#[from] http::Error),
}

/// Statuses that say that an answer took too long or became too large: Belvo's own, and those of
/// gateways.
const OF_SIZE: [u16; 4] = [408, 413, 504, 524];

impl BelvoError {
    /// When the call is worth repeating.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Transport { .. } | Self::Unexpected { .. } => Retry::InPlace,
            Self::AuthenticationFailed { error }
            | Self::NotFound { error }
            | Self::Refused { error, .. }
            | Self::Unavailable { error, .. } => error.retry,
            Self::Gateway { status } => policy::retry_after_gateway(*status),
            Self::Keys(_) => Retry::Later(Wait::Longer),
            Self::SpoiledRow | Self::Request(_) => Retry::Never,
        }
    }

    /// Whether an answer may have failed because it was to be large: the same may come in smaller
    /// parts.
    pub fn is_for_its_size(&self) -> bool {
        match self {
            Self::Transport { source, .. } => !matches!(source, TransportError::NoAnswer(_)),
            Self::Gateway { status }
            | Self::Refused { status, .. }
            | Self::Unavailable { status, .. } => OF_SIZE.contains(&status.as_u16()),
            _ => false,
        }
    }

    /// Whether the answer took all its time, or was too large to be taken: the same request fails again.
    pub(crate) fn is_too_large(&self) -> bool {
        match self {
            Self::Transport { source, .. } => {
                matches!(source, TransportError::TimedOut | TransportError::TooLarge)
            }
            _ => false,
        }
    }

    /// What Belvo said, if it said anything.
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::AuthenticationFailed { error }
            | Self::NotFound { error }
            | Self::Refused { error, .. }
            | Self::Unavailable { error, .. } => Some(error),
            Self::Gateway { .. }
            | Self::Transport { .. }
            | Self::Unexpected { .. }
            | Self::SpoiledRow
            | Self::Keys(_)
            | Self::Request(_) => None,
        }
    }

    /// Reads an answer whose status is no success.
    pub(crate) fn from_response(status: StatusCode, body: &[u8]) -> Self {
        let Some(error) = ApiError::read(status, body) else {
            return Self::Gateway { status };
        };
        match (status, error.retry) {
            (StatusCode::NOT_FOUND, _) if error.code.as_str() == "not_found" => {
                Self::NotFound { error }
            }
            _ if policy::OF_KEYS.contains(&error.code.as_str()) => {
                Self::AuthenticationFailed { error }
            }
            (_, Retry::Never | Retry::Later(Wait::Unknown)) => Self::Refused { status, error },
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
    /// The first code.
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
    /// Belvo's errors are an array of objects with a text `code`, also for a single error (Belvo's
    /// error guide). Whatever has another form was written by something in front of Belvo: `None`.
    fn read(status: StatusCode, body: &[u8]) -> Option<Self> {
        let text = json::text::of(body);
        let (objects, None) = json::elements(&text) else {
            return None;
        };
        let errors: Option<Vec<Members<'_>>> = objects.into_iter().map(Members::read).collect();
        let errors = errors?;
        let details = errors.iter().map(|error| {
            Some(Detail {
                code: Code::lenient(&error.text("code")?),
                field: error.text("field").as_deref().map(Code::lenient),
            })
        });
        let details: Option<Vec<Detail>> = details.collect();
        let mut details = details?;
        details.truncate(MAX_DETAILS);
        let is_error = status.is_client_error() || status.is_server_error();
        let code = details.first().filter(|_| is_error)?.code.clone();
        let mut request_ids = errors.iter();
        Some(Self {
            retry: policy::retry(status, code.as_str()),
            request_id: request_ids.find_map(|it| it.parsed("request_id", RequestId::parse)),
            code,
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wait;

    fn error(status: u16, body: &str) -> BelvoError {
        BelvoError::from_response(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[derive(Debug, PartialEq)]
    enum Is {
        NotFound,
        Refused,
        AuthenticationFailed,
        Unavailable,
        Gateway(Retry),
    }

    fn check(status: u16, body: &str, expected: Is) {
        let error = error(status, body);
        let is = match &error {
            BelvoError::NotFound { .. } => Is::NotFound,
            BelvoError::Refused { .. } => Is::Refused,
            BelvoError::AuthenticationFailed { .. } => Is::AuthenticationFailed,
            BelvoError::Unavailable { .. } => Is::Unavailable,
            BelvoError::Gateway { .. } => Is::Gateway(error.retry()),
            other => panic!("{other:?}"),
        };
        assert_eq!(is, expected, "{status} {body}");
    }

    #[test]
    fn an_answer_in_belvos_form_is_belvos_word() {
        let array = |code: &str| format!(r#"[{{"message": "…", "code": "{code}"}}]"#);
        let several = r#"[{"code": "not_found", "x": [1]}, {"code": "invalid", "field": null}]"#;
        check(404, several, Is::NotFound);
        let check = |status, code, expected| check(status, &array(code), expected);
        check(404, "not_found", Is::NotFound);
        check(404, "expired_credentials", Is::Refused);
        check(404, "never_seen_before", Is::Refused);
        check(400, "not_found", Is::Refused);
        check(400, "invalid", Is::Refused);
        check(403, "access_to_resource_denied", Is::Refused);
        check(421, "never_seen_before", Is::Refused);
        check(401, "authentication_failed", Is::AuthenticationFailed);
        check(401, "never_seen_before", Is::Refused);
        // Keys and consents are told apart though both are 401.
        check(401, "consent_without_accounts", Is::Refused);
        check(400, "too_many_sessions", Is::Unavailable);
        check(408, "request_timeout", Is::Unavailable);
        check(403, "authentication_failed", Is::AuthenticationFailed);
        check(401, "operational_limits_reached", Is::Unavailable);
        check(409, "link_refreshed", Is::Unavailable);
        check(429, "throttled", Is::Unavailable);
        check(500, "unexpected_error", Is::Unavailable);
    }

    #[test]
    fn an_answer_in_any_other_form_is_an_outage_whatever_its_status() {
        let in_place = [
            301, 302, 307, 400, 401, 404, 405, 408, 409, 410, 428, 500, 502, 503, 504,
        ];
        let longer = [403, 421, 429];
        for body in [
            "",
            " ",
            "<html><head><title>404 Not Found</title></head></html>",
            "no Route matched with those values",
            r#"{"message": "Forbidden"}"#,
            r#"{"detail": "Not found."}"#,
            r#"{"code": "not_found"}"#,
            r#"{"code": "authentication_failed"}"#,
            "null",
            "404",
            r#""not_found""#,
            "[]",
            "[[]]",
            r#"["not_found"]"#,
            r#"[["not_found", null, null]]"#,
            r#"[{}]"#,
            r#"[{"detail": "Not found."}]"#,
            r#"[{"code": null}]"#,
            r#"[{"code": 404}]"#,
            r#"[{"code": "not_found"}, {"message": "…"}]"#,
            r#"[{"code": "not_found"}"#,
        ] {
            for status in in_place {
                check(status, body, Is::Gateway(Retry::InPlace));
            }
            for status in longer {
                check(status, body, Is::Gateway(Retry::Later(Wait::Longer)));
            }
        }
        // Belvo redirects nowhere.
        let redirect = r#"[{"code": "not_found"}]"#;
        check(302, redirect, Is::Gateway(Retry::InPlace));
    }

    #[test]
    fn a_value_that_cannot_be_read_spoils_no_error_of_belvos() {
        let check = |body: &[u8]| {
            let error = BelvoError::from_response(StatusCode::NOT_FOUND, body);
            let shown = String::from_utf8_lossy(body);
            assert!(
                matches!(error, BelvoError::NotFound { .. }),
                "{shown}: {error}"
            );
        };
        check(b"[{\"code\":\"not_found\",\"message\":\"N\xe3o\"}]");
        check("\u{feff}[{\"code\":\"not_found\"}]\r\n".as_bytes());
        for odd in ["1e999", r#""\ud83d""#, "NaN", "12,5", "undefined", "01"] {
            check(format!(r#"[{{"message":{odd},"code":"not_found"}}]"#).as_bytes());
            check(
                format!(r#"[{{"code":"not_found","request_id":{odd}}},{{"code":"x"}}]"#).as_bytes(),
            );
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        check(format!(r#"[{{"code":"not_found","x":{deep}}}]"#).as_bytes());
    }

    #[test]
    fn the_request_id_of_any_error_is_kept() {
        let body = br#"[{"code":"a","request_id":null},{"code":"b","request_id":"4363b08b51eb43509c745df5ac92a7f6"}]"#;
        let error = ApiError::read(StatusCode::BAD_REQUEST, body).unwrap();
        let request_id = error.request_id.unwrap();
        assert_eq!(request_id.as_str(), "4363b08b51eb43509c745df5ac92a7f6");
    }

    #[test]
    fn every_detail_is_kept() {
        let body =
            br#"[{"code":"required","field":"link","request_id":"x"},{"code":"null","field":7}]"#;
        let error = ApiError::read(StatusCode::BAD_REQUEST, body).unwrap();
        let details = error.details.iter();
        let details: Vec<_> = details
            .map(|it| (it.code.as_str(), it.field.as_ref().map(Code::as_str)))
            .collect();
        assert_eq!(details, [("required", Some("link")), ("null", None)]);
        assert_eq!(error.request_id, None, "x is none");
    }

    #[test]
    fn belvos_message_is_dropped() {
        let body = br#"[{"code":"invalid","field":"number","message":"76109277673 is bad"}]"#;
        let error = BelvoError::from_response(StatusCode::BAD_REQUEST, body);
        assert!(!format!("{error} {error:?}").contains("76109277673"));
    }
}
