//! From a request to a widget URL.

use std::time::Duration;

use belvo::{AccessToken, Belvo, BelvoError, CallbackUrls, Keys, Retry, Wait, WidgetToken};
use domain::{Attempt, ExternalId, Identity, Job, Session, SessionId, SigningKeys};
use gateway::Context;
use jiff::{SignedDuration, Timestamp};
use lambda_http::Request;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use queue::JobQueue;
use runtime::{
    Caller, CallerError, Claims, Clock, Metric, Problem, ProblemKind, Randomness, Secret,
};
use serde::Serialize;
use store::{Cap, ConnectionStore};
use url::Url;

use crate::config::Config;
use crate::request::TokenRequest;
use crate::{identity, widget};

/// Belvo's token lives 10 minutes (hosted widget guide); the page needs some of them to load.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(600 - 30);

/// The function is stopped after 15 s; an answer that says so is better.
const PATIENCE: Duration = Duration::from_secs(13);

/// Mints widget tokens.
#[derive(Debug)]
pub struct Handler {
    /// What the customer decided.
    pub config: Config,
    /// Belvo's API.
    pub belvo: Belvo,
    /// Where attempts go.
    pub queue: JobQueue,
    /// Where attempts are counted.
    pub connections: ConnectionStore,
    /// The keys that sign sessions.
    pub session_keys: Secret<SigningKeys>,
    /// Who the user is.
    pub caller: Caller,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub randomness: Randomness,
}

#[derive(Serialize)]
struct Minted<'a> {
    widget_url: Url,
    access_token: &'a str,
    session_id: &'a SessionId,
    expires_at: Timestamp,
}

impl Handler {
    /// Reads the secrets before the first request: it would have to wait for them.
    pub(crate) async fn warm_up(&self, belvo_keys: &Secret<Keys>) {
        if let Err(error) = self.session_keys.get().await {
            tracing::error!(%error, "the session key is not available");
        }
        if let Err(error) = belvo_keys.get().await {
            tracing::error!(%error, "belvo's keys are not available");
        }
    }

    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let minted = self.mint(&context, request.body().as_ref());
        let result = tokio::time::timeout(PATIENCE, minted).await;
        match result.unwrap_or_else(|_| Err(too_slow(context.request_id))) {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    }

    async fn mint(&self, context: &Context<'_>, body: &[u8]) -> Result<Response<String>, Problem> {
        let request_id = context.request_id;
        let (external_id, claims) = self.caller(context).await?;
        let request = TokenRequest::read(body, &self.config.return_urls, request_id)?;
        let identity = identity::identify(
            &self.config.identity_source,
            self.config.sandbox,
            claims,
            &request,
            request_id,
        )?;

        let keys = self.session_keys.get().await;
        let keys = keys.map_err(|error| unavailable(request_id, &error))?;
        let attempt = self.attempt(external_id, &identity, &keys, request_id)?;
        self.count(&attempt, request_id).await?;

        let return_url = request
            .return_url
            .as_ref()
            .map(|url| url.as_str().to_owned());
        let session = Session::new(attempt.clone(), return_url);
        let public_url = self.public_url(context)?;
        let callback_urls = widget::callback_urls(&request, &public_url, &session, &keys)
            .map_err(|error| unavailable(request_id, &error))?;
        let token = self.token(&identity, &callback_urls, request_id).await?;
        let widget_url = widget::widget_url(
            &self.config.widget,
            &token,
            request.access_mode,
            &attempt.external_id,
            &request.institutions,
        );
        self.announce(&attempt, request, request_id).await?;
        created(&Minted {
            widget_url,
            access_token: token.expose(),
            session_id: &attempt.session_id,
            expires_at: attempt
                .started_at
                .saturating_add(TOKEN_LIFETIME)
                .unwrap_or(attempt.started_at),
        })
        .map_err(|error| unavailable(request_id, &error))
    }

