//! Everything the sandbox remembers, behind one lock that is never held across an await.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    clock::Clock,
    connect::Choice,
    faults::Faults,
    links::Link,
    locked,
    random::{Seed, Tag},
    tokens::Token,
    webhooks::Deliveries,
};

/// How many requests the log keeps: the last ones.
pub const REQUEST_LOG: usize = 10_000;

/// The sandbox.
pub struct World {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Where all choices start.
    pub seed: Seed,
    /// Webhooks on their way.
    pub deliveries: Arc<Deliveries>,
    inner: Mutex<Inner>,
}

/// A consent that waits for the widget.
pub struct Pending {
    /// What the user has chosen.
    pub choice: Choice,
}

/// A pair of API keys of the sandbox's only customer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// secretId
    pub id: String,
    /// secretPassword
    pub password: String,
}

/// What changes.
#[derive(Default)]
pub struct Inner {
    /// The API keys: while they are replaced there are two pairs.
    pub keys: Vec<Keys>,
    /// The present.
    pub clock: Clock,
    /// The faults in force.
    pub faults: Faults,
    /// Access tokens by their text.
    pub tokens: HashMap<String, Token>,
    /// Links by id.
    pub links: BTreeMap<Uuid, Link>,
    /// Consents given at a bank's app, waiting for the widget to be opened again.
    pub pending: HashMap<Uuid, Pending>,
    /// Which link a row's id belongs to.
    pub tags: HashMap<Tag, Uuid>,
    /// How many requests the API was sent.
    pub asked: u64,
    /// How many links and tokens were made.
    pub made: u64,
    /// When links were deleted in the last minute.
    pub deletions: VecDeque<Timestamp>,
    /// When requests came in, per address, in the last 30 seconds.
    pub arrivals: HashMap<IpAddr, VecDeque<Timestamp>>,
    /// The last requests.
    pub requests: VecDeque<Value>,
    /// What changes after pages have done.
    pub drifts: Vec<Value>,
    /// Requests for paths that do not exist.
    pub unknown: BTreeMap<String, u64>,
}

impl World {
    /// An empty sandbox.
    pub fn new(url: String, keys: Keys, seed: u64, deliveries: Deliveries) -> Self {
        Self {
            url,
            seed: Seed::new(seed),
            deliveries: Arc::new(deliveries),
            inner: Mutex::new(Inner {
                keys: vec![keys],
                ..Inner::default()
            }),
        }
    }

    /// What changes; give it back before waiting for anything.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        locked(&self.inner)
    }
}

impl Inner {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The seed of the next link or token.
    pub fn next_seed(&mut self, root: Seed, name: &str) -> Seed {
        self.made += 1;
        root.child(name).at(self.made)
    }

    /// Notes a request.
    pub fn note(&mut self, request: Value) {
        if self.requests.len() >= REQUEST_LOG {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// The links, oldest first, as Belvo lists them.
    pub fn links_by_age(&self) -> Vec<&Link> {
        let mut links: Vec<&Link> = self.links.values().collect();
        links.sort_by_key(|link| (link.created_at, link.id));
        links
    }
}
