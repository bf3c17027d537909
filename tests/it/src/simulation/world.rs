//! The data path in one process: the real fetcher between simulated sides, and the actions on it.

use std::collections::BTreeMap;

use domain::{
    AccessMode, Attempt, Cpf, Event, ExternalId, FullName, Identity, Job, LinkId, Person,
    SessionId, SigningKeys,
};
use fetcher::{Config, Fetcher};
use jiff::{SignedDuration, Timestamp};
use runtime::{Env, Secret};
use serde_json::{Map, Value};
use store::{ConnectionStore, LinkStore, ResourceStore};
use sweeper::Sweeper;
use user_store::{UserConnections, UserLinks};

use super::aws::{Aws, CONNECTION_TABLE, LINK_TABLE, RESOURCE_TABLE, SESSION_KEYS, SharedQueue};
use super::bank::Bank;
use super::crash_points::Calls;
use super::random::Random;
use super::sweep;
use super::time::Time;
use crate::world::Records;

/// Lambda's time limit for the fetcher, less its reserve.
const JOB_TIME: SignedDuration = SignedDuration::from_secs(270);

/// The sweeper runs every minute.
const SWEEP_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// The most jobs and sweeps until no link is due; more would be an endless loop.
const MOST_ROUNDS: u32 = 2000;

/// The settings of a world.
pub struct Setup {
    pub seed: u64,
    /// Rows of Belvo's page.
    pub page_size: u32,
    /// Rows of the fetcher's chunk.
    pub chunk_size: u64,
}

pub struct World {
    pub time: Time,
    pub bank: Bank,
    pub queue: SharedQueue,
    pub calls: Calls,
    pub random: Random,
    /// Each link, and its user.
    pub links: BTreeMap<String, String>,
    /// Used by the test itself, so its calls are not counted.
    pub(super) store: LinkStore,
    pub(super) connections: ConnectionStore,
    pub(super) user_links: UserLinks,
    pub(super) user_connections: UserConnections,
    pub(super) sweeper: Sweeper,
    client: aws_sdk_dynamodb::Client,
    fetcher: Fetcher,
    story: Vec<String>,
}

/// The result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    Nothing,
    Done,
    Stopped,
}

