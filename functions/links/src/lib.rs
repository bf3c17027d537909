//! What app front ends read, refresh and delete.
//!
//! It never calls Belvo, and writes one thing: the mark of a link that its user wants erased, with
//! the receipt. Everything is read under the `external_id` of the verified token; whatever belongs
//! to somebody else is not there.
//!
//! | module | does |
//! |---|---|
//! | `handler` | finds the route, and whose request it is |
//! | `answer` | entity tags, and answers that have not changed |
//! | `query` | reads the query of a list |
//! | `cursor` | where a reader of a list goes on |
//! | `overview` | `GET /links`, `GET /links/{link_id}` |
//! | `standing` | what stands between a user and their data |
//! | `view` | how a link looks from outside |
//! | `sessions` | attempts to connect, as a user sees them |
//! | `duplicates` | links of one person at one bank |
//! | `rows` | `GET /links/{link_id}/{resource}` |
//! | `statement` | `GET /transactions`: the statements of all links in one |
//! | `export` | `GET /export` |
//! | `refresh` | `POST /links/{link_id}/refresh` |
//! | `erasure` | `DELETE /links/{link_id}`, `DELETE /me`, `GET /receipts/{receipt_id}` |

mod answer;
mod config;
mod cursor;
mod duplicates;
mod erasure;
mod export;
mod handler;
mod overview;
mod query;
mod refresh;
mod rows;
mod sessions;
mod standing;
mod statement;
mod view;

use aws_sdk_secretsmanager::Client as SecretsManager;
use queue::JobQueue;
use runtime::{Caller, Clock, Env, Randomness, RetryBudget, Secret};
use store::{ConnectionStore, ResourceStore};

pub use config::Config;
pub use handler::Handler;

/// Serves the function until the Lambda runtime stops it.
pub async fn run() -> anyhow::Result<()> {
    runtime::start_logs();
    let config = Config::from_env(Env::from_process())?;
    let aws = runtime::aws(RetryBudget::REQUEST).await;
    let secrets = SecretsManager::new(&aws);
    let clock = Clock::system();
    let handler = Handler {
        resources: ResourceStore::new(&aws, config.resource_table.clone()),
        connections: ConnectionStore::new(&aws, config.connection_table.clone()),
        queue: JobQueue::new(&aws, config.queue_url.clone()),
        keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
        caller: Caller::new(&config.caller, &secrets, &clock),
        config,
        clock,
        randomness: Randomness::system(),
    };
    handler.keys.warm_up().await;
    let handler = &handler;
    let served = gateway::serve(async |request| handler.handle(&request).await);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
