//! `POST /token` and `POST /portal`: mints every token Belvo gives.
//!
//! The request is checked, the user is who the JWT says, the caps are counted, Belvo mints. For the
//! widget, the attempt is queued, and only then does the token leave: `request` reads the body,
//! `widget` builds the URLs, `warnings` names banks that are connected already, `mint` puts them in
//! order. For My Belvo Portal, where consents are seen, renewed and revoked, `portal_request`,
//! `portal_url` and `portal` do the same, `renewal` finds the consent, and `evidence` asks whether
//! the documents are the user's. `identity` finds out who consents, for both; `caps` counts.

mod caps;
mod config;
mod evidence;
mod fields;
mod handler;
mod identity;
mod mint;
mod portal;
mod portal_request;
mod portal_url;
mod problems;
mod renewal;
mod request;
mod routes;
mod warnings;
mod widget;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client as SecretsManager;
use belvo::{Belvo, Keys};
use queue::JobQueue;
use runtime::{Clock, Env, PrincipalSource, Randomness, RetryBudget, Secret};
use user_store::{UserConnections, UserLinks};

pub use config::Config;
pub use handler::Handler;

/// A user waits, but a late token is better than none. A second try begins within four seconds of the
/// first, so that both fit into the 25 s of a request.
const BELVO_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves the function until the Lambda runtime stops it.
pub async fn run() -> anyhow::Result<()> {
    runtime::start_logs();
    let config = Config::from_env(Env::from_process())?;
    let aws = runtime::aws(RetryBudget::REQUEST).await;
    let secrets = SecretsManager::new(&aws);
    let clock = Clock::system();
    let read = Keys::from_json;
    let keys = Arc::new(Secret::new(&secrets, &config.belvo_secret_id, &clock, read));
    keys.warm_up().await;
    let read_keys = move |rejected| Arc::clone(&keys).supply(rejected);
    let belvo = Belvo::connect(&config.belvo_base_url, BELVO_TIMEOUT, read_keys)?;
    let handler = Handler {
        belvo,
        queue: JobQueue::new(&aws, config.queue_url.clone()),
        connections: UserConnections::new(&aws, config.connection_table.clone()),
        links: UserLinks::new(&aws, config.link_table.clone()),
        session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
        principal: PrincipalSource::new(&config.principal, &secrets, &clock),
        config,
        clock,
        randomness: Randomness::system(),
    };
    handler.session_keys.warm_up().await;
    let handler = &handler;
    let served = gateway::serve(async |request| handler.handle(&request).await);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