impl World {
    pub async fn new(setup: Setup) -> Self {
        let time = Time::new();
        let calls = Calls::new(setup.seed);
        let bank = Bank::open(setup.seed, time.clone());
        let aws = Aws::create(time.clone()).await;
        let own = aws.config(None);
        let fetcher = fetcher(&setup, &bank, &aws, &calls, &time);
        Self {
            sweeper: sweep::sweeper(&bank, &aws, &time, setup.page_size, setup.seed),
            store: LinkStore::new(&own, LINK_TABLE.to_owned()),
            user_links: UserLinks::new(&own, LINK_TABLE.to_owned()),
            user_connections: UserConnections::new(&own, CONNECTION_TABLE.to_owned()),
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

    /// A user connects a bank, and the attempt is recorded before the link exists.
    pub async fn connect(&mut self, transactions: u64) -> String {
        let attempt = self.attempt();
        self.connections.put_started(&attempt).await.unwrap();
        self.visit(&attempt, transactions).await
    }

    /// The same, but the attempt is still queued when the link exists.
    pub async fn connect_ahead_of_the_attempt(&mut self, transactions: u64) -> String {
        let attempt = self.attempt();
        let job = Job::AttemptStarted {
            attempt: attempt.clone(),
            access_mode: AccessMode::Recurrent,
            institutions: Vec::new(),
        };
        self.queue.lock().unwrap().send(&job, self.time.now());
        self.note("the next attempt is queued");
        self.visit(&attempt, transactions).await
    }

    /// An attempt of a new user, with a token that was minted for the sandbox's usual owner.
    fn attempt(&mut self) -> Attempt {
        let number = self.links.len();
        let keys = SigningKeys::from_json(SESSION_KEYS).unwrap();
        let identity = Identity {
            person: Person {
                cpf: Cpf::parse("48291530750").unwrap(),
                name: FullName::parse("Marina Duarte Falcão").unwrap(),
            },
            company: None,
        };
        Attempt::new(
            SessionId::from_random((u128::from(self.random.number()) << 64).to_be_bytes()),
            ExternalId::parse(&format!("user-{number}")).unwrap(),
            self.time.now(),
            &identity,
            &keys,
        )
    }

    async fn visit(&mut self, attempt: &Attempt, transactions: u64) -> String {
        let external_id = attempt.external_id.to_string();
        let link_id = self.bank.connect(&external_id, transactions).await;
        self.note(&format!(
            "{external_id} connects {link_id}: {transactions} transactions"
        ));
        self.links.insert(link_id.clone(), external_id);
        link_id
    }

    /// A webhook arrives and is queued, as the webhook function does.
    pub fn deliver(&mut self, body: &Map<String, Value>) {
        let event = Event::from_body(body);
        let link_id = event.link_id.unwrap();
        let job = Job::WebhookReceived { link_id, event };
        self.queue.lock().unwrap().send(&job, self.time.now());
    }

    /// All webhooks so far arrive, in order.
    pub async fn deliver_all(&mut self) {
        for body in self.bank.new_webhooks().await {
            self.deliver(&body);
        }
    }

    /// The fetcher processes a batch, if there is one. If its process is stopped, the whole batch
    /// comes back.
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

    /// The same, but AWS has invoked two processes with the batch, and both go on side by side. A
    /// message is done if either of them has done it.
    pub async fn work_twice(&mut self, patience: SignedDuration) -> Worked {
        let now = self.time.now();
        let batch = self.queue.lock().unwrap().receive(now, &mut self.random);
        let Some(batch) = batch else {
            return Worked::Nothing;
        };
        let deadline = now + patience;
        let (mut first, second) = futures::join!(
            self.fetcher.handle(batch.event.clone(), deadline),
            self.fetcher.handle(batch.event.clone(), deadline)
        );
        first.batch_item_failures.retain(|failed| {
            let mut others = second.batch_item_failures.iter();
            others.any(|it| it.item_identifier == failed.item_identifier)
        });
        self.queue.lock().unwrap().done(&batch, &first);
        Worked::Done
    }

    /// Processes jobs until none can be received. Returns whether the process was stopped
    /// meanwhile.
    pub async fn work_off(&mut self) -> Worked {
        for _ in 0..MOST_ROUNDS {
            match self.work(JOB_TIME).await {
                Worked::Done => {}
                ended => return ended,
            }
        }
        panic!("the queue never becomes empty");
    }

    /// Moves from due time to due time for this long. Only the sweeper and the queue act meanwhile.
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

    /// All stored records of a link.
    pub async fn records(&self, link_id: &str) -> Records {
        crate::world::records(&self.client, [LINK_TABLE, RESOURCE_TABLE], link_id).await
    }

    /// The sweeper's index entry of a link.
    pub async fn link_record(&self, link_id: &str) -> Option<domain::Link> {
        let link_id = LinkId::parse(link_id).unwrap();
        self.store.find_many(&[link_id]).await.unwrap().pop()
    }

    /// Adds an event to the story, for the reader of a failure.
    pub fn note(&mut self, what: &str) {
        let now: Timestamp = self.time.now();
        self.story.push(format!("{now:.0} {what}"));
    }

    /// The events so far.
    pub fn story(&self) -> String {
        self.story.join("\n")
    }
}

/// The fetcher as its `main` makes it, with the simulated sides.
fn fetcher(setup: &Setup, bank: &Bank, aws: &Aws, calls: &Calls, time: &Time) -> Fetcher {
    let aws = aws.config(Some(calls.clone()));
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    Fetcher {
        config: config(),
        belvo: bank.api(Some(calls.clone()), setup.page_size),
        links: LinkStore::new(&aws, LINK_TABLE.to_owned()),
        resources: ResourceStore::new(&aws, LINK_TABLE.to_owned(), RESOURCE_TABLE.to_owned()),
        connections: ConnectionStore::new(&aws, CONNECTION_TABLE.to_owned()),
        session_keys: Secret::signing(&secrets, "SessionSecret", &time.clock()),
        clock: time.clock(),
        chunk_size: setup.chunk_size,
    }
}

/// The clients already have the addresses and names, so these are placeholders.
fn config() -> Config {
    let variables = [
        ("BELVO_BASE_URL", "http://127.0.0.1:1"),
        ("BELVO_SECRET_ID", "BelvoSecret"),
        ("SESSION_SECRET_ID", "SessionSecret"),
        ("LINK_TABLE", LINK_TABLE),
        ("RESOURCE_TABLE", RESOURCE_TABLE),
        ("CONNECTION_TABLE", CONNECTION_TABLE),
        ("OWNER_CHECK", "required"),
        ("ADOPT_EXISTING_LINKS", "false"),
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
