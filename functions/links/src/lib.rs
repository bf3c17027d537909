//! What app front ends read, refresh and delete.
//!
//! It never calls Belvo, and writes one thing: the mark of a link that its user wants erased, with
//! the receipt. Everything is read through the scope of the verified token; whatever belongs to
//! another user is not there.
//!
//! | module | does |
//! |---|---|
//! | `handler` | what every route needs: the user's request, and their link |
//! | `routes` | finds the route |
//! | `list_links` | `GET /links`, `GET /links/{link_id}` |
//! | `link_view` | how a link looks from outside |
//! | `attempts` | attempts to connect, as a user sees them |
//! | `polling` | when a client that waits should ask again |
//! | `rows` | `GET /links/{link_id}/{resource}` |
//! | `all_transactions` | `GET /transactions`: those of all links in one list |
//! | `export` | `GET /export` |
//! | `refresh` | `POST /links/{link_id}/refresh` |
//! | `erasure` | `DELETE /links/{link_id}`, `DELETE /me`, `GET /receipts/{receipt_id}` |
//! | `query` | reads the query of a list |
//! | `cursor` | where a reader of a list goes on |
//! | `etag` | entity tags, and answers that have not changed |

mod all_transactions;
mod attempts;
mod config;
mod cursor;
mod erasure;
mod etag;
mod export;
mod handler;
mod link_view;
mod list_links;
mod polling;
mod query;
mod refresh;
mod routes;
mod rows;

use aws_sdk_secretsmanager::Client as SecretsManager;
use queue::JobQueue;
use runtime::{Clock, Env, PrincipalSource, Randomness, RetryBudget, Secret};
use user_store::{UserConnections, UserLinks, UserRows};

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
        links: UserLinks::new(&aws, config.link_table.clone()),
        rows: UserRows::new(&aws, config.resource_table.clone()),
        connections: UserConnections::new(&aws, config.connection_table.clone()),
        queue: JobQueue::new(&aws, config.queue_url.clone()),
        keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
        principal: PrincipalSource::new(&config.principal, &secrets, &clock),
        config,
        clock,
        randomness: Randomness::system(),
    };
    handler.keys.warm_up().await;
    let handler = &handler;
    let served = gateway::serve(async |request| handler.handle(&request).await);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
