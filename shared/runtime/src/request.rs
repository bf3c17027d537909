//! What every HTTP function does with a request before it decides anything.

use std::borrow::Cow;
use std::time::Duration;

use domain::principal::NoPrincipal;
use domain::{Claims, UserScope};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::principal::PrincipalSource;
use crate::problem::{Problem, ProblemKind};

impl PrincipalSource {
    /// The user of a request, and what the verified token says of them. A request without a token,
    /// or with one that does not say who the user is, is not authorized. A user whose id cannot be an
    /// `external_id` is known; signing in again does not help them.
    pub async fn user<'a>(
        &self,
        claims: Option<&'a Claims>,
    ) -> Result<(UserScope, &'a Claims), Problem> {
        let unauthorized = Problem::new(ProblemKind::Unauthorized);
        let Some(claims) = claims else {
            return Err(unauthorized);
        };
        let scope = match self {
            Self::Claim(claim) => UserScope::from_claim(claims, claim),
            Self::Derived(keys) => {
                let keys = keys.get().await;
                // The token is not at fault.
                let keys = keys.map_err(|error| error.problem("external_id"))?;
                UserScope::derived(claims, &keys)
            }
        };
        match scope {
            Ok(scope) => Ok((scope, claims)),
            Err(error @ NoPrincipal::Missing { .. }) => Err(unauthorized.at("claims", error)),
            Err(error @ NoPrincipal::Invalid { .. }) => Err(derived_id_required(error)),
        }
    }

    /// The same of a user who wants to connect a bank: Belvo must keep their id.
    pub async fn user_who_connects<'a>(
        &self,
        claims: Option<&'a Claims>,
    ) -> Result<(UserScope, &'a Claims), Problem> {
        let (scope, claims) = self.user(claims).await?;
        match self {
            Self::Claim(claim) => scope.may_connect(claim).map_err(derived_id_required)?,
            // Those name no person.
            Self::Derived(_) => {}
        }
        Ok((scope, claims))
    }
}

fn derived_id_required(error: NoPrincipal) -> Problem {
    Problem::new(ProblemKind::DerivedIdRequired).at("claims", error)
}

/// Reads a body that is a JSON object of at most `most` bytes. An empty body has no members.
///
/// `rule` is what the client is told of a body of another form, such as "must be a JSON object".
pub fn json_object(body: &[u8], most: usize, rule: &str) -> Result<Map<String, Value>, Problem> {
    let body = bounded(body, most)?;
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|_| not_of_the_form(rule))
}

/// Reads a body of at most `most` bytes as text. A byte that is no text becomes U+FFFD.
pub fn text(body: &[u8], most: usize) -> Result<Cow<'_, str>, Problem> {
    Ok(String::from_utf8_lossy(bounded(body, most)?))
}

/// A body without the byte order mark that some platforms put in front of text.
fn bounded(body: &[u8], most: usize) -> Result<&[u8], Problem> {
    if body.len() > most {
        let rule = format!("must have at most {most} bytes");
        return Err(Problem::new(ProblemKind::TooLarge).at("", rule));
    }
    Ok(body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body))
}

/// The same, as a type of the function's own.
///
/// The body is read as an object first, because serde takes an array for a struct whose fields
/// come in order.
pub fn json<T: DeserializeOwned>(body: &[u8], most: usize, rule: &str) -> Result<T, Problem> {
    let members = Value::Object(json_object(body, most, rule)?);
    serde_json::from_value(members).map_err(|_| not_of_the_form(rule))
}

/// Answers within `limit`. Lambda would stop a slow function without an answer, so that the client
/// would not learn that the request may be sent again.
pub async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let result = tokio::time::timeout(limit, answer).await;
    result.unwrap_or_else(|elapsed| Err(elapsed.into()))
}

fn not_of_the_form(rule: &str) -> Problem {
    Problem::new(ProblemKind::InvalidRequest).at("", rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    const FORM: &str = r#"must be {"url": "…"}"#;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        url: String,
    }

    #[test]
    fn a_body_is_an_object_of_a_bounded_size() {
        let check = |body: &str, expected: Result<Body, ProblemKind>| {
            let read: Result<Body, Problem> = json(body.as_bytes(), 20, FORM);
            let expected = expected.map_err(|kind| {
                let rule = match kind {
                    ProblemKind::TooLarge => "must have at most 20 bytes",
                    _ => FORM,
                };
                Problem::new(kind).at("", rule)
            });
            assert_eq!(read, expected, "{body}");
        };
        let url = "x".to_owned();
        let marked = "\u{feff}{\"url\":\"x\"}";
        for good in [r#"{"url":"x"}"#, marked] {
            check(good, Ok(Body { url: url.clone() }));
        }
        for bad in ["", "{}", r#"["x"]"#, r#"{"url":1}"#, "null", "{", "§"] {
            check(bad, Err(ProblemKind::InvalidRequest));
        }
        check(r#"{"url":"xxxxxxxxxxxx"}"#, Err(ProblemKind::TooLarge));
        let empty = json_object(b"", 20, FORM).unwrap();
        assert!(empty.is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_a_problem_of_ours() {
        let answer = within(
            Duration::ZERO,
            std::future::pending::<Result<(), Problem>>(),
        )
        .await;
        let response = answer
            .unwrap_err()
            .into_response("req-1", "nothing was done");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
    }
}
