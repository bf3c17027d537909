//! `POST /token`: from the request to the widget's URL.

use belvo::{AccessToken, CallbackUrls, WidgetToken};
use domain::{Attempt, ExternalId, Identity, Job, Session, SessionId, SessionKind, SigningKeys};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::http::{Response, StatusCode};
use runtime::{Problem, ProblemKind};
use serde::Serialize;
use url::Url;

use crate::config::IdentitySource;
use crate::handler::{Handler, expiry};
use crate::request::TokenRequest;
use crate::warnings::Warning;
use crate::widget;

#[derive(Serialize)]
struct Minted<'a> {
    widget_url: Url,
    access_token: &'a str,
    session_id: &'a SessionId,
    report_session: String,
    expires_at: Timestamp,
    warnings: Vec<Warning>,
}

impl Handler {
    pub(crate) async fn mint(
        &self,
        context: &Context<'_>,
        body: &[u8],
    ) -> Result<Response<String>, Problem> {
        let (scope, claims) = self.principal.user_who_connects(context.claims).await?;
        let request = TokenRequest::read(body, &self.config.return_urls)?;
        self.check_that_proof_can_travel(&request)?;
        let identity = self.identify(claims, &request.who)?;

        let keys = self.keys().await?;
        let attempt = self.attempt(scope.external_id().clone(), &identity, &keys)?;
        let return_url = request
            .return_url
            .as_ref()
            .map(|url| url.as_str().to_owned());
        let session = Session::new(attempt.clone(), return_url);
        let public_url = self.public_url(context)?;
        let callback_urls = widget::callback_urls(&request, &public_url, &session, &keys)?;

        let now = attempt.started_at;
        self.count(&scope, &identity, &keys, now).await?;
        let banks = &request.institutions;
        let warnings = self.warnings(&scope, attempt.holder(), banks, context.request_id);
        let warnings = warnings.await;
        let report_session = session.sign(SessionKind::Report, &keys);
        let report_session = report_session?;
        let token = self.token(&identity, &callback_urls).await?;
        let widget_url = widget::widget_url(
            &self.config.widget,
            &token,
            request.access_mode,
            &attempt.external_id,
            &request.institutions,
        );
        self.announce(&attempt, request).await?;
        let minted = Minted {
            widget_url,
            access_token: token.expose(),
            session_id: &attempt.session_id,
            report_session,
            expires_at: expiry(attempt.started_at),
            warnings,
        };
        Ok(gateway::json(StatusCode::CREATED, &minted))
    }

    /// The proof that the same user came back travels with the return URL.
    fn check_that_proof_can_travel(&self, request: &TokenRequest) -> Result<(), Problem> {
        match (&self.config.identity_source, &request.return_url) {
            (IdentitySource::Body, None) => {
                let rule = "is required when the identification is in the body";
                Err(Problem::new(ProblemKind::InvalidRequest).at("/return_url", rule))
            }
            _ => Ok(()),
        }
    }

    fn attempt(
        &self,
        external_id: ExternalId,
        identity: &Identity,
        keys: &SigningKeys,
    ) -> Result<Attempt, Problem> {
        let random = self.randomness.sixteen()?;
        let now = self.clock.now();
        // Whole seconds, as the session keeps them.
        let started_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let session_id = SessionId::from_random(random);
        Ok(Attempt::new(
            session_id,
            external_id,
            started_at,
            identity,
            keys,
        ))
    }

    async fn token(
        &self,
        identity: &Identity,
        callback_urls: &CallbackUrls,
    ) -> Result<AccessToken, Problem> {
        let config = &self.config.widget;
        let token = WidgetToken {
            identity,
            fetch_resources: &config.fetch_resources,
            stale_in: &config.stale_in,
            purpose: &config.purpose,
            terms_and_conditions_url: &config.terms_and_conditions_url,
            consent_duration: config.consent_duration,
            callback_urls,
            branding: &config.branding,
            color_scheme: config.color_scheme,
            theme: &config.theme,
        };
        match self.belvo.create_widget_token(&token).await {
            Ok(token) => Ok(token),
            Err(error) => Err(self.belvo_problem(&error).await),
        }
    }

    /// Our own address: as configured, or as API Gateway says the request reached us.
    fn public_url(&self, context: &Context<'_>) -> Result<Url, Problem> {
        let configured = self.config.public_url.clone();
        configured
            .or_else(|| https(context.domain?))
            .ok_or_else(|| Problem::new(ProblemKind::Unavailable))
    }

    /// **Invariant:** the attempt is on the queue before the token leaves.
    async fn announce(&self, attempt: &Attempt, request: TokenRequest) -> Result<(), Problem> {
        let job = Job::AttemptStarted {
            attempt: attempt.clone(),
            access_mode: request.access_mode,
            institutions: request.institutions,
        };
        self.send(&job).await
    }
}

fn https(domain: &str) -> Option<Url> {
    let mut url = Url::parse("https://host.invalid").ok()?;
    url.set_host(Some(domain)).ok()?;
    Some(url)
}
