//! What the fetcher works with.

use belvo::Belvo;
use domain::SigningKeys;
use queue::JobQueue;
use runtime::{Clock, Randomness, Secret};
use store::{ConnectionStore, LinkStore, ResourceStore};

use crate::config::Config;

/// Works off the queue. Its stages take from it what they need.
#[derive(Debug)]
pub struct Fetcher {
    pub config: Config,
    pub belvo: Belvo,
    pub links: LinkStore,
    pub resources: ResourceStore,
    pub connections: ConnectionStore,
    /// Where the jobs come from, and go back to when they could not be done.
    pub queue: JobQueue,
    /// The keys documents were hashed with.
    pub session_keys: Secret<SigningKeys>,
    pub clock: Clock,
    /// Draws the missing rows that Belvo is asked for.
    pub randomness: Randomness,
    /// The most rows of a link whose keys are held in memory; a longer statement is read in chunks.
    pub chunk_size: u64,
}
