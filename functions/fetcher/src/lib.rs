//! The fetcher: works off the queue, and is the only function that writes data.
//!
//! | module | does |
//! |---|---|
//! | `batch` | takes a batch apart: groups side by side, jobs of a group in order |
//! | `attempt` | what attempts to connect lead to |
//! | `webhook` | what webhooks lead to |
//! | `open` | a link while a job works on it |
//! | `catch_up` | does whatever is outstanding for a link: what every job comes down to |
//! | `waiting` | what cannot be done now, and when it is done |
//! | `calendar` | dates and pauses |
//! | `bind` | finds out whose a link is, before anything of it is stored |
//! | `adopt` | a link that continues another one |
//! | `owner` | compares the link's owner with the documents its token was minted for |
//! | `sync` | makes what is stored of a resource what Belvo holds |
//! | `scope` | what a pass reads: the recent days, or everything |
//! | `portions` | a long statement, read in portions |
//! | `reading` | reads pages and writes what differs |
//! | `missing` | what is stored and did not come back |
//! | `consent` | the consents behind a link |
//! | `refresh` | asks Belvo to read the bank again |
//! | `spending` | counts what that and connecting spend |
//! | `erase` | links and users that are to be erased |
//! | `tombstone` | what remains to be done then |
//! | `telling` | what other services are told |
//! | `counting` | what is counted of codes and banks |
//!
//! **Invariant:** no resource of a link is stored before the link is bound to a user and its owner
//! is checked.

mod adopt;
mod attempt;
mod batch;
mod bind;
mod calendar;
mod catch_up;
mod config;
mod consent;
mod counting;
mod erase;
mod fetcher;
mod missing;
mod open;
mod owner;
mod portions;
mod reading;
mod refresh;
mod scope;
mod spending;
mod sync;
mod telling;
mod tombstone;
mod waiting;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_secretsmanager::Client as SecretsManager;
use belvo::{Belvo, ClientOptions, Keys, RateLimiter};
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use runtime::{Clock, Env, RetryBudget, Secret};
use store::{ConnectionStore, ResourceStore};

pub use config::{Config, OwnerCheck};
pub use fetcher::Fetcher;

/// A page of 1,000 transactions is 2 to 4 MB, read from Belvo's own store.
const BELVO_TIMEOUT: Duration = Duration::from_secs(30);

/// Keys and hashes of so many rows take some 4 MB, and they are read in 20 pages.
const PORTION: u64 = 20_000;

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
        resources: ResourceStore::new(&aws, config.resource_table.clone()),
        connections: ConnectionStore::new(&aws, config.connection_table.clone()),
        session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
        config,
        clock,
        portion: PORTION,
    };
    let fetcher = &fetcher;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Timestamp::try_from(event.context.deadline())?;
        Ok::<_, lambda_runtime::Error>(fetcher.handle(event.payload, deadline).await)
    }))
    .await
    .map_err(|error| anyhow::anyhow!(error))
}
