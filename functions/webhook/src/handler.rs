//! From a webhook to a queued job.

use std::net::IpAddr;
use std::time::Duration;

use domain::{Event, EventKind, Job};
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::Response;
use lambda_http::http::header::AUTHORIZATION;
use queue::JobQueue;
use runtime::{Clock, Metric, Problem, ProblemKind, Randomness, Secret};
use serde_json::{Map, Value};

use crate::authorization::Authorization;

/// Belvo's webhooks have some 500 bytes.
const MAX_BODY: usize = 64 * 1024;

/// Belvo gives up after five seconds and sends the webhook again. Better to tell it so in time.
const PATIENCE: Duration = Duration::from_millis(3800);

/// Takes webhooks.
#[derive(Debug)]
pub struct Handler {
    /// What the caller must present.
    pub authorization: Secret<Authorization>,
    /// Who may call; empty means anybody who presents it.
    pub source_ips: Vec<IpAddr>,
    /// Where jobs go.
    pub queue: JobQueue,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub randomness: Randomness,
}

impl Handler {
    /// Reads the secret before the first webhook: Belvo waits five seconds only.
    pub(crate) async fn warm_up(&self) {
        if let Err(error) = self.authorization.get().await {
            tracing::error!(%error, "the webhook's authorization is not available");
        }
    }

    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let request_id = context.request_id;
        let answer = tokio::time::timeout(PATIENCE, async {
            self.verify(request, &context).await?;
            self.take(request.body().as_ref(), request_id).await
        });
        let result = answer.await.unwrap_or_else(|_| {
            tracing::error!(request_id, "a webhook could not be taken in time");
            Err(Problem::new(ProblemKind::Unavailable, request_id))
        });
        match result {
            Ok(()) => Response::new(String::new()),
            Err(problem) => {
                if problem.kind() == ProblemKind::Unauthorized {
                    runtime::count(Metric::WebhookRejected, self.clock.now());
                }
                problem.into_response()
            }
        }
    }

    async fn verify(&self, request: &Request, context: &Context<'_>) -> Result<(), Problem> {
        let request_id = context.request_id;
        let unauthorized = || Problem::new(ProblemKind::Unauthorized, request_id);
        let allowed = |ip: IpAddr| self.source_ips.contains(&ip);
        if !self.source_ips.is_empty() && !context.source_ip.is_some_and(allowed) {
            return Err(unauthorized());
        }
        let header = request
            .headers()
            .get(AUTHORIZATION)
            .ok_or_else(unauthorized)?;
        let cached = self.authorization.get().await;
        let cached = cached.map_err(|error| unavailable(request_id, &error))?;
        if cached.accepts(header.as_bytes()) {
            return Ok(());
        }
        // The value may have been rotated since this process read it.
        let fresh = self.authorization.reread().await;
        let fresh = fresh.map_err(|error| unavailable(request_id, &error))?;
        match fresh.accepts(header.as_bytes()) {
            true => Ok(()),
            false => Err(unauthorized()),
        }
    }

    /// **Invariant:** the job is on the queue before the webhook is answered.
    ///
    /// What cannot be used is acknowledged all the same: Belvo would only send it again, and
    /// nobody documents the body it validates a new URL with.
    async fn take(&self, body: &[u8], request_id: &str) -> Result<(), Problem> {
        let event = Event::from_body(&object(body, request_id)?);
        let Some(link_id) = event.link_id else {
            runtime::count(Metric::WebhookIgnored, self.clock.now());
            tracing::info!(request_id, "a webhook without a link was acknowledged");
            return Ok(());
        };
        if event.kind == EventKind::Unknown {
            runtime::count(Metric::WebhookIgnored, self.clock.now());
        }
        let unique = self.randomness.sixteen();
        let unique = unique.map_err(|error| unavailable(request_id, &error))?;
        tracing::info!(
            request_id,
            link.id = %link_id,
            webhook.code = event.webhook_code.as_ref().map(domain::Code::as_str),
            webhook.kind = event.webhook_type.as_ref().map(domain::Code::as_str),
            belvo.request_id = event.request_id.as_ref().map(domain::RequestId::as_str),
            "webhook received"
        );
        let job = Job::WebhookReceived { link_id, event };
        let sent = self.queue.send(&job, unique).await;
        sent.map_err(|error| unavailable(request_id, &error))
    }
}

/// An empty body is an empty object.
fn object(body: &[u8], request_id: &str) -> Result<Map<String, Value>, Problem> {
    if body.len() > MAX_BODY {
        let problem = Problem::new(ProblemKind::TooLarge, request_id);
        return Err(problem.at("", format!("must have at most {MAX_BODY} bytes")));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Problem::new(ProblemKind::InvalidRequest, request_id)
            .at("", "must be a JSON object, or empty")),
    }
}

fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Problem {
    tracing::error!(request_id, error = %runtime::chain(error), "a webhook was not taken");
    Problem::new(ProblemKind::Unavailable, request_id)
}
