//! From a webhook to a queued job.

use std::net::IpAddr;
use std::time::Duration;

use domain::{Event, EventKind, Job};
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use lambda_http::http::{Method, Response};
use queue::JobQueue;
use runtime::{Clock, Metric, Problem, ProblemKind, Randomness, Secret, SecretError};

use crate::authorization::Authorization;

/// Most webhooks have some 500 bytes; one that lists what went is large when much went. This is all
/// that a function is given, headers and escapes included (AWS: "Lambda quotas").
const MAX_BODY: usize = 6 * 1024 * 1024;

/// Belvo gives up after five seconds and sends the webhook again. An answer before that is logged
/// with its reason.
const TIME_LIMIT: Duration = Duration::from_millis(3800);

/// Takes webhooks.
#[derive(Debug)]
pub struct Handler {
    /// The value that Belvo sends.
    pub authorization: Secret<Authorization>,
    /// Addresses that may call; empty means any address that presents it.
    pub source_ips: Vec<IpAddr>,
    pub queue: JobQueue,
    pub clock: Clock,
    pub randomness: Randomness,
}

impl Handler {
    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
        // A look at whether the address answers says nothing, and is told nothing.
        if is_look && header(request).is_none() {
            return Response::new(String::new());
        }
        let context = Context::of(request);
        let answer = runtime::within(TIME_LIMIT, async {
            self.verify(request, &context).await?;
            match is_look {
                true => Ok(()),
                false => self.take(request.body().as_ref(), context.request_id).await,
            }
        });
        match answer.await {
            Ok(()) => Response::new(String::new()),
            Err(problem) => problem.into_response(context.request_id, "a webhook was not taken"),
        }
    }

    /// Refuses a caller that is not Belvo. Belvo calls with the agreed value, and from one of its
    /// addresses if they are configured.
    async fn verify(&self, request: &Request, context: &Context<'_>) -> Result<(), Problem> {
        let listed = |ip: IpAddr| self.source_ips.contains(&ip);
        let from_belvo = self.source_ips.is_empty() || context.source_ip.is_some_and(listed);
        let agreed = match header(request) {
            Some(header) => self.agreed(header, from_belvo).await,
            None => Ok(false),
        };
        let agreed = agreed.map_err(|error| error.problem("webhook"))?;
        if from_belvo && agreed {
            return Ok(());
        }
        // A caller with neither is a stranger. One of the two is for an operator to look at, because
        // the value or Belvo's addresses may have changed.
        if from_belvo || agreed {
            runtime::count(Metric::WebhookRejected, self.clock.now());
        }
        Err(Problem::new(ProblemKind::Unauthorized))
    }

    /// Whether this is the agreed value. It may have been rotated since this process read it, so it
    /// is read again, but only for Belvo's addresses: a stranger must not cause reads.
    async fn agreed(&self, value: &[u8], look_again: bool) -> Result<bool, SecretError> {
        if self.authorization.get().await?.accepts(value) {
            return Ok(true);
        }
        Ok(look_again && self.authorization.reread().await?.accepts(value))
    }

    /// **Invariant:** the job is on the queue before the webhook is answered.
    ///
    /// What cannot be used is acknowledged all the same: Belvo would only send it again, and
    /// Belvo does not document the body it validates a new URL with.
    async fn take(&self, body: &[u8], request_id: &str) -> Result<(), Problem> {
        let event = read(body)?;
        let Some(link_id) = event.link_id else {
            runtime::count(Metric::WebhookIgnored, self.clock.now());
            tracing::info!(request_id, "a webhook without a link was acknowledged");
            return Ok(());
        };
        if event.kind == EventKind::Unknown {
            runtime::count(Metric::WebhookIgnored, self.clock.now());
        }
        let unique = self.randomness.sixteen()?;
        tracing::info!(
            request_id,
            link.id = %link_id,
            webhook.code = event.webhook_code.as_ref().map(domain::Code::as_str),
            webhook.kind = event.webhook_type.as_ref().map(domain::Code::as_str),
            belvo.request_id = event.request_id.as_ref().map(domain::RequestId::as_str),
            "webhook received"
        );
        let job = Job::WebhookReceived { link_id, event };
        Ok(self.queue.send(&job, unique).await?)
    }
}

/// The value that the caller presents, if there is one.
fn header(request: &Request) -> Option<&[u8]> {
    let header = request.headers().get(AUTHORIZATION)?;
    Some(header.as_bytes()).filter(|value| !value.is_empty())
}

/// A blank body is an event without link. Belvo does not document what it sends to validate a URL.
fn read(body: &[u8]) -> Result<Event, Problem> {
    let text = runtime::text(body, MAX_BODY)?;
    let text = match text.trim() {
        "" => "{}",
        text => text,
    };
    Event::from_json(text).ok_or_else(|| {
        Problem::new(ProblemKind::InvalidRequest).at("", "must be a JSON object, or empty")
    })
}
