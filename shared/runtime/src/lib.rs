//! What every function does before its first event, and what every HTTP function does with a
//! request.
//!
//! [`Env`] turns variables into typed configuration and reports every mistake at once.
//! [`Secret`] caches a secret and reads it again after a rotation. [`Clock`] and [`Randomness`] are
//! the only sources of time and of random bytes. [`PrincipalSource`] says who the user is, [`json`] reads a body, [`within`]
//! bounds the time, and [`Problem`] is every error our HTTP API answers. [`count`] writes a metric.
//!
//! Nothing here knows Lambda.

mod clock;
mod env;
mod metrics;
mod principal;
mod problem;
mod randomness;
mod request;
mod secret;

use std::panic::PanicHookInfo;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use tracing_subscriber::filter::LevelFilter;

pub use clock::Clock;
pub use env::{Env, InvalidConfig, flag, https_url, page_url, service_url};
pub use metrics::{Metric, count, count_at, count_by, gauge};
pub use principal::{PrincipalConfig, PrincipalSource};
pub use problem::{Problem, ProblemKind};
pub use randomness::{NoRandomness, Randomness};
pub use request::{json, json_object, text, within};
pub use secret::{Secret, SecretError};

/// Starts structured logs, a line of JSON each, on standard output.
///
/// Dependencies log warnings only, because some of them log what they send. A panic is one line
/// that says where it happened; its text is left out, because it may hold data.
pub fn start_logs() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok();
    let level = level.and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    let ours = tracing_subscriber::filter::Targets::new()
        .with_default(LevelFilter::WARN.min(level))
        .with_targets(OURS.map(|target| (target, level)));
    // A second start, as in tests that run several functions in one process, changes nothing.
    if let Err(error) = tracing::subscriber::set_global_default(subscriber(ours)) {
        tracing::debug!(%error, "logs were already started");
    }
    std::panic::set_hook(Box::new(log_panic));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(tracing::field::display);
    tracing::error!(location, "a function has panicked");
}

/// The crates that may log below warnings.
const OURS: [&str; 11] = [
    "belvo", "callback", "domain", "fetcher", "links", "queue", "runtime", "store", "sweeper",
    "token", "webhook",
];

fn subscriber(
    targets: tracing_subscriber::filter::Targets,
) -> impl tracing::Subscriber + Send + Sync {
    use tracing_subscriber::layer::SubscriberExt as _;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// An error and what caused it, in one line. Logged once, where the failure is handled.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

/// How long one call to AWS may take, and how often it is tried.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    timeout: Duration,
    attempts: u32,
}

impl RetryBudget {
    /// While a user or Belvo waits. A webhook must be answered in 4 s, which leaves time for a
    /// second try.
    pub const REQUEST: Self = Self {
        timeout: Duration::from_millis(1800),
        attempts: 2,
    };

    /// For jobs. A read of a megabyte of a table takes seconds.
    pub const JOB: Self = Self {
        timeout: Duration::from_secs(10),
        attempts: 3,
    };
}

/// The configuration of AWS clients: where AWS is, from the SDK's own variables, and `budget`.
///
/// Lambda sets region and credentials; `AWS_ENDPOINT_URL…` points elsewhere in tests.
pub async fn aws(budget: RetryBudget) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(2))
                .operation_attempt_timeout(budget.timeout)
                .build(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(budget.attempts))
        .load()
        .await
}
