//! Processes of the six functions, inside the test's process: the real handlers and clients, with a
//! clock that the test moves.
//!
//! A secret is cached for minutes, and a test cannot move the clock of another process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_secretsmanager::config::{Builder, ConfigBag, Intercept};
use aws_sdk_secretsmanager::error::BoxError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueInput;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use belvo::{Belvo, ClientOptions, KeySource, Keys, RateLimiter, Transport};
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::Response;
use queue::JobQueue;
use runtime::{Env, PrincipalSource, Randomness, Secret};
use serde_json::json;
use store::{ConnectionStore, LinkStore, ResourceStore};
use user_store::{UserConnections, UserLinks, UserRows};

use super::call::Call;
use crate::world::World;
use simulation::Time;

/// The stack behind the processes, and their common clock.
pub struct Site<'a> {
    pub world: &'a World,
    pub time: Time,
    /// A queue of their own, because the stack's fetchers have another clock.
    pub queue_url: String,
}

/// One process of each function. Each read its secrets when it started.
pub struct Process {
    pub token: token::Handler,
    pub callback: callback::Handler,
    pub webhook: webhook::Handler,
    pub links: links::Handler,
    pub fetcher: fetcher::Fetcher,
    pub sweeper: sweeper::Sweeper,
    reads: Reads,
}

