//! `POST /webhook`: takes Belvo's webhooks, queues the work and answers.
//!
//! It verifies the caller, bounds the size, parses, queues and answers, in this order. `GET` and
//! `HEAD` only show that the address answers and, with the agreed value, that it is accepted. It reads
//! nothing from Belvo, because Belvo waits five seconds for the answer. `authorization` holds the
//! agreed value, `handler` does the rest.

mod authorization;
mod config;
mod handler;

use aws_sdk_secretsmanager::Client as SecretsManager;
use queue::JobQueue;
use runtime::{Clock, Env, Randomness, RetryBudget, Secret};

pub use authorization::Authorization;
pub use config::Config;
pub use handler::Handler;

/// Serves the function until the Lambda runtime stops it.
pub async fn run() -> anyhow::Result<()> {
    runtime::start_logs();
    let config = Config::from_env(Env::from_process())?;
    let aws = runtime::aws(RetryBudget::REQUEST).await;
    let clock = Clock::system();
    let handler = Handler {
        authorization: Secret::new(
            &SecretsManager::new(&aws),
            &config.webhook_secret_id,
            &clock,
            Authorization::from_json,
        ),
        source_ips: config.source_ips,
        queue: JobQueue::new(&aws, config.queue_url),
        clock,
        randomness: Randomness::system(),
    };
    handler.authorization.warm_up().await;
    let handler = &handler;
    let served = gateway::serve(async |request| handler.handle(&request).await);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
