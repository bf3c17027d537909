//! The two routes, and `POST /token` from the request to the widget's URL.

use std::sync::Arc;
use std::time::Duration;

use belvo::{AccessToken, Belvo, CallbackUrls, WidgetToken};
use domain::{Attempt, ExternalId, Identity, Job, Session, SessionId, SessionKind, SigningKeys};
use gateway::Context;
use jiff::{SignedDuration, Timestamp};
use lambda_http::Request;
use lambda_http::http::{Response, StatusCode};
use queue::JobQueue;
use runtime::{Caller, Claims, Clock, Problem, ProblemKind, Randomness, Secret};
use serde::Serialize;
use store::{ConnectionStore, ResourceStore};
use url::Url;

use crate::config::{Config, IdentitySource};
use crate::identity::{self, Who};
use crate::request::TokenRequest;
use crate::warnings::Warning;
use crate::widget;

/// Belvo's token lives 10 minutes (hosted widget guide); the page needs some of them to load.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(600 - 30);

/// Lambda stops the function after 15 s, without an answer to the app.
const TIME_LIMIT: Duration = Duration::from_secs(13);

/// Mints every token Belvo gives: of the widget, and of the portal.
#[derive(Debug)]
pub struct Handler {
    pub config: Config,
    pub belvo: Belvo,
    pub queue: JobQueue,
    /// Counts attempts against the caps.
    pub connections: ConnectionStore,
    /// Links and consents, which are only read.
    pub resources: ResourceStore,
    pub session_keys: Secret<SigningKeys>,
    pub caller: Caller,
    pub clock: Clock,
    pub randomness: Randomness,
}

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
    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let body = request.body().as_ref();
        let answer = runtime::within(TIME_LIMIT, async {
            match context.route {
                "POST /portal" => self.open_portal(&context, body).await,
                _ => self.mint(&context, body).await,
            }
        });
        let answer = answer.await;
        let failed = "no token was minted";
        answer.unwrap_or_else(|problem| problem.into_response(context.request_id, failed))
    }

    async fn mint(&self, context: &Context<'_>, body: &[u8]) -> Result<Response<String>, Problem> {
        let (external_id, claims) = self.caller.user(context.claims).await?;
        let request = TokenRequest::read(body, &self.config.return_urls)?;
        self.check_that_proof_can_travel(&request)?;
        let identity = self.identify(claims, &request.who)?;

        let keys = self.keys().await?;
        let attempt = self.attempt(external_id, &identity, &keys)?;
        let (user, now) = (&attempt.external_id, attempt.started_at);
        self.count(user, &identity, &keys, now).await?;
        let banks = &request.institutions;
        let warnings = self.warnings(user, attempt.holder(), banks, context.request_id);
        let warnings = warnings.await;

        let return_url = request
            .return_url
            .as_ref()
            .map(|url| url.as_str().to_owned());
        let session = Session::new(attempt.clone(), return_url);
        let public_url = self.public_url(context)?;
        let callback_urls = widget::callback_urls(&request, &public_url, &session, &keys)
            .map_err(Problem::unavailable)?;
        let report_session = session.sign(SessionKind::Report, &keys);
        let report_session = report_session.map_err(Problem::unavailable)?;
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

    /// The keys that sign sessions and hash documents.
    pub(crate) async fn keys(&self) -> Result<Arc<SigningKeys>, Problem> {
        let keys = self.session_keys.get().await;
        keys.map_err(|error| error.problem("session"))
    }

    /// The person, and the company if there is one, who consents.
    pub(crate) fn identify(&self, claims: &Claims, who: &Who) -> Result<Identity, Problem> {
        let config = &self.config;
        identity::identify(&config.identity_source, config.sandbox, claims, who)
    }

    /// With the identification in the body, the app must post the proof that the same user came
    /// back. The proof travels with the return URL, so that one is required.
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
        let random = self.randomness.sixteen().map_err(Problem::unavailable)?;
        let now = self.clock.now();
        // The session keeps whole seconds.
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
        let minted = self.belvo.create_widget_token(&token).await;
        minted.map_err(|error| self.belvo_problem(&error))
    }

    /// The address of this API: as configured, or the domain name of this request.
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

    pub(crate) async fn send(&self, job: &Job) -> Result<(), Problem> {
        let dedup_id = self.randomness.sixteen().map_err(Problem::unavailable)?;
        let sent = self.queue.send(job, dedup_id).await;
        sent.map_err(Problem::unavailable)
    }
}

fn https(domain: &str) -> Option<Url> {
    let mut url = Url::parse("https://host.invalid").ok()?;
    url.set_host(Some(domain)).ok()?;
    Some(url)
}

/// The time until which the app may rely on a token that is minted now.
pub(crate) fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(TOKEN_LIFETIME).unwrap_or(now)
}
