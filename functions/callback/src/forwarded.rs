//! `POST /callback`: an app forwards the redirect it caught, or posts the proof of one.
//!
//! | body | meaning |
//! |---|---|
//! | `{"url": "acmeapp://connected/{session}/success?link=…"}` | the URL the app caught, unchanged |
//! | `{"link_id": "…", "proof": "…"}` | both from the return URL (`IDENTITY_SOURCE=body`) |

use domain::session::SessionError;
use domain::{Attempt, CallbackKind, LinkId, Session, SigningKeys};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use runtime::{Problem, ProblemKind};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::handler::{FAILED, Handler, Refusal};
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

impl Handler {
    pub(crate) async fn handle_forwarded(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        match self.forwarded(request.body().as_ref(), &context).await {
            Ok(answer) => gateway::json(StatusCode::ACCEPTED, &answer),
            Err(problem) => problem.into_response(context.request_id, FAILED),
        }
    }

    async fn forwarded(&self, body: &[u8], context: &Context<'_>) -> Result<Value, Problem> {
        let form = match self.config.proof_wanted {
            true => r#"must be {"url": "…"} or {"link_id": "…", "proof": "…"}"#,
            false => r#"must be {"url": "…"}"#,
        };
        match (
            runtime::json(body, MAX_BODY, form)?,
            self.config.proof_wanted,
        ) {
            (Body::Caught(body), _) => self.caught(&body, context).await,
            (Body::Proof(body), true) => self.proof(&body, context).await,
            (Body::Proof(_), false) => Err(invalid("", form)),
        }
    }

    /// Takes the URL an app caught. Only the app that caught it knows all of it, so it is also the
    /// proof that its user came back.
    async fn caught(&self, body: &Caught, context: &Context<'_>) -> Result<Value, Problem> {
        let (session, kind, query) = parts(&body.url)
            .ok_or_else(|| invalid("/url", "must end in /{session}/{success|exit|event}"))?;
        let verify = |keys: &SigningKeys, now| Session::verify(&session, kind, keys, now);
        let attempt = self.own_attempt(context, verify).await?;
        let outcome = redirect::outcome(kind, &query).map_err(|_| {
            let rule = "must name a link by its UUID, and only in the success URL";
            invalid("/url", rule)
        })?;
        let answer = json!({
            "outcome": outcome.name(),
            "link_id": outcome.link(),
            "code": outcome.code(),
        });
        let proven = outcome.link().filter(|_| self.config.proof_wanted);
        self.send_ended(attempt.clone(), outcome).await?;
        if let Some(link_id) = proven {
            self.send_proven(attempt, link_id).await?;
        }
        Ok(answer)
    }

    /// Takes the proof that `GET /callback/…` put into the return URL. A URL library may have added a
    /// slash to what stood at its end.
    async fn proof(&self, body: &Proof, context: &Context<'_>) -> Result<Value, Problem> {
        let [link_id, proof] = [&body.link_id, &body.proof].map(|it| it.trim_end_matches('/'));
        let link_id = LinkId::parse(link_id).map_err(|rule| invalid("/link_id", rule))?;
        let verify = |keys: &SigningKeys, now| Session::verify_proof(proof, link_id, keys, now);
        let attempt = self.own_attempt(context, verify).await?;
        self.send_proven(attempt, link_id).await?;
        Ok(json!({"link_id": link_id}))
    }

    /// The attempt of a verified session, if it is this user's.
    async fn own_attempt(
        &self,
        context: &Context<'_>,
        verify: impl Fn(&SigningKeys, Timestamp) -> Result<Session, SessionError>,
    ) -> Result<Attempt, Problem> {
        let (scope, _) = self.principal.user(context.claims).await?;
        let (session, _) = self.verified(verify).await?;
        match session.attempt.external_id == *scope.external_id() {
            true => Ok(session.attempt),
            false => Err(Problem::new(ProblemKind::Forbidden)),
        }
    }
}

fn invalid(pointer: &str, rule: impl ToString) -> Problem {
    Problem::new(ProblemKind::InvalidRequest).at(pointer, rule)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let rule = match refusal {
            Refusal::Session(SessionError::Malformed | SessionError::Forged) => {
                "must be one of ours"
            }
            Refusal::Session(SessionError::Expired) => "has expired",
            Refusal::Unavailable(problem) => return problem,
        };
        Self::new(ProblemKind::InvalidSession).at("session", rule)
    }
}

/// Session, kind and query of a URL like `acmeapp://connected/{session}/success?link=…`.
///
/// The URL library of the app's platform may have added slashes to the path, or escaped more of it
/// than it must.
fn parts(url: &str) -> Option<(String, CallbackKind, String)> {
    let url = Url::parse(url).ok()?;
    let segments = url.path_segments()?.rev();
    let mut segments = segments.filter(|segment| !segment.is_empty());
    let kind = CallbackKind::parse(segments.next()?)?;
    let session = percent_decode_str(segments.next()?).decode_utf8().ok()?;
    let query = url.query().unwrap_or_default();
    Some((session.into_owned(), kind, query.to_owned()))
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
        check("acmeapp://connected/S.s/exit//?a=1", Some(("S.s", "a=1")));
        check("acmeapp://connected/S%2Es/exit", Some(("S.s", "")));
        check("https://app.example.com/done/S.s/other", None);
        check("acmeapp://success?link=1", None);
        check("acmeapp:success", None);
        check("", None);
    }
}
