//! `POST /callback`: an app forwards the redirect it caught, or posts the proof of one.
//!
//! | body | meaning |
//! |---|---|
//! | `{"url": "acmeapp://connected/{session}/success?link=…"}` | the URL the app caught, as it is |
//! | `{"session": "…", "link_id": "…", "proof": "…"}` | the proof from the return URL |

use domain::session::SessionError;
use domain::{Job, LinkId, Session};
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use runtime::{Problem, ProblemKind};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::handler::{Handler, Refusal, unavailable};
use crate::redirect;

/// A caught URL with its session has some 700 bytes.
const MAX_BODY: usize = 16 * 1024;

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
    session: String,
    link_id: String,
    proof: String,
}

impl Handler {
    pub(crate) async fn handle_forwarded(&self, request: &Request) -> Response<String> {
        match self.forwarded(request, &Context::of(request)).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    }

    async fn forwarded(
        &self,
        request: &Request,
        context: &Context<'_>,
    ) -> Result<Response<String>, Problem> {
        let request_id = context.request_id;
        let problem = |kind| Problem::new(kind, request_id);
        let invalid =
            |pointer: &str, rule: &str| problem(ProblemKind::InvalidRequest).at(pointer, rule);
        if request.body().len() > MAX_BODY {
            return Err(problem(ProblemKind::TooLarge)
                .at("", format!("must have at most {MAX_BODY} bytes")));
        }
        let body = serde_json::from_slice(request.body().as_ref());
        let body = body.map_err(|_| {
            invalid(
                "",
                r#"must be {"url": "…"} or {"session": "…", "link_id": "…", "proof": "…"}"#,
            )
        })?;
        let answer = match body {
            Body::Caught(caught) => {
                let (session, query) = parts(&caught.url).ok_or_else(|| {
                    invalid("/url", "must end in /{session}/{success|exit|event}")
                })?;
                let session = self.own_session(&session, context).await?;
                let outcome = redirect::outcome(&query)
                    .map_err(|_| invalid("/url", "must name its link by a UUID"))?;
                let answer = json!({
                    "outcome": outcome.name(),
                    "link_id": outcome.link(),
                    "code": outcome.code(),
                });
                let attempt = session.attempt;
                let job = Job::AttemptEnded { attempt, outcome };
                self.send(&job, request_id)
                    .await
                    .map_err(|it| it.problem(request_id))?;
                answer
            }
            Body::Proof(body) => {
                let link_id = LinkId::parse(&body.link_id)
                    .map_err(|rule| invalid("/link_id", &rule.to_string()))?;
                let session = self.own_session(&body.session, context).await?;
                let keys = self
                    .session_keys
                    .get()
                    .await
                    .map_err(|error| unavailable(request_id, &error).problem(request_id))?;
                if !session.is_proven_by(&body.proof, link_id, &keys) {
                    return Err(problem(ProblemKind::Forbidden)
                        .at("/proof", "must be the one of this session and link"));
                }
                let job = Job::LinkProven {
                    link_id,
                    external_id: session.attempt.external_id,
                    session_id: session.attempt.session_id,
                };
                self.send(&job, request_id)
                    .await
                    .map_err(|it| it.problem(request_id))?;
                json!({"link_id": link_id})
            }
        };
        Ok(accepted(&answer))
    }

    /// The session, if it is this user's.
    async fn own_session(&self, text: &str, context: &Context<'_>) -> Result<Session, Problem> {
        let request_id = context.request_id;
        let unauthorized = || Problem::new(ProblemKind::Unauthorized, request_id);
        let claims = context.claims.ok_or_else(unauthorized)?;
        let keys = match &self.external_id_keys {
            Some(secret) => Some(
                secret
                    .get()
                    .await
                    .map_err(|error| unavailable(request_id, &error).problem(request_id))?,
            ),
            None => None,
        };
        let caller = self.config.caller.identify(claims, keys.as_deref());
        let caller = caller.map_err(|error| unauthorized().at("claims", error))?;
        let session = self.session(text, request_id).await;
        let (session, _) = session.map_err(|it| it.problem(request_id))?;
        match session.attempt.external_id == caller {
            true => Ok(session),
            false => Err(Problem::new(ProblemKind::Forbidden, request_id)),
        }
    }
}

impl Refusal {
    fn problem(self, request_id: &str) -> Problem {
        match self {
            Self::Session(error) => {
                let rule = match error {
                    SessionError::Malformed | SessionError::Forged => "must be one of ours",
                    SessionError::Expired => "has expired",
                };
                Problem::new(ProblemKind::InvalidSession, request_id).at("session", rule)
            }
            Self::Unavailable => Problem::new(ProblemKind::Unavailable, request_id).retry_after(5),
        }
    }
}

/// Session and query of a URL like `acmeapp://connected/{session}/success?link=…`.
fn parts(url: &str) -> Option<(String, String)> {
    let url = Url::parse(url).ok()?;
    let mut segments = url.path_segments()?.rev();
    let outcome = segments.next()?;
    let session = segments.next()?;
    if !matches!(outcome, "success" | "exit" | "event") {
        return None;
    }
    Some((
        session.to_owned(),
        url.query().unwrap_or_default().to_owned(),
    ))
}

fn accepted(answer: &serde_json::Value) -> Response<String> {
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
            let parts = parts.as_ref().map(|(a, b)| (a.as_str(), b.as_str()));
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
