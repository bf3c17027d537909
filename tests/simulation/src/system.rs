//! The six functions as their `main`s make them from the template, with the simulated sides.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_secretsmanager::Client as SecretsManager;
use belvo::{ClientOptions, KeySource, Keys, RateLimiter};
use jiff::SignedDuration;
use local_stack::Doorway;
use local_stack::template::System as Described;
use queue::JobQueue;
use runtime::{Clock, Env, PrincipalSource, Randomness, Secret};
use store::{ConnectionStore, LinkStore, ResourceStore};
use user_store::{UserConnections, UserLinks, UserRows};

use crate::random::Random;
use crate::sides::aws::{Aws, Patience};
use crate::sides::belvo::{Bank, KEYS};
use crate::sides::network::Network;
use crate::sides::protection::Protection;
use crate::sides::time::Time;

/// Lambda kills the fetcher after this time.
pub const TIMEOUT: SignedDuration = SignedDuration::from_secs(120);

/// The settings of a world.
#[derive(Clone, Debug)]
pub struct Setup {
    pub seed: u64,
    /// Rows of Belvo's page.
    pub page_size: u32,
    /// Rows of the fetcher's chunk.
    pub chunk_size: u64,
    /// Whether documents come from the request, so that a link is served only after its proof.
    pub body_mode: bool,
    /// Whether indexes and ordinary reads of DynamoDB are late.
    pub late_reads: bool,
    /// Whether Belvo's pages take long, and Lambda kills the fetcher early: long lists must be read in
    /// parts.
    pub hurried: bool,
    /// Whether Belvo deletes a link a while after it has accepted to.
    pub late_deletions: bool,
    /// How far the clocks of the HTTP functions, of the jobs and of SQS differ, in seconds.
    pub skews: [i64; 3],
    /// What is missing.
    pub without: Option<Protection>,
}

impl Setup {
    /// Nothing is special.
    pub fn plain(seed: u64) -> Self {
        Self {
            seed,
            page_size: 100,
            chunk_size: 20_000,
            body_mode: false,
            late_reads: false,
            hurried: false,
            late_deletions: false,
            skews: [0; 3],
            without: None,
        }
    }

    /// How long an invocation of the fetcher may take.
    pub fn patience(&self) -> SignedDuration {
        match self.hurried {
            true => SignedDuration::from_secs(110),
            false => TIMEOUT,
        }
    }

    /// Rows of a new link.
    pub fn rows(&self, random: &mut Random) -> u64 {
        match self.hurried {
            true => random.between(150, 250),
            false => random.between(20, 90),
        }
    }

    pub fn skew(&self, machine: usize) -> SignedDuration {
        SignedDuration::from_secs(self.skews[machine])
    }
}

/// The functions.
pub struct Functions {
    sides: Sides,
    described: Described,
    pub doorway: Doorway,
    pub token: token::Handler,
    pub callback: callback::Handler,
    pub webhook: webhook::Handler,
    pub links: links::Handler,
    pub sweeper: sweeper::Sweeper,
    /// Two processes of the fetcher, because AWS may run two.
    pub fetchers: [Rc<fetcher::Fetcher>; 2],
}

impl Functions {
    /// Replaces a process of the fetcher that was lost.
    pub fn restart_fetcher(&mut self, process: usize) {
        self.fetchers[process] = Rc::new(self.sides.fetcher(&self.described, process));
    }
}

/// What the functions are built from.
#[derive(Clone)]
pub struct Sides {
    pub setup: Setup,
    pub time: Time,
    pub network: Network,
    pub aws: Aws,
    pub bank: Bank,
    pub random: Arc<Mutex<Random>>,
}

