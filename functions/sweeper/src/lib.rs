//! The sweeper: queues links that are due, and links with news that no webhook told of. It writes to
//! the queue only.
//!
//! | sweep | module | when | does |
//! |---|---|---|---|
//! | `due` | `due` | each minute | links whose time has come |
//! | `links` | `compare_links` | every five minutes | a page of Belvo's links against ours: webhooks get lost |
//! | `replay` | `replay` | by hand | the webhook log of a link once more |
//! | `erased` | `erased` | by hand | the erasures of a month once more: a restore has undone them |
//! | `reread` | `reread` | by hand | everything of a link, or of all links, once more |
//!
//! `request` reads the event, `dispatch` finds the sweep, `sweeper` is what all of them work
//! with, `report` says how far one is, `throttle` derives how much at once from Belvo's rate.
//!
//! No sweep keeps a place between two invocations, so there is none to lose: what is due is in the
//! index `by_due`, the page of links follows from the time, and a reread of all links answers with
//! the event that continues it. Every sweep may be skipped, repeated or cut off.
//!
//! # The cost of 100,000 links
//!
//! | | a day | at once |
//! |---|---|---|
//! | `due` | 1,440 sweeps of 8 queries | up to 144 links, some 20 ms for ten of them |
//! | `links` | 288 pages of 1,000 links, 576 requests to Belvo | 2 requests, 10 batch reads |
//! | a round of all pages | 2.9 rounds | 100 pages, 500 minutes |
//! | LINK records read | 288,000, at half a unit for 4 KB | 1,000 |
//!
//! With 100,000 links, a lost webhook is made up for within 8.3 hours. The sweeps take less than half
//! a percent of the requests that Belvo's gateway allows one address (80 in 30 s, 230,400 a day).
//!
//! The jobs need far more. A link that is refreshed once a day takes
//! some eight requests (the link, six resources, its consent) and eight more for the weekly full
//! read: 9.1 a day. The fetchers' share of 72 in 30 s is 207,360 a day, enough for 22,500 such
//! links. 100,000 such links need 320 in 30 s, for which Belvo must lift its limit or the account
//! needs more addresses. Links that are refreshed weekly, Belvo's default, need some nine requests a
//! week each: 900,000 of 1,451,520 for 100,000 links.

mod compare_links;
mod config;
mod dispatch;
mod due;
mod erased;
mod replay;
mod report;
mod request;
mod reread;
mod sweeper;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client as SecretsManager;
use belvo::{Belvo, Keys};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use queue::JobQueue;
use runtime::{Clock, Env, Randomness, RetryBudget, Secret};
use serde_json::Value;
use store::{ConnectionStore, LinkStore};

pub use config::Config;
pub use report::Report;
pub use request::{InvalidRequest, Sweep};
pub use sweeper::{SweepError, Sweeper};

/// A page of 1,000 links is half a megabyte. The function's 60 s leave time for a second try.
const BELVO_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves the function until the Lambda runtime stops it.
pub async fn run() -> anyhow::Result<()> {
    runtime::start_logs();
    let config = Config::from_env(Env::from_process())?;
    let aws = runtime::aws(RetryBudget::JOB).await;
    let clock = Clock::system();
    let secrets = SecretsManager::new(&aws);
    let read = Keys::from_json;
    let keys = Arc::new(Secret::new(&secrets, &config.belvo_secret_id, &clock, read));
    let read_keys = move |rejected| Arc::clone(&keys).supply(rejected);
    let belvo = Belvo::connect(&config.belvo_base_url, BELVO_TIMEOUT, read_keys)?;
    let sweeper = Sweeper {
        belvo,
        links: LinkStore::new(&aws, config.link_table.clone()),
        connections: ConnectionStore::new(&aws, config.connection_table.clone()),
        queue: JobQueue::new(&aws, config.queue_url.clone()),
        config,
        clock,
        randomness: Randomness::system(),
    };
    let sweeper = &sweeper;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        // On the heap: one inside the other, these futures are deeper than the compiler likes.
        let report = Box::pin(sweeper.handle(&event.payload)).await;
        report.map_err(|error| Diagnostic {
            error_type: error.name().to_owned(),
            error_message: runtime::chain(&error),
        })
    }))
    .await
    .map_err(|error| anyhow::anyhow!(error))
}
