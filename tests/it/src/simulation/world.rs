//! The data path in one process: the real fetcher between simulated sides, and what can be done
//! to it.

use std::collections::BTreeMap;

use domain::{Event, Job, LinkId};
use fetcher::{Config, Fetcher};
use jiff::{SignedDuration, Timestamp};
use runtime::{Env, Secret};
use serde_json::{Map, Value};
use store::{ConnectionStore, ResourceStore};
use sweeper::Sweeper;

use super::aws::{Aws, CONNECTION_TABLE, RESOURCE_TABLE, SharedQueue};
use super::bank::Bank;
use super::crash_points::Calls;
use super::random::Random;
use super::sweep;
use super::time::Time;
use crate::world::Records;

/// What Lambda gives the fetcher, less what it keeps in hand.
const PATIENCE: SignedDuration = SignedDuration::from_secs(270);

/// The sweeper runs each minute.
const SWEEP_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// Jobs and sweeps that may be needed before nothing is due; more is a circle.
const MOST_ROUNDS: u32 = 2000;

/// How a world is set up.
pub struct Setup {
    pub seed: u64,
    /// Rows of a page of Belvo's.
    pub page_size: u32,
    /// Rows the fetcher reads at once.
    pub portion: u64,
}

/// A world of its own.
pub struct World {
    pub time: Time,
    pub bank: Bank,
    pub queue: SharedQueue,
    pub calls: Calls,
    pub random: Random,
    /// Each link, and whose it is.
    pub links: BTreeMap<String, String>,
    /// What the watcher uses, whose calls do not count.
    pub(super) store: ResourceStore,
    pub(super) connections: ConnectionStore,
    pub(super) sweeper: Sweeper,
    client: aws_sdk_dynamodb::Client,
    fetcher: Fetcher,
    story: Vec<String>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    Nothing,
    Done,
    Stopped,
}

impl World {
    pub async fn new(setup: Setup) -> Self {
        let time = Time::new();
        let calls = Calls::new(time.clone());
        let bank = Bank::open(setup.seed, time.clone()).await;
        let aws = Aws::create(time.clone()).await;
        let own = aws.config(None);
        let fetcher = fetcher(&setup, &bank, &aws, &calls, &time);
        Self {
            sweeper: sweep::sweeper(&bank, &aws, &time, setup.page_size, setup.seed),
            store: ResourceStore::new(&own, RESOURCE_TABLE.to_owned()),
            connections: ConnectionStore::new(&own, CONNECTION_TABLE.to_owned()),
            client: aws_sdk_dynamodb::Client::new(&own),
            random: Random::new(setup.seed),
            queue: aws.queue(),
            links: BTreeMap::new(),
            story: Vec::new(),
            time,
            calls,
            bank,
            fetcher,
        }
    }

    /// A user connects a bank.
    pub async fn connect(&mut self, transactions: u64) -> String {
        let external_id = format!("user-{}", self.links.len());
        let link_id = self.bank.connect(&external_id, transactions).await;
        self.note(&format!(
            "{external_id} connects {link_id}: {transactions} transactions"
        ));
        self.links.insert(link_id.clone(), external_id);
        link_id
    }

    /// A webhook arrives: what the webhook function does with it.
    pub fn deliver(&mut self, body: &Map<String, Value>) {
        let event = Event::from_body(body);
        let link_id = event.link_id.unwrap();
        let job = Job::WebhookReceived { link_id, event };
        self.queue.lock().unwrap().send(&job, self.time.now());
    }

    /// All webhooks made so far arrive, in order.
    pub async fn deliver_all(&mut self) {
        for body in self.bank.new_webhooks().await {
            self.deliver(&body);
        }
    }