    async fn caller<'a>(&self, context: &Context<'a>) -> Result<(ExternalId, &'a Claims), Problem> {
        let unauthorized = || Problem::new(ProblemKind::Unauthorized, context.request_id);
        let claims = context.claims.ok_or_else(unauthorized)?;
        match self.caller.identify(claims).await {
            Ok(external_id) => Ok((external_id, claims)),
            Err(CallerError::Secret(error)) => Err(unavailable(context.request_id, &error)),
            Err(error) => Err(unauthorized().at("claims", error)),
        }
    }

    fn attempt(
        &self,
        external_id: ExternalId,
        identity: &Identity,
        keys: &SigningKeys,
        request_id: &str,
    ) -> Result<Attempt, Problem> {
        let random = self.randomness.sixteen();
        let random = random.map_err(|error| unavailable(request_id, &error))?;
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

    /// Each link spends a person's monthly Open Finance quota, so attempts are capped.
    async fn count(&self, attempt: &Attempt, request_id: &str) -> Result<(), Problem> {
        let documents = [Some(&attempt.person), attempt.company.as_ref()];
        let documents = documents.into_iter().flatten();
        let user = (
            Cap::User(&attempt.external_id),
            self.config.attempts_per_user,
        );
        let caps = documents.map(|hash| (Cap::Document(hash), self.config.attempts_per_document));
        for (cap, limit) in std::iter::once(user).chain(caps) {
            let counted = self.connections.count(cap, limit, attempt.started_at).await;
            if !counted.map_err(|error| unavailable(request_id, &error))? {
                runtime::count(Metric::AttemptCapped, attempt.started_at);
                let rest = 3600 - attempt.started_at.as_second().rem_euclid(3600);
                return Err(Problem::new(ProblemKind::TooManyAttempts, request_id)
                    .retry_after(u32::try_from(rest).unwrap_or(3600)));
            }
        }
        Ok(())
    }

    async fn token(
        &self,
        identity: &Identity,
        callback_urls: &CallbackUrls,
        request_id: &str,
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
        minted.map_err(|error| self.belvo_problem(&error, request_id))
    }

    /// Our own address: as configured, or as API Gateway says the request reached us.
    fn public_url(&self, context: &Context<'_>) -> Result<Url, Problem> {
        let configured = self.config.public_url.clone();
        configured
            .or_else(|| https(context.domain?))
            .ok_or_else(|| Problem::new(ProblemKind::Unavailable, context.request_id))
    }

    /// **Invariant:** the attempt is on the queue before the token leaves.
    async fn announce(
        &self,
        attempt: &Attempt,
        request: TokenRequest,
        request_id: &str,
    ) -> Result<(), Problem> {
        let job = Job::AttemptStarted {
            attempt: attempt.clone(),
            access_mode: request.access_mode,
            institutions: request.institutions,
        };
        let unique = self.randomness.sixteen();
        let unique = unique.map_err(|error| unavailable(request_id, &error))?;
        let sent = self.queue.send(&job, unique).await;
        sent.map_err(|error| unavailable(request_id, &error))
    }

    fn belvo_problem(&self, error: &BelvoError, request_id: &str) -> Problem {
        let code = error.api_error().map(|error| &error.code);
        tracing::error!(
            request_id,
            belvo.code = code.map(domain::Code::as_str),
            error = %runtime::chain(error),
            "belvo gave no token"
        );
        let metric = match error {
            BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_) => {
                Metric::BelvoAuthenticationFailed
            }
            _ => Metric::BelvoFailed,
        };
        runtime::count(metric, self.clock.now());
        let refused = match error.retry() {
            Retry::Never | Retry::Later(Wait::Hours | Wait::NextMonth) => true,
            Retry::InPlace | Retry::Later(Wait::Longer | Wait::Minutes) => {
                matches!(error, BelvoError::AuthenticationFailed { .. })
            }
        };
        let problem = match refused {
            true => Problem::new(ProblemKind::BelvoRefused, request_id),
            false => Problem::new(ProblemKind::Unavailable, request_id).retry_after(30),
        };
        match error.api_error() {
            Some(error) => {
                let details = error.details.iter();
                let details = details.map(|it| (it.code.clone(), it.field.clone()));
                problem.from_belvo(error.request_id.as_ref(), details)
            }
            None => problem,
        }
    }
}

fn https(domain: &str) -> Option<Url> {
    let mut url = Url::parse("https://host.invalid").ok()?;
    url.set_host(Some(domain)).ok()?;
    Some(url)
}

fn too_slow(request_id: &str) -> Problem {
    tracing::error!(request_id, "no token was minted in time");
    Problem::new(ProblemKind::Unavailable, request_id).retry_after(5)
}

fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Problem {
    tracing::error!(request_id, error = %runtime::chain(error), "no token was minted");
    Problem::new(ProblemKind::Unavailable, request_id).retry_after(5)
}

fn created(minted: &Minted<'_>) -> Result<Response<String>, serde_json::Error> {
    let mut response = Response::new(serde_json::to_string(minted)?);
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The token serves one user once.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
