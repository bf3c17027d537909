//! `GET /callback/{session}/{success|exit|event}`, `POST /callback` and `POST /connection-reports`:
//! how a visit to the widget ended.
//!
//! A callback is a claim, not a fact, because any client can call the address. So it has the link
//! checked, and none of its data read. It is never refused for its rate, because an earlier call
//! may be a link scanner's and the refused one the user's. Repetitions are dropped by SQS and by
//! the fetcher instead. `redirect` serves the user's browser, `forwarded` serves apps that catch
//! the redirect themselves, `report` takes the address that the browser shows when a bank refuses
//! without a redirect, `page` writes the pages that users see.

mod config;
mod forwarded;
mod handler;
mod page;
mod redirect;
mod report;
mod routes;

use aws_sdk_secretsmanager::Client as SecretsManager;
use queue::JobQueue;
use runtime::{Clock, Env, PrincipalSource, RetryBudget, Secret};

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
        queue: JobQueue::new(&aws, config.queue_url.clone()),
        session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
        principal: PrincipalSource::new(&config.principal, &secrets, &clock),
        config,
        clock,
    };
    handler.session_keys.warm_up().await;
    let handler = &handler;
    let served = gateway::serve(async |request| handler.handle(&request).await);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
