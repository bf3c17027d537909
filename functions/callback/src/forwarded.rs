//! `POST /callback`: an app forwards the redirect it caught, or posts the proof of one.
//!
//! | body | meaning |
//! |---|---|
//! | `{"url": "acmeapp://connected/{session}/success?link=…"}` | the URL the app caught, as it is |
//! | `{"link_id": "…", "proof": "…"}` | both from the return URL (`IDENTITY_SOURCE=body`) |

use domain::session::SessionError;
use domain::{Attempt, CallbackKind, LinkId, Session, SigningKeys};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use runtime::{CallerError, Problem, ProblemKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::Url;

use crate::handler::{Handler, Refusal};
use crate::redirect;

/// A caught URL with its session has some 700 bytes.
pub(crate) const MAX_BODY: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Caught(Caught),
    Proof(Proof),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Caught {
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    link_id: String,
    proof: String,
}

/// Reads a JSON object. A list would pass for one whose members have no names.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let members: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(Value::Object(members))
}

impl Handler {
    pub(crate) async fn handle_forwarded(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        match self.forwarded(request.body().as_ref(), &context).await {
            Ok(answer) => accepted(&answer),
            Err(problem) => problem.into_response(),
        }
    }

    async fn forwarded(&self, body: &[u8], context: &Context<'_>) -> Result<Value, Problem> {
        let problem = |kind| Problem::new(kind, context.request_id);
        if body.len() > MAX_BODY {
            return Err(problem(ProblemKind::TooLarge)
                .at("", format!("must have at most {MAX_BODY} bytes")));
        }
        let invalid = |rule| Err(problem(ProblemKind::InvalidRequest).at("", rule));
        match (object(body), self.config.proof_wanted) {
            (Ok(Body::Caught(body)), _) => self.caught(&body, context).await,
            (Ok(Body::Proof(body)), true) => self.proof(&body, context).await,
            (_, false) => invalid(r#"must be {"url": "…"}"#),
            (_, true) => invalid(r#"must be {"url": "…"} or {"link_id": "…", "proof": "…"}"#),
        }
    }

    /// The URL an app caught. That it knows the whole of it is also the proof.
    async fn caught(&self, body: &Caught, context: &Context<'_>) -> Result<Value, Problem> {
        let invalid = |rule: &str| {
            Problem::new(ProblemKind::InvalidRequest, context.request_id).at("/url", rule)
        };
        let (session, kind, query) = parts(&body.url)
            .ok_or_else(|| invalid("must end in /{session}/{success|exit|event}"))?;
        let verify = |keys: &SigningKeys, now| Session::verify(&session, kind, keys, now);
        let attempt = self.own_attempt(context, verify).await?;
        let outcome = redirect::outcome(kind, &query)
            .map_err(|_| invalid("must name a link by its UUID, and only in the success URL"))?;
        let answer = json!({
            "outcome": outcome.name(),
            "link_id": outcome.link(),
            "code": outcome.code(),
        });
        let proven = outcome.link().filter(|_| self.config.proof_wanted);
        let request_id = context.request_id;
        let sent = self.send_ended(attempt.clone(), outcome, request_id).await;
        sent.map_err(|refusal| refusal.problem(request_id))?;
        if let Some(link_id) = proven {
            let sent = self.send_proven(attempt, link_id, request_id).await;
            sent.map_err(|refusal| refusal.problem(request_id))?;
        }
        Ok(answer)
    }

    /// What `GET /callback/…` put into the return URL.
    async fn proof(&self, body: &Proof, context: &Context<'_>) -> Result<Value, Problem> {
        let link_id = LinkId::parse(&body.link_id).map_err(|rule| {
            Problem::new(ProblemKind::InvalidRequest, context.request_id).at("/link_id", rule)
        })?;
        let verify =
            |keys: &SigningKeys, now| Session::verify_proof(&body.proof, link_id, keys, now);
        let attempt = self.own_attempt(context, verify).await?;
        let sent = self.send_proven(attempt, link_id, context.request_id).await;
        sent.map_err(|refusal| refusal.problem(context.request_id))?;
        Ok(json!({"link_id": link_id}))
    }

    /// The attempt of a verified session, if it is this user's.
    async fn own_attempt(
        &self,
        context: &Context<'_>,
        verify: impl Fn(&SigningKeys, Timestamp) -> Result<Session, SessionError>,
    ) -> Result<Attempt, Problem> {
        let request_id = context.request_id;
        let unauthorized = || Problem::new(ProblemKind::Unauthorized, request_id);
        let claims = context.claims.ok_or_else(unauthorized)?;
        let caller = match self.caller.identify(claims).await {
            Ok(external_id) => external_id,
            Err(CallerError::Secret(error)) => {
                tracing::error!(request_id, %error, "a callback was not taken");
                return Err(error.problem("external_id", request_id));
            }
            Err(error) => return Err(unauthorized().at("claims", error)),
        };
        let verified = self.verified(request_id, verify).await;
        let (session, _) = verified.map_err(|refusal| refusal.problem(request_id))?;
        match session.attempt.external_id == caller {
            true => Ok(session.attempt),
            false => Err(Problem::new(ProblemKind::Forbidden, request_id)),
        }
    }
}

impl Refusal {
    pub(crate) fn problem(self, request_id: &str) -> Problem {
        match self {
            Self::Session(error) => {
                let rule = match error {
                    SessionError::Malformed | SessionError::Forged => "must be one of ours",
                    SessionError::Expired => "has expired",
                };
                Problem::new(ProblemKind::InvalidSession, request_id).at("session", rule)
            }
            Self::NoKey(error) => error.problem("session", request_id),
            Self::Unavailable => Problem::new(ProblemKind::Unavailable, request_id).retry_after(5),
        }
    }
}

/// Session, kind and query of a URL like `acmeapp://connected/{session}/success?link=…`.
fn parts(url: &str) -> Option<(String, CallbackKind, String)> {
    let url = Url::parse(url).ok()?;
    let mut segments = url.path_segments()?.rev();
    let kind = CallbackKind::parse(segments.next()?)?;
    let session = segments.next()?;
    let query = url.query().unwrap_or_default();
    Some((session.to_owned(), kind, query.to_owned()))
}

pub(crate) fn accepted(answer: &Value) -> Response<String> {
    let mut response = Response::new(answer.to_string());
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_the_segment_before_the_outcome() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let parts = parts(url);
            let parts = parts.as_ref().map(|(a, _, b)| (a.as_str(), b.as_str()));
            assert_eq!(parts, expected, "{url}");
        };
        check(
            "acmeapp://connected/S.s/success?link=1",
            Some(("S.s", "link=1")),
        );
        check("https://app.example.com/done/S.s/exit", Some(("S.s", "")));
        check("https://app.example.com/done/S.s/other", None);
        check("acmeapp://success?link=1", None);
        check("acmeapp:success", None);
        check("", None);
    }
}
