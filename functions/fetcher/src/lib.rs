//! The fetcher: works off the queue, and is the only function that writes data.
//!
//! A job goes one way: `batch` → `dispatch` → `jobs` → `reconcile` → `ownership`, `sync`,
//! `consents`, `outbox`. What is decided on the way is decided by [`domain::link`].
//!
//! | module | does |
//! |---|---|
//! | `batch` | takes a batch apart: groups side by side, jobs of a group in order |
//! | `redelivery` | lets a job come again that could not be done |
//! | `dispatch` | acquires the job's link, and erases it instead if its user wants that |
//! | `jobs` | what each job says of a link: a file for each kind |
//! | `reconcile` | does what is pending for a link, and schedules the rest |
//! | `ownership` | finds out whose a link is, before anything of it is stored |
//! | `sync` | makes what is stored of a resource what Belvo holds |
//! | `accounts` | compares the accounts of a link with those of the person's other links |
//! | `consents` | the same for the consents behind a link |
//! | `outbox` | saves LINK, and tells other services what has changed |
//! | `usage` | counts what is spent of the monthly Open Finance limits |
//! | `origin` | whose the rows are that Belvo gives for a link |
//! | `owners` | the documents of those who own a link's accounts |
//! | `leased` | a link while a job works on it |
//! | `metrics` | what is counted of codes and banks |
//! | `outcome`, `error`, `deadline` | how a job ends |
//!
//! **Invariant:** no resource of a link is stored before the link is bound to a user and its owner
//! is checked.
//!
//! **Invariant:** jobs of one link never run side by side. The queue is FIFO, a link is a group, and a
//! job that runs stays hidden for three times as long as an invocation may take (the template's 360 s
//! and 120 s). Should an invocation begin late all the same, LINK's fencing token refuses its writes.

mod accounts;
mod batch;
mod config;
mod consents;
mod deadline;
mod dispatch;
mod error;
mod fetcher;
mod jobs;
mod leased;
mod metrics;
mod origin;
mod outbox;
mod outcome;
mod owners;
mod ownership;
mod reconcile;
mod redelivery;
mod sync;
mod usage;
mod webhook_log;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_secretsmanager::Client as SecretsManager;
use belvo::{Belvo, ClientOptions, Keys, RateLimiter};
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use queue::JobQueue;
use runtime::{Clock, Env, Randomness, RetryBudget, Secret};
use store::{ConnectionStore, LinkStore, ResourceStore};

pub use config::Config;
pub use fetcher::Fetcher;

/// A page of 1,000 transactions is 2 to 4 MB, read from Belvo's own store.
const BELVO_TIMEOUT: Duration = Duration::from_secs(30);

/// Keys and hashes of so many rows take some 4 MB, and they are read in 20 pages.
const CHUNK_SIZE: u64 = 20_000;

/// Serves the function until the Lambda runtime stops it.
pub async fn run() -> anyhow::Result<()> {
    runtime::start_logs();
    let config = Config::from_env(Env::from_process())?;
    let aws = runtime::aws(RetryBudget::JOB).await;
    let secrets = SecretsManager::new(&aws);
    let clock = Clock::system();
    let read = Keys::from_json;
    let keys = Arc::new(Secret::new(&secrets, &config.belvo_secret_id, &clock, read));
    keys.warm_up().await;
    let read_keys = move |rejected| Arc::clone(&keys).supply(rejected);
    let belvo = Belvo::connect(&config.belvo_base_url, BELVO_TIMEOUT, read_keys)?;
    let fetcher = Fetcher {
        belvo: belvo.with_options(ClientOptions {
            rate_limiter: RateLimiter::share(
                config.belvo_requests_per_30_seconds,
                config.fetcher_concurrency,
            ),
            ..ClientOptions::default()
        }),
        links: LinkStore::new(&aws, config.link_table.clone()),
        resources: ResourceStore::new(
            &aws,
            config.link_table.clone(),
            config.resource_table.clone(),
        ),
        connections: ConnectionStore::new(&aws, config.connection_table.clone()),
        queue: JobQueue::new(&aws, config.queue_url.clone()),
        session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
        config,
        clock,
        randomness: Randomness::system(),
        chunk_size: CHUNK_SIZE,
    };
    let fetcher = &fetcher;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Timestamp::try_from(event.context.deadline())?;
        Ok::<_, lambda_runtime::Error>(fetcher.handle(event.payload, deadline).await)
    }))
    .await
    .map_err(|error| anyhow::anyhow!(error))
}
