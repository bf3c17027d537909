//! From a webhook to a queued job.

use std::net::IpAddr;
use std::time::Duration;

use domain::{Event, EventKind, Job};
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::Response;
use lambda_http::http::header::AUTHORIZATION;
use queue::JobQueue;
use runtime::{Clock, Metric, Problem, ProblemKind, Randomness, Secret, SecretError};
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
            Err(problem) => problem.into_response(),
        }
    }

    /// Whether it is Belvo who calls: from one of its addresses, if there is a list of them, and
    /// with the agreed value.
    async fn verify(&self, request: &Request, context: &Context<'_>) -> Result<(), Problem> {
        let listed = |ip: IpAddr| self.source_ips.contains(&ip);
        let from_belvo = self.source_ips.is_empty() || context.source_ip.is_some_and(listed);
        let header = request.headers().get(AUTHORIZATION);
        let agreed = match header {
            Some(header) => self.agreed(header.as_bytes(), from_belvo).await,
            None => Ok(false),
        };
        let agreed = agreed.map_err(|error| no_secret(context.request_id, &error))?;
        if from_belvo && agreed {
            return Ok(());
        }
        // Neither of the two is what the list is for. One of the two is for a person to look at:
        // the value is another now, or Belvo calls from somewhere else.
        if from_belvo || agreed {
            runtime::count(Metric::WebhookRejected, self.clock.now());
        }
        Err(Problem::new(ProblemKind::Unauthorized, context.request_id))
    }

    /// Whether this is the agreed value. It may have been rotated since this process has read it,
    /// but no stranger makes us look.
    async fn agreed(&self, value: &[u8], look_again: bool) -> Result<bool, SecretError> {
        if self.authorization.get().await?.accepts(value) {
            return Ok(true);
        }
        Ok(look_again && self.authorization.reread().await?.accepts(value))
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

fn no_secret(request_id: &str, error: &SecretError) -> Problem {
    tracing::error!(request_id, %error, "a webhook was not taken");
    error.problem("webhook", request_id)
}

fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Problem {
    tracing::error!(request_id, error = %runtime::chain(error), "a webhook was not taken");
    Problem::new(ProblemKind::Unavailable, request_id)
}
