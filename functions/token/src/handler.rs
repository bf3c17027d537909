//! What `POST /token` and `POST /portal` have in common.

use std::sync::Arc;

use belvo::Belvo;
use domain::{Claims, Identity, Job, SigningKeys};
use jiff::{SignedDuration, Timestamp};
use queue::JobQueue;
use runtime::{Clock, PrincipalSource, Problem, Randomness, Secret};
use user_store::{UserConnections, UserLinks};

use crate::config::Config;
use crate::identity::{self, Who};

/// Belvo's token lives 10 minutes (hosted widget guide); the page needs some of them to load.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(600 - 30);

/// Mints every token Belvo gives: of the widget, and of the portal.
#[derive(Debug)]
pub struct Handler {
    pub config: Config,
    pub belvo: Belvo,
    pub queue: JobQueue,
    /// Where attempts are counted.
    pub connections: UserConnections,
    /// Where links and consents are.
    pub links: UserLinks,
    /// The keys that sign sessions.
    pub session_keys: Secret<SigningKeys>,
    /// Who the user is.
    pub principal: PrincipalSource,
    /// The time.
    pub clock: Clock,
    pub randomness: Randomness,
}

impl Handler {
    /// The keys that sign sessions and hash documents.
    pub(crate) async fn keys(&self) -> Result<Arc<SigningKeys>, Problem> {
        let keys = self.session_keys.get().await;
        keys.map_err(|error| error.problem("session"))
    }

    /// The person, and the company if there is one, who consents.
    pub(crate) fn identify(&self, claims: &Claims, who: &Who) -> Result<Identity, Problem> {
        let config = &self.config;
        identity::identify(&config.identity_source, config.sandbox, claims, who)
    }

    pub(crate) async fn send(&self, job: &Job) -> Result<(), Problem> {
        let unique = self.randomness.sixteen()?;
        Ok(self.queue.send(job, unique).await?)
    }
}

/// Until when a token that was minted now is promised to work.
pub(crate) fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(TOKEN_LIFETIME).unwrap_or(now)
}