/// The secrets that an operator sets.
pub fn first_secrets() -> BTreeMap<String, String> {
    let (id, password) = KEYS;
    let belvo = serde_json::json!({"id": id, "password": password}).to_string();
    let keys = r#"{"current": "the-keys-of-a-simulated-world-are-no-secret"}"#;
    let webhook = format!(r#"{{"current": "{WEBHOOK_AUTHORIZATION}"}}"#);
    BTreeMap::from([
        ("BelvoSecret".to_owned(), belvo),
        ("SessionSecret".to_owned(), keys.to_owned()),
        ("WebhookSecret".to_owned(), webhook),
    ])
}

/// What Belvo sends with each webhook.
pub const WEBHOOK_AUTHORIZATION: &str = "Basic c2ltdWxhdGlvbjpzaW11bGF0aW9u";

/// Where users are sent back to.
pub const RETURN_URL: &str = "https://app.example.com/done";

impl Sides {
    /// Reads the template and starts each function.
    pub fn functions(&self) -> Functions {
        let described = local_stack::described(&self.parameters()).unwrap();
        Functions {
            sides: self.clone(),
            doorway: Doorway::new(&described),
            token: self.token(&described),
            callback: self.callback(&described),
            webhook: self.webhook(&described),
            links: self.links(&described),
            sweeper: self.sweeper(&described),
            fetchers: [0, 1].map(|process| Rc::new(self.fetcher(&described, process))),
            described,
        }
    }

    fn parameters(&self) -> BTreeMap<String, String> {
        let owner_check = match self.setup.without {
            Some(Protection::OwnerCheck) => "off",
            _ => "required",
        };
        let identity_source = ["claims", "body"][usize::from(self.setup.body_mode)];
        let parameters = [
            ("JwtIssuer", "https://issuer.example.com"),
            ("PublicUrl", "https://api.example.com"),
            ("ReturnUrls", RETURN_URL),
            ("WidgetUrl", &self.bank.widget_url()),
            ("OwnerCheck", owner_check),
            ("IdentitySource", identity_source),
        ];
        let parameters = parameters.into_iter();
        parameters
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    fn token(&self, described: &Described) -> token::Handler {
        let config = token::Config::from_env(variables(described, "token")).unwrap();
        let clock = self.clock(HTTP);
        let aws = self
            .aws
            .config(Some(self.network.line(0)), Patience::Request);
        let secrets = SecretsManager::new(&aws);
        let timeout = Duration::from_secs(6);
        let keys = self.keys(&secrets, &config.belvo_secret_id, &clock);
        let line = Some(self.network.line(0));
        token::Handler {
            belvo: self.bank.api(line, keys, timeout, ClientOptions::default()),
            queue: JobQueue::new(&aws, config.queue_url.clone()),
            connections: UserConnections::new(&aws, config.connection_table.clone()),
            links: UserLinks::new(&aws, config.link_table.clone()),
            session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
            principal: PrincipalSource::new(&config.principal, &secrets, &clock),
            config,
            clock,
            randomness: self.randomness(),
        }
    }

    fn callback(&self, described: &Described) -> callback::Handler {
        let config = callback::Config::from_env(variables(described, "callback")).unwrap();
        let clock = self.clock(HTTP);
        let aws = self
            .aws
            .config(Some(self.network.line(0)), Patience::Request);
        let secrets = SecretsManager::new(&aws);
        callback::Handler {
            queue: JobQueue::new(&aws, config.queue_url.clone()),
            session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
            principal: PrincipalSource::new(&config.principal, &secrets, &clock),
            config,
            clock,
        }
    }

    fn webhook(&self, described: &Described) -> webhook::Handler {
        let config = webhook::Config::from_env(variables(described, "webhook")).unwrap();
        let clock = self.clock(HTTP);
        let aws = self
            .aws
            .config(Some(self.network.line(0)), Patience::Request);
        let read = webhook::Authorization::from_json;
        let secrets = SecretsManager::new(&aws);
        webhook::Handler {
            authorization: Secret::new(&secrets, &config.webhook_secret_id, &clock, read),
            source_ips: config.source_ips,
            queue: JobQueue::new(&aws, config.queue_url),
            clock,
            randomness: self.randomness(),
        }
    }

    fn links(&self, described: &Described) -> links::Handler {
        let config = links::Config::from_env(variables(described, "links")).unwrap();
        let clock = self.clock(HTTP);
        let aws = self
            .aws
            .config(Some(self.network.line(0)), Patience::Request);
        let secrets = SecretsManager::new(&aws);
        links::Handler {
            links: UserLinks::new(&aws, config.link_table.clone()),
            rows: UserRows::new(&aws, config.resource_table.clone()),
            connections: UserConnections::new(&aws, config.connection_table.clone()),
            queue: JobQueue::new(&aws, config.queue_url.clone()),
            keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
            principal: PrincipalSource::new(&config.principal, &secrets, &clock),
            config,
            clock,
            randomness: self.randomness(),
        }
    }

    fn sweeper(&self, described: &Described) -> sweeper::Sweeper {
        let config = sweeper::Config::from_env(variables(described, "sweeper")).unwrap();
        let clock = self.clock(JOBS);
        let aws = self.aws.config(Some(self.network.line(0)), Patience::Job);
        let secrets = SecretsManager::new(&aws);
        let keys = self.keys(&secrets, &config.belvo_secret_id, &clock);
        let line = Some(self.network.line(0));
        let timeout = Duration::from_secs(15);
        let options = ClientOptions {
            page_size: self.setup.page_size,
            ..ClientOptions::default()
        };
        sweeper::Sweeper {
            belvo: self.bank.api(line, keys, timeout, options),
            links: LinkStore::new(&aws, config.link_table.clone()),
            connections: ConnectionStore::new(&aws, config.connection_table.clone()),
            queue: JobQueue::new(&aws, config.queue_url.clone()),
            config,
            clock,
            randomness: self.randomness(),
        }
    }

    /// A process of the fetcher. A new one has no secret in its memory.
    fn fetcher(&self, described: &Described, process: usize) -> fetcher::Fetcher {
        let config = fetcher::Config::from_env(variables(described, "fetcher")).unwrap();
        let clock = self.clock(JOBS);
        let line = self.network.line(process);
        let aws = self.aws.config(Some(line.clone()), Patience::Job);
        let secrets = SecretsManager::new(&aws);
        let keys = self.keys(&secrets, &config.belvo_secret_id, &clock);
        let options = ClientOptions {
            page_size: self.setup.page_size,
            // One process works nearly all the time.
            rate_limiter: RateLimiter::new(config.belvo_requests_per_30_seconds),
            ..ClientOptions::default()
        };
        let (links, rows) = (&config.link_table, &config.resource_table);
        let timeout = Duration::from_secs(30);
        fetcher::Fetcher {
            belvo: self.bank.api(Some(line), keys, timeout, options),
            links: LinkStore::new(&aws, links.clone()),
            resources: ResourceStore::new(&aws, links.clone(), rows.clone()),
            connections: ConnectionStore::new(&aws, config.connection_table.clone()),
            queue: JobQueue::new(&aws, config.queue_url.clone()),
            session_keys: Secret::signing(&secrets, &config.session_secret_id, &clock),
            config,
            clock,
            randomness: self.randomness(),
            chunk_size: self.setup.chunk_size,
        }
    }

    fn keys(&self, secrets: &SecretsManager, id: &str, clock: &Clock) -> KeySource {
        let keys = Arc::new(Secret::new(secrets, id, clock, Keys::from_json));
        KeySource::new(move |rejected| Arc::clone(&keys).supply(rejected))
    }

    fn clock(&self, machine: usize) -> Clock {
        self.time.clock_off_by(self.setup.skew(machine))
    }

    /// The same in all functions: what is random there must differ.
    fn randomness(&self) -> Randomness {
        let random = Arc::clone(&self.random);
        Randomness::from_fn(move |bytes| {
            bytes.fill_with(|| random.lock().unwrap().number() as u8);
            Ok(())
        })
    }
}

/// The machines whose clocks differ.
const HTTP: usize = 0;
pub const JOBS: usize = 1;
pub const SQS: usize = 2;

fn variables(described: &Described, function: &str) -> Env {
    let functions = described.functions.iter();
    let found = functions.into_iter().find(|it| it.name == function);
    Env::new(found.unwrap().variables.clone())
}
