//! All sides together, and what the clock and the functions do in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use store::{LinkStore, SHARDS};
use sweeper::Report;
use url::Url;

use crate::invocation::{self, How, Worked};
use crate::people::{Made, Person};
use crate::random::Random;
use crate::sides::aws::{
    Aws, AwsOutage, CONNECTION_TABLE, LINK_TABLE, Patience, SharedQueue, SharedSecrets,
};
use crate::sides::belvo::Bank;
use crate::sides::dynamodb::DynamoDb;
use crate::sides::network::Network;
use crate::sides::protection::Protection;
use crate::sides::queue::Batch;
use crate::sides::time::Time;
use crate::system::{Functions, JOBS, SQS, Setup, Sides, first_secrets};
use crate::tables::{Item, Tables};

/// The sweeper runs every minute.
const SWEEP_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// The most jobs and sweeps until no link is due; more would be an endless loop.
const MOST_ROUNDS: u32 = 20_000;

/// DynamoDB deletes an expired record within this time (AWS, "Using time to live").
pub const LATEST_EXPIRY: SignedDuration = SignedDuration::from_hours(48);

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
    /// Every id that lay under a tombstone, of links and of erasures of users.
    pub tombstones: BTreeSet<String>,
    /// Proofs that browsers came back with, by link.
    pub proofs: BTreeMap<String, String>,
    /// Links that two processes have worked on at once, until they are read again.
    pub overlapped: BTreeSet<String>,
    /// Links that were compared soon after the end, of how many.
    pub heard: (u64, u64),
    /// Where the widget has sent the browser of each link.
    pub redirects: BTreeMap<String, Url>,
    /// Used by the test itself, so nothing of it fails.
    pub client: aws_sdk_dynamodb::Client,
    pub requests: u64,
    /// Kind and id of each row that was stored of a link after the last step.
    pub rows: BTreeMap<String, BTreeSet<(String, String)>>,
    /// Links of which something was not told, or not shown when it was; and until when.
    pub unheard: BTreeMap<String, Timestamp>,
    /// Whether what Belvo answers may lack something without anybody noticing.
    is_veiled: bool,
    store: LinkStore,
    tables: DynamoDb,
    sides: Sides,
    webhooks_taken: usize,
    story: Vec<String>,
}

impl World {
    pub async fn new(setup: Setup) -> Self {
        // The AWS clients spread their repetitions by it.
        fastrand::seed(setup.seed);
        let time = Time::new();
        let network = Network::new(setup.seed, setup.hurried);
        let bank = Bank::open(&setup, time.clone());
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
            tables: aws.dynamodb(),
            queue: aws.queue(),
            secrets: aws.secrets(),
            setup,
            time,
            bank,
            network,
            people: Vec::new(),
            links: BTreeMap::new(),
            mail: Vec::new(),
            tombstones: BTreeSet::new(),
            proofs: BTreeMap::new(),
            overlapped: BTreeSet::new(),
            heard: (0, 0),
            redirects: BTreeMap::new(),
            requests: 0,
            rows: BTreeMap::new(),
            unheard: BTreeMap::new(),
            is_veiled: false,
            webhooks_taken: 0,
            story: Vec::new(),
        }
    }

    /// From now on, chance follows from this alone.
    pub fn reseed(&mut self, salt: u64) {
        fastrand::seed(salt);
        self.network.reseed(salt);
        *self.sides.random.lock().unwrap() = Random::new(salt);
    }

    /// Takes in what Belvo has sent since the last time.
    pub async fn collect_mail(&mut self) {
        let new = self.bank.webhooks_after(self.webhooks_taken).await;
        self.webhooks_taken += new.len();
        self.mail.extend(new);
    }

    /// A webhook never arrives.
    pub fn lose(&mut self, body: &Map<String, Value>) {
        if let Some(link_id) = body.get("link_id").and_then(Value::as_str) {
            self.unheard.insert(link_id.to_owned(), self.time.now());
        }
    }

    /// Replaces all faults of Belvo. With those that are veiled, what a link was asked for meanwhile
    /// may have come incomplete, and is read again only with the next full sync.
    pub async fn fail(&mut self, faults: &Value, veiled: bool) {
        self.lift_veil();
        self.is_veiled = veiled;
        self.bank.fail(faults).await;
    }

    /// From now on, this does not work of AWS.
    pub fn fail_aws(&mut self, outage: AwsOutage) {
        self.sides.aws.fail(outage);
        self.note(&format!("out of order at AWS: {outage:?}"));
    }

    fn lift_veil(&mut self) {
        let asked = self.bank.take_asked();
        if self.is_veiled {
            let now = self.time.now();
            self.unheard.extend(asked.into_iter().map(|it| (it, now)));
        }
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
            let how = self.setup.usual();
            if self.work(how, &mut random).await == Worked::Nothing {
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
        if let Err(why) = self.invoke_sweeper(&event).await {
            self.note(&format!("the sweep of due links fails: {why}"));
        }
    }

    /// Makes the sweeper walk Belvo's whole list of links, unless Belvo fails.
    pub async fn walk(&mut self) {
        if self.setup.without == Some(Protection::Sweep) {
            return;
        }
        for page in 1.. {
            let event = json!({"sweep": "links", "page": page});
            match self.invoke_sweeper(&event).await {
                Ok(Report::Links { pages, .. }) if page < pages => {}
                Ok(_) => return,
                Err(why) => {
                    self.note(&format!("the walk ends with page {page}: {why}"));
                    return;
                }
            }
        }
    }

    /// An operator invokes the sweeper.
    pub async fn operate(&mut self, event: &Value) {
        let result = self.invoke_sweeper(event).await.err().unwrap_or("done");
        self.note(&format!("the operator invokes {event}: {result}"));
    }

    /// Gives the report, or the name of what went wrong.
    async fn invoke_sweeper(&self, event: &Value) -> Result<Report, &'static str> {
        let handling = Box::pin(self.functions.sweeper.handle(event));
        match invocation::until(self.network.next_loss(), handling).await {
            Some(Ok(report)) => Ok(report),
            Some(Err(error)) => Err(error.name()),
            None => Err("the process is lost"),
        }
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

    /// What is stored of a link beside its rows, by name.
    pub async fn record(&self, link_id: &str, name: &str) -> Option<Item> {
        let links = BTreeSet::from([link_id.to_owned()]);
        let tables = Tables::of(&self.client, &BTreeSet::new(), &links).await;
        tables.link(link_id, name).cloned()
    }

    /// The links and the users of which a record was written since the last time.
    pub fn take_touched(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut links, mut users) = (BTreeSet::new(), BTreeSet::new());
        for (table, key) in self.tables.take_touched() {
            match table.as_str() {
                LINK_TABLE => links.insert(key),
                _ => users.insert(key),
            };
        }
        (links, users)
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
