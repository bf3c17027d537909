//! The sandbox's state, behind one lock that is never held across an await.

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

/// Requests kept in the log.
pub const REQUEST_LOG: usize = 10_000;

pub struct World {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// The seed of all choices.
    pub seed: Seed,
    pub deliveries: Arc<Deliveries>,
    inner: Mutex<Inner>,
}

/// A consent that waits until the widget is opened again.
pub struct Pending {
    pub choice: Choice,
}

/// A pair of API keys of the only customer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Belvo's `secretId`.
    pub id: String,
    /// Belvo's `secretPassword`.
    pub password: String,
}

/// The mutable state.
#[derive(Default)]
pub struct Inner {
    /// The API keys: two pairs while one replaces the other.
    pub keys: Vec<Keys>,
    pub clock: Clock,
    pub faults: Faults,
    pub tokens: HashMap<String, Token>,
    pub links: BTreeMap<Uuid, Link>,
    /// Consents given in a bank's app, which wait until the widget is opened again.
    pub pending: HashMap<Uuid, Pending>,
    /// The link of each row's id tag.
    pub tags: HashMap<Tag, Uuid>,
    pub asked: u64,
    pub made: u64,
    /// Deletions of links within the last minute.
    pub deletions: VecDeque<Timestamp>,
    /// Requests of each address within the last 30 seconds.
    pub arrivals: HashMap<IpAddr, VecDeque<Timestamp>>,
    pub requests: VecDeque<Value>,
    pub drifts: Vec<Value>,
    pub unknown: BTreeMap<String, u64>,
}

impl World {
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

    /// Locks the mutable state; release it before any await.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        locked(&self.inner)
    }
}

impl Inner {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn next_seed(&mut self, root: Seed, name: &str) -> Seed {
        self.made += 1;
        root.child(name).at(self.made)
    }

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