    /// The fetcher works on a batch, if there is one. When its process is stopped, everything of
    /// the batch comes back.
    pub async fn work(&mut self, patience: SignedDuration) -> Worked {
        let now = self.time.now();
        let batch = self.queue.lock().unwrap().receive(now, &mut self.random);
        let Some(batch) = batch else {
            return Worked::Nothing;
        };
        let deadline = now + patience;
        let response = tokio::select! {
            biased;
            () = self.calls.stopped() => None,
            response = self.fetcher.handle(batch.event.clone(), deadline) => Some(response),
        };
        match response {
            None => Worked::Stopped,
            Some(response) => {
                self.queue.lock().unwrap().done(&batch, &response);
                Worked::Done
            }
        }
    }

    /// Works until nothing can be received. Says whether the process was stopped on the way.
    pub async fn work_off(&mut self) -> Worked {
        for _ in 0..MOST_ROUNDS {
            match self.work(PATIENCE).await {
                Worked::Done => {}
                ended => return ended,
            }
        }
        panic!("the queue never becomes empty");
    }

    /// Goes from due time to due time for so long. Nothing but the sweeper and the queue happens.
    pub async fn rest(&mut self, span: SignedDuration) {
        let end = self.time.now() + span;
        for _ in 0..MOST_ROUNDS {
            self.work_off().await;
            let next = [self.next_due().await, self.next_visible()];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => {
                    self.time.reach(next);
                    self.time.pass(SWEEP_PERIOD);
                    self.sweep().await;
                }
                _ => {
                    self.time.reach(end);
                    return;
                }
            }
        }
        panic!("at {} something is still due all the time", self.time.now());
    }

    fn next_visible(&self) -> Option<Timestamp> {
        self.queue.lock().unwrap().next_visible()
    }

    /// Everything stored of a link.
    pub async fn records(&self, link_id: &str) -> Records {
        crate::world::records(&self.client, RESOURCE_TABLE, link_id).await
    }

    /// What the sweeper's index knows of a link.
    pub async fn link_record(&self, link_id: &str) -> Option<store::LinkRecord> {
        let link_id = LinkId::parse(link_id).unwrap();
        self.store.links(&[link_id]).await.unwrap().pop()
    }

    /// Tells what happens, for whoever reads a failure.
    pub fn note(&mut self, what: &str) {
        let now: Timestamp = self.time.now();
        self.story.push(format!("{now:.0} {what}"));
    }

    /// What happened.
    pub fn story(&self) -> String {
        self.story.join("\n")
    }
}

/// The fetcher as its `main` makes it, between these sides.
fn fetcher(setup: &Setup, bank: &Bank, aws: &Aws, calls: &Calls, time: &Time) -> Fetcher {
    let aws = aws.config(Some(calls.clone()));
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    Fetcher {
        config: config(),
        belvo: bank.api(Some(calls.clone()), setup.page_size),
        resources: ResourceStore::new(&aws, RESOURCE_TABLE.to_owned()),
        connections: ConnectionStore::new(&aws, CONNECTION_TABLE.to_owned()),
        // Never read: nobody's owner is checked.
        session_keys: Secret::signing(&secrets, "SessionSecret", &time.clock()),
        clock: time.clock(),
        portion: setup.portion,
    }
}

/// Links come without an attempt, and nobody's owner is checked. Addresses and names are given to
/// the clients, not read from here.
fn config() -> Config {
    let variables = [
        ("BELVO_BASE_URL", "http://127.0.0.1:1"),
        ("BELVO_SECRET_ID", "BelvoSecret"),
        ("SESSION_SECRET_ID", "SessionSecret"),
        ("RESOURCE_TABLE", RESOURCE_TABLE),
        ("CONNECTION_TABLE", CONNECTION_TABLE),
        ("OWNER_CHECK", "off"),
        ("ADOPT_EXISTING_LINKS", "true"),
        (
            "FETCH_RESOURCES",
            "OWNERS,ACCOUNTS,TRANSACTIONS,BILLS,INVESTMENTS,INVESTMENT_TRANSACTIONS",
        ),
        ("TRANSACTION_WINDOW_DAYS", "10"),
        ("BELVO_REQUESTS_PER_30_SECONDS", "80"),
        ("FETCHER_CONCURRENCY", "1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_env(Env::new(variables)).unwrap()
}
