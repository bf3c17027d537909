//! `POST /connection-reports`: the address the user's browser shows when a bank refuses.
//!
//! The browser then ends on a page of Belvo's, whose address gives the reason behind `#`. Belvo does
//! not redirect from there, and a server never sees a fragment, so the app reports it.
//!
//! | body | meaning |
//! |---|---|
//! | `{"session": "…", "url": "https://…/#error_description=…"}` | the address, unchanged |
//! | `{"session": "…", "code": "risk_analysis_denied"}` | the code the app has read from it |
//!
//! The browser may be outside the signed-in app, so `session` (`report_session` of `POST /token`)
//! says whose attempt it is. The address may be any: nothing is fetched from it, and a report can
//! only end an attempt that has not succeeded.

use domain::{Code, Session, SessionKind, SigningKeys, WidgetOutcome, guidance};
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::{Response, StatusCode};
use runtime::{Problem, ProblemKind};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::forwarded::MAX_BODY;
use crate::handler::{FAILED, Handler};

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Seen(Seen),
    Named(Named),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    session: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    session: String,
    code: String,
}

impl Handler {
    pub(crate) async fn handle_report(&self, request: &Request) -> Response<String> {
        let request_id = Context::of(request).request_id;
        match self.report(request.body().as_ref(), request_id).await {
            Ok(answer) => gateway::json(StatusCode::ACCEPTED, &answer),
            Err(problem) => problem.into_response(request_id, FAILED),
        }
    }

    async fn report(&self, body: &[u8], request_id: &str) -> Result<Value, Problem> {
        let (session, code) = read(body)?;
        let verify =
            |keys: &SigningKeys, now| Session::verify(&session, SessionKind::Report, keys, now);
        let (session, _) = self.verified(verify).await?;
        let outcome = WidgetOutcome::Error { code: code.clone() };
        let (name, session_id) = (outcome.name(), session.attempt.session_id.clone());
        self.send_ended(session.attempt, outcome).await?;
        tracing::info!(
            request_id,
            session.id = %session_id,
            code = code.as_str(),
            "report received"
        );
        Ok(json!({"outcome": name, "code": code, "guidance": guidance(code.as_str())}))
    }
}

/// The session and the reported code.
fn read(body: &[u8]) -> Result<(String, Code), Problem> {
    let form = r#"must be {"session": "…", "url": "…"} or {"session": "…", "code": "…"}"#;
    match runtime::json(body, MAX_BODY, form)? {
        Body::Named(body) => {
            let code = code_in(&body.code).unwrap_or_else(|| Code::lenient(""));
            Ok((body.session, code))
        }
        Body::Seen(body) => match code(&body.url) {
            Some(code) => Ok((body.session, code)),
            None => {
                let rule = "must have error_description or error behind # or ?";
                Err(Problem::new(ProblemKind::InvalidRequest).at("/url", rule))
            }
        },
    }
}

/// The bank's reason: `error_description` or else `error`. `None` if the address has neither.
fn code(url: &str) -> Option<Code> {
    let (address, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (_, query) = address.split_once('?').unwrap_or_default();
    // Pages that route behind `#` have a query of their own there.
    let fragment = fragment.rsplit('?').next().unwrap_or_default();
    let pairs = [fragment, query].map(|text| form_urlencoded::parse(text.as_bytes()));
    let pairs: Vec<_> = pairs.into_iter().flatten().collect();
    let named = |key: &'static str| pairs.iter().filter(move |(name, _)| name == key);
    let mut values = named("error_description").chain(named("error"));
    let found = values.clone().find_map(|(_, value)| code_in(value));
    found.or_else(|| values.next().map(|_| Code::lenient("")))
}

/// The first word that looks like a code. Other words are dropped, because they could be a name.
fn code_in(value: &str) -> Option<Code> {
    let mut words = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let word = words.find(|word| word.contains('_') || (*word == value && guidance(word).known));
    word.map(Code::lenient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_wherever_the_bank_put_it() {
        let check = |rest: &str, expected: Option<&str>| {
            let url = format!("https://api.belvo.com/api/consents/callback/{rest}");
            let code = code(&url);
            assert_eq!(code.as_ref().map(Code::as_str), expected, "{rest}");
        };
        let denied = Some("risk_analysis_denied");
        check("#error_description=risk_analysis_denied", denied);
        check("#error_description=risk_analysis_denied...", denied);
        check("#error_description=risk_analysis_denied…", denied);
        check(
            "#state=x&error_description=risk_analysis_denied&error=access_denied",
            denied,
        );
        check(
            "#error=access_denied&error_description=risk_analysis_denied",
            denied,
        );
        check("?error_description=risk_analysis_denied", denied);
        check(
            "?error=other_error#error_description=risk_analysis_denied",
            denied,
        );
        check("#/done?error_description=risk_analysis_denied", denied);
        check(
            "#error_description=The%20user:+risk_analysis_denied+(42)",
            denied,
        );
        check(
            "#error_description=O+banco+negou&error=access_denied",
            Some("access_denied"),
        );
        check("#error=duplicated", Some("duplicated"));
        let odd = Some("unrecognized");
        check("#error_description=Ralph+Bragg", odd);
        check("#error_description=invalid+request", odd);
        check("#error_description=", odd);
        check("#error_description=cpf_76109277673", odd);
        check(&format!("#error={}", "a_".repeat(40)), odd);
        check("", None);
        check("#", None);
        check("?code=1&state=2", None);
        check("#/error_description", None);
        assert_eq!(
            super::code("#error=login_error"),
            Some(Code::lenient("login_error"))
        );
        assert_eq!(super::code(""), None);
    }
}
