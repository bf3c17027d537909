//! Errors of our HTTP API, as RFC 9457 describes them.
//!
//! A [`Problem`] is made where something goes wrong and is answered in one place, the function's
//! handler. Only there is its cause logged, together with the request's id.

use domain::{Code, RequestId};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::secret::SecretError;

/// What went wrong, for programs. Each kind has a `type` of its own that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request breaks a rule; `errors` says which field and which rule.
    InvalidRequest,
    /// The body is larger than we read.
    TooLarge,
    /// The token is missing, or does not say who the user is.
    Unauthorized,
    /// The user is known and may not do this.
    Forbidden,
    /// Belvo would drop the user's id, so the stack must derive ids.
    DerivedIdRequired,
    /// There is no such record, or it is another user's.
    NotFound,
    /// The consent behind the link is not known yet.
    NoConsent,
    /// The link exists, and its data is not shown yet or never will be.
    LinkNotServed,
    /// Another link has taken the place of this one.
    LinkReplaced,
    /// Belvo has refreshed the link less than ten minutes ago.
    RefreshedRecently,
    /// The bank gives no more data this month.
    LimitReached,
    /// The widget session is over, forged or malformed.
    InvalidSession,
    /// The user or the document has had all attempts of this hour.
    TooManyAttempts,
    /// Belvo refused the request.
    BelvoRefused,
    /// Belvo, AWS or a secret is not available.
    Unavailable,
}

impl ProblemKind {
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => (
                StatusCode::BAD_REQUEST,
                "/problems/invalid-request",
                "The request is not valid.",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "/problems/too-large",
                "The body is too large.",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "/problems/unauthorized",
                "The credentials are missing or not accepted.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "/problems/forbidden",
                "This is not available to the user.",
            ),
            Self::DerivedIdRequired => (
                StatusCode::FORBIDDEN,
                "/problems/derived-id-required",
                "Belvo would drop this user's id. The stack must use ExternalIdMode=derived.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "/problems/not-found",
                "There is nothing of this id that belongs to the user.",
            ),
            Self::NoConsent => (
                StatusCode::CONFLICT,
                "/problems/no-consent",
                "The consent is not known yet; try again later.",
            ),
            Self::LinkNotServed => (
                StatusCode::CONFLICT,
                "/problems/link-not-served",
                "The link's data is not shown; the link itself says why.",
            ),
            Self::LinkReplaced => (
                StatusCode::CONFLICT,
                "/problems/link-replaced",
                "Another link has taken the place of this one; `duplicate_of` of the link names it.",
            ),
            Self::RefreshedRecently => (
                StatusCode::CONFLICT,
                "/problems/refreshed-recently",
                "The link was refreshed less than ten minutes ago.",
            ),
            Self::LimitReached => (
                StatusCode::CONFLICT,
                "/problems/limit-reached",
                "The bank gives no more data this month.",
            ),
            Self::InvalidSession => (
                StatusCode::BAD_REQUEST,
                "/problems/invalid-session",
                "The session is not valid.",
            ),
            Self::TooManyAttempts => (
                StatusCode::TOO_MANY_REQUESTS,
                "/problems/too-many-attempts",
                "Too many attempts to connect; try again later.",
            ),
            Self::BelvoRefused => (
                StatusCode::BAD_GATEWAY,
                "/problems/belvo-refused",
                "Belvo refused the request.",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "/problems/unavailable",
                "The service is not available; try again shortly.",
            ),
        }
    }
}

/// An error answer: what kind, which fields, what Belvo said, and for the log what caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    errors: Vec<FieldError>,
    belvo: Option<Box<BelvoReference>>,
    retry_after_seconds: Option<u32>,
    /// An error and its causes. It is logged and never answered.
    cause: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct FieldError {
    /// JSON pointer into the body, or what else it is about: `query …`, `claim …`, `claims`,
    /// `session`, `secret …`. openapi.yaml says what each of them names.
    pointer: String,
    detail: String,
}

/// What Belvo's support asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct BelvoReference {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    errors: Vec<BelvoDetail>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct BelvoDetail {
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Code>,
}

impl Problem {
    /// A problem of the request, or of something that stays as it is. It has no cause to log.
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            errors: Vec::new(),
            belvo: None,
            retry_after_seconds: None,
            cause: None,
        }
    }

    /// AWS or we ourselves failed. The client tries again in five seconds.
    pub fn unavailable(error: impl std::error::Error) -> Self {
        Self::new(ProblemKind::Unavailable)
            .caused_by(&error)
            .retry_after(5)
    }

    /// Adds what the log line says of the failure.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        self.cause = Some(crate::chain(error));
        self
    }

    /// Adds the field and the rule it breaks. `detail` must not repeat the value.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl ToString) -> Self {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.to_string(),
        });
        self
    }

    /// Adds Belvo's id of the failed request, and its codes with the fields they are about.
    #[must_use]
    pub fn from_belvo(
        mut self,
        request_id: Option<&RequestId>,
        errors: impl IntoIterator<Item = (Code, Option<Code>)>,
    ) -> Self {
        let errors = errors.into_iter();
        self.belvo = Some(Box::new(BelvoReference {
            request_id: request_id.map(|id| id.as_str().to_owned()),
            errors: errors
                .map(|(code, field)| BelvoDetail { code, field })
                .collect(),
        }));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Logs what caused the problem. `failed` says what did not happen, such as "no token was
    /// minted". A problem without a cause is the request's own, and is not logged.
    pub fn log(&self, request_id: &str, failed: &str) {
        let Some(cause) = &self.cause else {
            return;
        };
        let refusal = self.belvo.as_ref().and_then(|it| it.errors.first());
        let code = refusal.map(|it| it.code.as_str());
        tracing::error!(request_id, belvo.code = code, error = cause, "{failed}");
    }

    /// Writes the problem as a response, and its cause as a log line: see [`log`](Self::log).
    pub fn into_response(self, request_id: &str, failed: &str) -> Response<String> {
        self.log(request_id, failed);
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            title: &'a str,
            status: u16,
            request_id: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [FieldError],
            #[serde(skip_serializing_if = "Option::is_none")]
            belvo: &'a Option<Box<BelvoReference>>,
        }
        let (status, kind, title) = self.kind.facts();
        let body = serde_json::to_string(&Body {
            kind,
            title,
            status: status.as_u16(),
            request_id,
            errors: &self.errors,
            belvo: &self.belvo,
        });
        // Strings and numbers always serialize; an empty body is still the right status.
        let mut response = Response::new(body.unwrap_or_default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An error that no code has turned into an answer is AWS's or our own. Its text is logged, so an
/// error that may quote what a client has sent is turned into an answer where it arises.
impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::unavailable(error)
    }
}

impl SecretError {
    /// What the client is told: which secret, in the words of `openapi.yaml`, and what is wrong with
    /// it. Its name in the account and its value stay out.
    pub fn problem(&self, secret: &'static str) -> Problem {
        let rule = match self {
            Self::Unavailable { .. } => "could not be read",
            Self::Empty { .. } => "has no value yet",
            Self::Invalid { .. } => "has a value of another form than it must have",
        };
        Problem::unavailable(self).at(format!("secret {secret}"), rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_field_and_the_rule() {
        let response = Problem::new(ProblemKind::InvalidRequest)
            .at("/access_mode", "must be single or recurrent")
            .into_response("req-1", "no token was minted");
        assert_eq!(response.status(), 400);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "/problems/invalid-request",
                "title": "The request is not valid.",
                "status": 400,
                "request_id": "req-1",
                "errors": [{"pointer": "/access_mode", "detail": "must be single or recurrent"}]
            })
        );
    }
}