/// The times at which each function has read each secret.
type Reads = Arc<Mutex<BTreeMap<(&'static str, String), Vec<Timestamp>>>>;

impl Process {
    /// Answers a request with the function that the template routes it to.
    pub async fn answer(&self, call: &Call<'_>) -> Response<String> {
        let request = call.request();
        // On the heap, because the nested futures exceed the compiler's limits otherwise.
        match call.route {
            "POST /token" | "POST /portal" => Box::pin(self.token.handle(&request)).await,
            "POST /webhook" => Box::pin(self.webhook.handle(&request)).await,
            "GET /callback/{session}/{outcome}" | "POST /connection-reports" => {
                Box::pin(self.callback.handle(&request)).await
            }
            _ => Box::pin(self.links.handle(&request)).await,
        }
    }

    pub async fn status(&self, call: &Call<'_>) -> u16 {
        self.answer(call).await.status().as_u16()
    }

    /// The shortest time between two reads of a secret by a function, if any was read twice.
    pub fn shortest_pause(&self) -> Option<SignedDuration> {
        let reads = self.reads.lock().unwrap();
        let pauses = reads.values().flat_map(|times| {
            let pairs = times.windows(2);
            pairs.map(|pair| pair[1].duration_since(pair[0]))
        });
        pauses.min()
    }

    /// The number of a function's reads of secrets.
    pub fn reads_of(&self, function: &str) -> usize {
        let reads = self.reads.lock().unwrap();
        let of_function = reads.iter().filter(|((name, _), _)| *name == function);
        of_function.map(|(_, times)| times.len()).sum()
    }
}

impl<'a> Site<'a> {
    /// Belvo's clock is frozen like ours.
    pub async fn new(world: &'a World) -> Self {
        let attributes = [("FifoQueue", "true"), ("VisibilityTimeout", "360")];
        let mut queue = world.stack.sqs().create_queue().queue_name("moved.fifo");
        for (name, value) in attributes {
            queue = queue.attributes(name.into(), value);
        }
        let queue = queue.send().await.unwrap();
        let site = Self {
            world,
            time: Time::new(),
            queue_url: queue.queue_url.unwrap(),
        };
        site.wait(SignedDuration::ZERO).await;
        site
    }

    /// Lets time pass, here and at Belvo.
    pub async fn wait(&self, duration: SignedDuration) {
        self.time.pass(duration);
        let now = json!({"set": self.time.now().to_string(), "freeze": true});
        self.world.sandbox("clock", &now).await;
    }

    /// Starts a process of each function, as its `run` does.
    pub async fn start(&self) -> Process {
        let endpoints = self.world.stack.endpoints();
        let reads = Reads::default();
        let clock = self.time.clock();
        let dynamodb = self.world.aws(&endpoints.dynamodb_url);
        let sqs = self.world.aws(&endpoints.sqs_url);
        let (link_table, row_table) = (&endpoints.link_table, &endpoints.resource_table);
        let link_store = LinkStore::new(&dynamodb, link_table.clone());
        let user_links = UserLinks::new(&dynamodb, link_table.clone());
        let connections = ConnectionStore::new(&dynamodb, endpoints.connection_table.clone());
        let user_connections = endpoints.connection_table.clone();
        let user_connections = UserConnections::new(&dynamodb, user_connections);
        let queue = JobQueue::new(&sqs, self.queue_url.clone());
        let secrets = |function| self.secrets(function, &reads);
        let env = |function| Env::new(self.world.stack.variables_of(function));
        let transport = Transport::network(Duration::from_secs(30)).unwrap();
        let belvo = async |function| self.belvo(function, &secrets(function), &transport).await;

        let config = token::Config::from_env(env("token")).unwrap();
        let token = token::Handler {
            belvo: belvo("token").await,
            queue: queue.clone(),
            connections: user_connections.clone(),
            links: user_links.clone(),
            session_keys: Secret::signing(&secrets("token"), &config.session_secret_id, &clock),
            principal: PrincipalSource::new(&config.principal, &secrets("token"), &clock),
            config,
            clock: clock.clone(),
            randomness: Randomness::system(),
        };
        let config = callback::Config::from_env(env("callback")).unwrap();
        let callback = callback::Handler {
            queue: queue.clone(),
            session_keys: Secret::signing(&secrets("callback"), &config.session_secret_id, &clock),
            principal: PrincipalSource::new(&config.principal, &secrets("callback"), &clock),
            config,
            clock: clock.clone(),
        };
        let config = webhook::Config::from_env(env("webhook")).unwrap();
        let webhook = webhook::Handler {
            authorization: Secret::new(
                &secrets("webhook"),
                &config.webhook_secret_id,
                &clock,
                webhook::Authorization::from_json,
            ),
            source_ips: config.source_ips,
            queue: queue.clone(),
            clock: clock.clone(),
            randomness: Randomness::system(),
        };
        let config = links::Config::from_env(env("links")).unwrap();
        let links = links::Handler {
            links: user_links,
            rows: UserRows::new(&dynamodb, row_table.clone()),
            connections: user_connections,
            queue: queue.clone(),
            keys: Secret::signing(&secrets("links"), &config.session_secret_id, &clock),
            principal: PrincipalSource::new(&config.principal, &secrets("links"), &clock),
            config,
            clock: clock.clone(),
            randomness: Randomness::system(),
        };
        let config = fetcher::Config::from_env(env("fetcher")).unwrap();
        let fetcher = fetcher::Fetcher {
            belvo: belvo("fetcher").await,
            links: link_store.clone(),
            resources: ResourceStore::new(&dynamodb, link_table.clone(), row_table.clone()),
            connections: connections.clone(),
            queue: queue.clone(),
            session_keys: Secret::signing(&secrets("fetcher"), &config.session_secret_id, &clock),
            config,
            clock: clock.clone(),
            randomness: Randomness::system(),
            chunk_size: 20_000,
        };
        let sweeper = sweeper::Sweeper {
            belvo: belvo("sweeper").await,
            links: link_store,
            connections,
            queue,
            config: sweeper::Config::from_env(env("sweeper")).unwrap(),
            clock,
            randomness: Randomness::system(),
        };
        token.session_keys.get().await.unwrap();
        callback.session_keys.get().await.unwrap();
        webhook.authorization.get().await.unwrap();
        links.keys.get().await.unwrap();
        fetcher.session_keys.get().await.unwrap();
        Process {
            token,
            callback,
            webhook,
            links,
            fetcher,
            sweeper,
            reads,
        }
    }

    /// A function's Belvo client, which has read its keys.
    async fn belvo(
        &self,
        function: &str,
        secrets: &SecretsManager,
        transport: &Transport,
    ) -> Belvo {
        let variables = self.world.stack.variables_of(function);
        let keys = belvo_keys(secrets, &variables["BELVO_SECRET_ID"], &self.time);
        keys.get().await.unwrap();
        let url = variables["BELVO_BASE_URL"].parse().unwrap();
        let options = ClientOptions {
            rate_limiter: RateLimiter::new(1_000_000),
            ..ClientOptions::default()
        };
        Belvo::new(url, transport.clone(), key_source(keys)).with_options(options)
    }

    fn secrets(&self, function: &'static str, reads: &Reads) -> SecretsManager {
        let url = &self.world.stack.endpoints().secretsmanager_url;
        let config = Builder::from(&self.world.aws(url)).interceptor(Watch {
            function,
            time: self.time.clone(),
            reads: Arc::clone(reads),
        });
        SecretsManager::from_conf(config.build())
    }
}

fn belvo_keys(secrets: &SecretsManager, id: &str, time: &Time) -> Arc<Secret<Keys>> {
    let parse = Keys::from_json;
    Arc::new(Secret::new(secrets, id, &time.clock(), parse))
}

/// The source of a Belvo client's keys, as in each function that has one.
pub fn key_source(secret: Arc<Secret<Keys>>) -> KeySource {
    KeySource::new(move |rejected| Arc::clone(&secret).supply(rejected))
}

/// Records each read of a secret.
struct Watch {
    function: &'static str,
    time: Time,
    reads: Reads,
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input().downcast_ref::<GetSecretValueInput>();
        let id = input.and_then(GetSecretValueInput::secret_id).unwrap();
        let mut reads = self.reads.lock().unwrap();
        let times = reads.entry((self.function, id.to_owned())).or_default();
        times.push(self.time.now());
        Ok(())
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch(…)")
    }
}
