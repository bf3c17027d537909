//! All sides together, and what the clock and the functions do in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use store::{LinkStore, SHARDS};
use sweeper::{Report, SweepError};
use truth::Records;
use url::Url;

use crate::invocation::{self, How, Worked};
use crate::people::{Made, Person};
use crate::random::Random;
use crate::sides::aws::{
    Aws, CONNECTION_TABLE, LINK_TABLE, Patience, RESOURCE_TABLE, SharedQueue, SharedSecrets,
};
use crate::sides::belvo::Bank;
use crate::sides::network::Network;
use crate::sides::protection::Protection;
use crate::sides::queue::Batch;
use crate::sides::time::Time;
use crate::system::{Functions, JOBS, SQS, Setup, Sides, first_secrets};

/// The sweeper runs every minute.
const SWEEP_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// The most jobs and sweeps until no link is due; more would be an endless loop.
const MOST_ROUNDS: u32 = 20_000;

/// DynamoDB deletes an expired record within this time (AWS, "Using time to live").
const LATEST_EXPIRY: SignedDuration = SignedDuration::from_hours(48);

pub struct World {
    pub setup: Setup,
    pub time: Time,
    pub bank: Bank,
    pub network: Network,
    pub queue: SharedQueue,
    pub secrets: SharedSecrets,
    pub functions: Functions,
    pub people: Vec<Person>,
    /// Every link that Belvo has made.
    pub links: BTreeMap<String, Made>,
    /// Webhooks that Belvo has sent and that did not arrive yet.
    pub mail: Vec<Map<String, Value>>,
    /// Where the widget has sent the browser of each link.
    pub redirects: BTreeMap<String, Url>,
    /// Used by the test itself, so nothing of it fails.
    pub client: aws_sdk_dynamodb::Client,
    pub requests: u64,
    /// Link, kind and id of each row that was stored after the last step.
    pub rows: BTreeSet<(String, String, String)>,
    /// Links of which Belvo has changed something without a webhook that arrived.
    pub unheard: BTreeSet<String>,
    store: LinkStore,
    sides: Sides,
    webhooks_taken: usize,
    story: Vec<String>,
}

impl World {
    pub async fn new(setup: Setup) -> Self {
        // The AWS clients spread their repetitions by it.
        fastrand::seed(setup.seed);
        let time = Time::new();
        let network = Network::new(setup.seed);
        let bank = Bank::open(setup.seed, time.clone(), setup.without);
        let skew = setup.skew(SQS);
        let aws = Aws::create(time.clone(), setup.late_reads, skew, setup.without).await;
        *aws.secrets().lock().unwrap() = first_secrets();
        let own = aws.config(None, Patience::Job);
        let sides = Sides {
            setup: setup.clone(),
            time: time.clone(),
            network: network.clone(),
            aws: aws.clone(),
            bank: bank.clone(),
            random: Arc::new(Mutex::new(Random::new(setup.seed))),
        };
        Self {
            functions: sides.functions(),
            sides,
            store: LinkStore::new(&own, LINK_TABLE.to_owned()),
            client: aws_sdk_dynamodb::Client::new(&own),
            queue: aws.queue(),
            secrets: aws.secrets(),
            setup,
            time,
            bank,
            network,
            people: Vec::new(),
            links: BTreeMap::new(),
            mail: Vec::new(),
            redirects: BTreeMap::new(),
            requests: 0,
            rows: BTreeSet::new(),
            unheard: BTreeSet::new(),
            webhooks_taken: 0,
            story: Vec::new(),
        }
    }

    /// Takes in what Belvo has sent since the last time.
    pub async fn collect_mail(&mut self) {
        let new = self.bank.webhooks_after(self.webhooks_taken).await;
        self.webhooks_taken += new.len();
        self.mail.extend(new);
    }

    /// A webhook never arrives.
    pub fn lose(&mut self, body: &Map<String, Value>) {
        let link_id = body.get("link_id").and_then(Value::as_str);
        self.unheard.extend(link_id.map(str::to_owned));
    }

    /// No webhook that is on its way ever arrives.
    pub fn lose_mail(&mut self) {
        for body in std::mem::take(&mut self.mail) {
            self.lose(&body);
        }
    }

    /// All webhooks so far arrive, in order.
    pub async fn deliver_all(&mut self) {
        self.collect_mail().await;
        for body in std::mem::take(&mut self.mail) {
            self.call_webhook(&body).await;
        }
    }

    /// The fetcher processes a batch, if there is one.
    pub async fn work(&mut self, how: How, random: &mut Random) -> Worked {
        invocation::work(self, how, random).await
    }

    /// All jobs of the queue in one batch, also those that are in flight: their process is thought
    /// lost.
    pub fn receive_at_once(&self) -> Batch {
        let now = self.time.now();
        self.queue.lock().unwrap().receive_at_once(now)
    }

