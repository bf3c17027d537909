//! The real sweeper, and the time of its next work.

use jiff::Timestamp;
use queue::JobQueue;
use runtime::{Env, Randomness};
use serde_json::json;
use store::{ConnectionStore, LinkStore, SHARDS};
use sweeper::{Config, Report, SweepError, Sweeper};

use super::aws::{Aws, CONNECTION_TABLE, LINK_TABLE};
use super::bank::Bank;
use super::random::Random;
use super::time::Time;
use super::world::World;

/// The sweeper as its `main` makes it, with the simulated sides.
pub fn sweeper(bank: &Bank, aws: &Aws, time: &Time, page_size: u32, seed: u64) -> Sweeper {
    let config = aws.config(None);
    let random = std::sync::Mutex::new(Random::new(seed));
    Sweeper {
        config: settings(),
        belvo: bank.api(None, page_size),
        links: LinkStore::new(&config, LINK_TABLE.to_owned()),
        connections: ConnectionStore::new(&config, CONNECTION_TABLE.to_owned()),
        queue: JobQueue::new(&config, "http://127.0.0.1:1/queue.fifo".to_owned()),
        clock: time.clock(),
        randomness: Randomness::from_fn(move |bytes| {
            bytes.fill_with(|| random.lock().unwrap().number() as u8);
            Ok(())
        }),
    }
}

/// The clients already have these addresses and names, so these are placeholders.
fn settings() -> Config {
    let variables = [
        ("BELVO_BASE_URL", "http://127.0.0.1:1"),
        ("BELVO_SECRET_ID", "BelvoSecret"),
        ("LINK_TABLE", LINK_TABLE),
        ("CONNECTION_TABLE", CONNECTION_TABLE),
        ("QUEUE_URL", "http://127.0.0.1:1/queue.fifo"),
        ("BELVO_REQUESTS_PER_30_SECONDS", "80"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_env(Env::new(variables)).unwrap()
}

impl World {
    /// Runs the sweeper, which queues due links.
    pub async fn sweep(&mut self) {
        let event = json!({"sweep": "due"});
        // On the heap, because the nested futures exceed the compiler's limits otherwise.
        Box::pin(self.sweeper.handle(&event)).await.unwrap();
    }

    /// Makes the sweeper walk Belvo's whole list of links, unless Belvo fails.
    pub async fn walk(&mut self) {
        for page in 1.. {
            let event = json!({"sweep": "links", "page": page});
            match Box::pin(self.sweeper.handle(&event)).await {
                Ok(Report::Links { pages, .. }) if page < pages => {}
                Ok(_) => return,
                Err(SweepError::Belvo(_) | SweepError::NoSuchPage { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The time at which the next link is due.
    pub async fn next_due(&self) -> Option<Timestamp> {
        let mut next = None;
        for shard in 0..SHARDS {
            let first = self.store.due(shard, Timestamp::MAX, 1).await.unwrap();
            let first = first.first().map(|link| link.due_at);
            next = [next, first].into_iter().flatten().min();
        }
        next
    }
}
