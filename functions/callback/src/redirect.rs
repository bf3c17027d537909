//! `GET /callback/{session}/{success|exit|event}`: Belvo sends the user's browser here.

use domain::session::SessionError;
use domain::widget_outcome::InvalidLink;
use domain::{CallbackKind, ReturnUrl, Session, SigningKeys, WidgetOutcome};
use gateway::Context;
use lambda_http::http::header::{CACHE_CONTROL, LOCATION};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use lambda_http::{Request, RequestExt as _};
use url::Url;

use crate::handler::{FAILED, Handler, Refusal};
use crate::page;

impl Handler {
    pub(crate) async fn handle_redirect(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        match self.redirect(request, context.request_id).await {
            Ok(response) => response,
            Err(Refusal::Session(SessionError::Expired)) => page::expired(),
            Err(Refusal::Session(_)) => page::invalid(),
            Err(Refusal::Unavailable(problem)) => {
                problem.log(context.request_id, FAILED);
                page::unavailable()
            }
        }
    }

    async fn redirect(
        &self,
        request: &Request,
        request_id: &str,
    ) -> Result<Response<String>, Refusal> {
        let parameters = request.path_parameters();
        let kind = parameters.first("outcome").and_then(CallbackKind::parse);
        let Some(kind) = kind else {
            return Ok(page::not_found());
        };
        let text = parameters.first("session").unwrap_or_default();
        let verify = |keys: &SigningKeys, now| Session::verify(text, kind, keys, now);
        let (session, keys) = self.verified(verify).await?;
        let query = request.uri().query().unwrap_or_default();
        let Ok(outcome) = outcome(kind, query) else {
            return Ok(page::invalid());
        };
        self.send_ended(session.attempt.clone(), outcome.clone())
            .await
            .map_err(Refusal::Unavailable)?;
        tracing::info!(
            request_id,
            session.id = %session.attempt.session_id,
            outcome = outcome.name(),
            code = outcome.code().map(domain::Code::as_str),
            "callback received"
        );
        Ok(self.send_back(&session, &keys, &outcome))
    }

    /// Sends the user to the app if the session has a return URL, otherwise to a page of this API.
    fn send_back(
        &self,
        session: &Session,
        keys: &SigningKeys,
        outcome: &WidgetOutcome,
    ) -> Response<String> {
        let allowed = |text: &String| self.config.return_urls.allow(text).ok();
        // The operator may have changed the list since the session was signed.
        let Some(return_url) = session.return_url.as_ref().and_then(allowed) else {
            return page::done(outcome, None);
        };
        let target = self.target(&return_url, session, keys, outcome);
        match return_url.is_web() {
            true => redirect_to(&target),
            // Some browsers open an app only when the user taps something.
            false => page::done(outcome, Some(&target)),
        }
    }

    fn target(
        &self,
        return_url: &ReturnUrl,
        session: &Session,
        keys: &SigningKeys,
        outcome: &WidgetOutcome,
    ) -> Url {
        let link = outcome.link().map(|link| link.to_string());
        let proof = outcome
            .link()
            .filter(|_| self.config.proof_wanted)
            .and_then(|link| session.prove(link, keys).ok());
        let pairs = [
            ("outcome", Some(outcome.name())),
            ("session_id", Some(session.attempt.session_id.as_str())),
            ("link_id", link.as_deref()),
            ("code", outcome.code().map(domain::Code::as_str)),
            ("proof", proof.as_deref()),
        ];
        let pairs: Vec<_> = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        return_url.with_query(&pairs)
    }
}

/// Reads a raw query.
pub(crate) fn outcome(kind: CallbackKind, query: &str) -> Result<WidgetOutcome, InvalidLink> {
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    WidgetOutcome::from_query(
        kind,
        pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

fn redirect_to(target: &Url) -> Response<String> {
    let mut response = Response::new(String::new());
    // A URL is printable ASCII, so it is always a header value.
    match HeaderValue::try_from(target.as_str()) {
        Ok(location) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, location);
        }
        Err(_) => return page::invalid(),
    }
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}