    /// Until when an invocation that begins now may work. Lambda and the function read the clock of
    /// the same machine.
    pub fn deadline(&self, patience: SignedDuration) -> Timestamp {
        self.time.now() + self.setup.skew(JOBS) + patience
    }

    /// Processes jobs until none can be received.
    pub async fn work_off(&mut self) {
        let mut random = Random::new(self.setup.seed);
        for _ in 0..MOST_ROUNDS {
            if self.work(How::USUAL, &mut random).await == Worked::Nothing {
                return;
            }
        }
        panic!("{}\nthe queue never becomes empty", self.story());
    }

    /// Moves from due time to due time for this long. Only the sweeper and the queue act meanwhile.
    pub async fn rest(&mut self, span: SignedDuration) {
        let end = self.time.now() + span;
        for _ in 0..MOST_ROUNDS {
            self.work_off().await;
            let visible = self.queue.lock().unwrap().next_visible();
            let next = [self.next_due().await, visible];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => {
                    self.time.reach(next);
                    self.time.pass(SWEEP_PERIOD);
                    self.sweep().await;
                }
                _ => {
                    self.time.reach(end);
                    self.expire(LATEST_EXPIRY).await;
                    return;
                }
            }
        }
        let now = self.time.now();
        panic!(
            "{}\nat {now} something is still due all the time",
            self.story()
        );
    }

    /// Runs the sweeper, which queues due links.
    pub async fn sweep(&mut self) {
        if self.setup.without == Some(Protection::Sweep) {
            return;
        }
        let event = json!({"sweep": "due"});
        if let Err(error) = Box::pin(self.functions.sweeper.handle(&event)).await {
            self.note(&format!("the sweep of due links fails: {}", error.name()));
        }
    }

    /// Makes the sweeper walk Belvo's whole list of links, unless Belvo fails.
    pub async fn walk(&mut self) {
        if self.setup.without == Some(Protection::Sweep) {
            return;
        }
        for page in 1.. {
            let event = json!({"sweep": "links", "page": page});
            match Box::pin(self.functions.sweeper.handle(&event)).await {
                Ok(Report::Links { pages, .. }) if page < pages => {}
                Ok(_) | Err(SweepError::NoSuchPage { .. }) => return,
                Err(error) => {
                    self.note(&format!("the walk fails: {}", error.name()));
                    return;
                }
            }
        }
    }

    /// An operator invokes the sweeper.
    pub async fn operate(&mut self, event: &Value) {
        let report = Box::pin(self.functions.sweeper.handle(event)).await;
        let result = match report {
            Ok(_) => "done",
            Err(error) => error.name(),
        };
        self.note(&format!("the operator invokes {event}: {result}"));
    }

    /// The time at which the next link is due.
    pub async fn next_due(&self) -> Option<Timestamp> {
        if self.setup.without == Some(Protection::Sweep) {
            return None;
        }
        let mut next = None;
        for shard in 0..SHARDS {
            let first = self.store.due(shard, Timestamp::MAX, 1).await.unwrap();
            let first = first.first().map(|link| link.due_at);
            next = [next, first].into_iter().flatten().min();
        }
        next
    }

    /// DynamoDB deletes what expired so long ago.
    pub async fn expire(&mut self, late: SignedDuration) {
        let before = (self.time.now() - late).as_second();
        for (table, keys) in [
            (LINK_TABLE, ["link_id", "record"]),
            (CONNECTION_TABLE, ["external_id", "session_id"]),
        ] {
            let scan = self.client.scan().table_name(table);
            let expired = scan
                .consistent_read(true)
                .filter_expression("expires_at < :before")
                .expression_attribute_values(":before", AttributeValue::N(before.to_string()));
            for item in expired.send().await.unwrap().items.unwrap_or_default() {
                let mut delete = self.client.delete_item().table_name(table);
                for key in keys {
                    delete = delete.key(key, item[key].clone());
                }
                delete.send().await.unwrap();
            }
        }
    }

    /// Every function starts anew.
    pub fn restart(&mut self) {
        self.functions = self.sides.functions();
    }

    /// All stored records of a link.
    pub async fn records(&self, link_id: &str) -> Records {
        truth::records(&self.client, [LINK_TABLE, RESOURCE_TABLE], link_id).await
    }

    /// The links of Belvo that nobody has had erased, with their makers.
    pub fn standing(&self) -> Vec<String> {
        let links = self.links.iter();
        let standing = links.filter(|(_, it)| !it.erased && !it.deleted_at_belvo);
        standing.map(|(id, _)| id.clone()).collect()
    }

    /// Adds an event to the story, for the reader of a failure.
    pub fn note(&mut self, what: &str) {
        let now = self.time.now();
        self.story.push(format!("{now:.0} {what}"));
    }

    /// The events so far.
    pub fn story(&self) -> String {
        self.story.join("\n")
    }
}
