//! A Belvo to develop against: its API, its widget, its portal and its webhooks, on 127.0.0.1.
//!
//! It follows Belvo's documentation and shares no type with our client, so that a mistake in either
//! of them shows. It is strict: it refuses a missing slash, an unknown query parameter or a wrong
//! scope as Belvo does, and lists unknown paths under `/_sandbox/unknown`. All people, companies
//! and banks are invented, and all data follows from a seed.
//!
//! Its limits: a `POST` to a list never reads a bank, there are no balances and no exchanges, and a
//! recurrent link is refreshed only on a test's request.
//!
//! # Where to start reading
//!
//! `world` is the state. `api` faces a back end, `pages` a user, `control` a test. `data` invents
//! the rows, `collect` decides which webhooks follow a collection, `events` writes their bodies,
//! `webhooks` delivers them.
//!
//! # Control, under `/_sandbox/`
//!
//! | Request | Does |
//! |---|---|
//! | `POST connect {access_token, external_id, access_mode?, institution?, outcome?, owner?, transactions?}` | ends a visit to the widget: `success`, `exit`, `exit_error:<code>`, `error`, `warning`; `{link_id, redirect_url, consent_id}` |
//! | `POST links {external_id?, transactions?, seed?, owner?, institution?, access_mode?, fetch_resources?, webhooks?}` | a link without a token, of any size; `{link_id, consent_id}` |
//! | `GET links` | a summary of all links |
//! | `POST links/{id}/changes {add?, update?, delete?, webhooks?}` | changes of transactions, each a number or a list; `{request_id, added, updated, deleted}` |
//! | `POST links/{id}/objects {resource, add?, update?, delete?, webhooks?}` | the same for `owners`, `accounts`, `bills`, `investments` or `investment_transactions` |
//! | `POST links/{id}/status {status?, refresh?}` | sets the status, or collects again with `historical_update` |
//! | `POST links/{id}/access {at?}` | sets `last_accessed_at`, now unless given, without a webhook |
//! | `POST links/{id}/consent {expired_at? \| expire? \| about_to_expire? \| unrecoverable? \| temporarily_unavailable?}` | changes the consent, sends its webhook |
//! | `POST links/{id}/renew {new_link, external_id?, new_consent?, webhooks?}` | the user consents again: to this link, or to a new one of the same person and bank, without `external_id` unless given; `{link_id, consent_id}` |
//! | `POST links/{id}/gone {gone}` | while true, the API knows neither the link nor its data, as with other keys |
//! | `POST wipe {}` | removes all links and data without a webhook |
//! | `POST links/{id}/webhook {…}`, `POST webhook {…}` | sends that body |
//! | `GET links/{id}/truth` | everything Belvo holds of the link |
//! | `GET webhooks?after=<n>` | without the first `n`, in the order they arose: `[{body, attempts, status, http_status}]`; status is `queued`, `held`, `retrying`, `delivered`, `failed`, `lost` or `no_target` |
//! | `POST webhooks/release`, `POST settle` | sends held webhooks; waits until none is on its way |
//! | `POST clock {advance? \| set?, freeze?}`, `GET clock` | sets, freezes or restarts the clock; shows it |
//! | `POST keys {add?: {id, password}, revoke?: <id>}` | makes another pair of API keys valid, or one invalid, so that keys can be replaced; `{pairs}`, how many there are |
//! | `GET drifts` | the changes made by the fault `drift`: `[{link_id, path, page, added, updated, deleted}]`, or `error` |
//! | `GET requests`, `DELETE requests`, `GET unknown` | the last 10,000 requests to the API, and the paths that do not exist |
//! | `GET people`, `GET banks` | the invented people and banks |
//! | `POST faults {…}` | replaces all faults; `{}` lifts them |
//!
//! ## Changes
//!
//! In a list, `add` and `update` are objects with the top-level fields to set, kept to the last
//! digit, and `delete` holds ids. An `account` (of a transaction or a bill) or an `investment` (of
//! a movement) is an id. A number lets the sandbox choose that many rows.
//!
//! `objects` announces new rows with `new_<resource>_available`, and all other changes with a
//! `historical_update` of that resource alone. A field set by a test keeps its value; a later
//! collection updates the rest of an account. Rows that embed another row show its current state.
//! If that row vanishes they stay and show its last state; they vanish only on a test's request. A
//! vanished row that is added again with its own id comes back.
//!
//! ## Virtual time
//!
//! With the clock set and frozen, everything the sandbox answers and sends follows from its seed
//! and from the order of the requests. Without a target, webhooks are kept as `no_target` for a
//! test to deliver. Moving the clock expires the consents whose end has passed, with their
//! webhooks.
//!
//! # Faults
//!
//! A value of kind *times* is `true`, a number for the next so many occasions, or `{"every": n}`.
//!
//! | Fault | Kind | What happens |
//! |---|---|---|
//! | `path` | text | the faults below, down to `foreign_object`, strike only paths that contain it |
//! | `latency_ms` | number | each answer waits |
//! | `gateway` | `[{status, type?, body?, method?, path?, query?}]` | requests of this method, to paths that contain `path`, with queries that contain `query`, never reach Belvo: something in front of it answers exactly this, as `text/html` unless `type` says otherwise |
//! | `fail_next` | `{count, status, code?, body?, path?}` | the next `count` answers have this status; `body` is `json`, `html` or `empty`; has its own `path` |
//! | `status_429`, `http_5xx`, `timeout_408` | times | 429, 500 `unexpected_error`, 408 `request_timeout` |
//! | `html_403` | times | the gateway's HTML page |
//! | `cut_body` | times | the connection breaks halfway through a good answer |
//! | `shift_rows` | times | pages from the second on begin one row early and end one row early: one id twice, one row missing |
//! | `repeat_rows` | times | pages from the second on begin with the last row of the page before, in addition |
//! | `first_page_again` | times | pages from the second on have the rows of the first one |
//! | `short_page` | times | a page lacks its last row, although `count` includes it |
//! | `empty_page` | times | `results` is `[]`, although `count` includes the rows |
//! | `empty_list` | times | `count` is 0, `results` is `[]`, `next` is null |
//! | `count_lies` | number or `true` | `count` is so much too high |
//! | `count_flips` | times | `count` is one too high |
//! | `next_elsewhere`, `next_circle` | times | `next` points to another host; to the page itself |
//! | `null_results` | times | `results` is null |
//! | `largest_page` | number | a page has at most so many rows, whatever `page_size` says; `count` and `next` are right |
//! | `large_pages` | `{rows, status}` | a page of more rows is a gateway's error of this status |
//! | `rewrite` | `[{path, from, to, latin1?}]` | in answers to paths that contain `path`, the text `from` becomes `to`, which need not be JSON; `latin1` sends it in that encoding. Has its own `path` |
//! | `encoding` | text | bodies are encoded, whatever was asked for: `gzip`, `deflate`; `half_gzip` breaks off, `false_gzip` is plain text, `gzip_bomb` is followed by 65 MiB of blanks, `unknown` is of an encoding nobody asks for |
//! | `ignore_filter` | times | a list that is filtered by `link` comes with the rows of all links, of whatever user; the other filters hold |
//! | `foreign_object` | times | a single row names another link than its own, the oldest one, wherever it names one |
//! | `drift` | `[{path, page, add?, update?, delete?}]` | after this page of a list whose path contains `path`, its link's transactions change as by `changes`, once and without a webhook. Lists are in order of creation: a vanished row makes the next page miss one, a row added with an early `created_at` makes it repeat one |
//! | `webhooks.hold` | true | they wait for `webhooks/release` |
//! | `webhooks.lose` | times | they are never sent |
//! | `webhooks.late_ms`, `webhooks.repeat` | number | each is sent later; so many times more |
//! | `webhooks.reorder` | true | those of one occasion are sent last first |
//! | `webhooks.external_id_null` | true | their `external_id` is null |
//! | `webhooks.retries`, `webhooks.retry_ms` | number | 3 and 200 unless set; anything but 200 is retried |
//! | `loading` | true | new links have neither data nor webhooks until it is lifted |
//! | `quirks` | true | new links carry the values with which Belvo's samples break Belvo's schema |
//! | `rate_limit` | true | more than 80 requests in 30 seconds get the gateway's page |

mod api;
mod banks;
mod clock;
mod collect;
mod connect;
mod control;
mod data;
mod drift;
mod errors;
mod events;
mod faults;
mod json;
mod links;
mod pages;
mod people;
mod random;
mod redirects;
mod resources;
mod tokens;
mod webhooks;
mod world;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Body, body::Bytes, http};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tower::ServiceExt as _;

pub use crate::world::REQUEST_LOG;
use crate::{
    webhooks::Deliveries,
    world::{Keys, World},
};

/// The settings of a sandbox.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port; 0 takes a free one.
    pub listen: SocketAddr,
    /// secretId of the first pair of API keys.
    pub secret_id: String,
    /// Its secretPassword.
    pub secret_password: String,
    /// The seed of all data.
    pub seed: u64,
    /// The target of webhooks; by default none.
    pub webhook: Option<WebhookTarget>,
}

/// The target of webhooks.
#[derive(Debug, Clone)]
pub struct WebhookTarget {
    /// The full address.
    pub url: String,
    /// The value of the `Authorization` header.
    pub authorization: Option<String>,
}

/// A running sandbox. Dropping it stops it at once; [`Sandbox::stop`] lets answers finish.
pub struct Sandbox {
    world: Arc<World>,
    routes: Router,
    server: Option<Server>,
}

struct Server {
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut sandbox = Self::at(url, config);
        let routes = sandbox.routes.clone();
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move {
            // An error means that the sandbox was dropped, which also stops the server.
            stopped.await.unwrap_or_default();
        });
        let task = tokio::spawn(async move {
            // `serve` ends only by the signal above.
            server.await.unwrap_or_default();
        });
        sandbox.server = Some(Server { shutdown, task });
        Ok(sandbox)
    }

    /// A sandbox without a socket: [`Sandbox::answer`] is its only door, so that it also works
    /// under a paused clock. `listen` only makes its address.
    pub fn in_process(config: Config) -> Self {
        Self::at(format!("http://{}", config.listen), config)
    }

    fn at(url: String, config: Config) -> Self {
        let keys = Keys {
            id: config.secret_id,
            password: config.secret_password,
        };
        let world = Arc::new(World::new(
            url,
            keys,
            config.seed,
            Deliveries::new(config.webhook),
        ));
        let routes = control::router(&world)
            .merge(pages::router(&world))
            .merge(api::router(&world));
        Self {
            world,
            routes,
            server: None,
        }
    }

    /// Answers a request without a socket.
    ///
    /// # Errors
    /// If the answer breaks off.
    pub async fn answer(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, axum::Error> {
        let answer = self.routes.clone().oneshot(request.map(Body::from));
        let (head, body) = match answer.await {
            Ok(answer) => answer.into_parts(),
            Err(never) => match never {},
        };
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        Ok(http::Response::from_parts(head, body))
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.world.url
    }

    /// The address of the widget, with its slash.
    pub fn widget_url(&self) -> String {
        format!("{}/widget/", self.world.url)
    }

    /// The address of My Belvo Portal, with its slash.
    pub fn portal_url(&self) -> String {
        format!("{}/portal/", self.world.url)
    }

    /// Replaces the target of webhooks, or removes it.
    pub fn set_webhook(&self, target: Option<WebhookTarget>) {
        self.world.deliveries.set_target(target);
    }

    /// Stops after answers in flight have finished; webhooks in flight are given up.
    pub async fn stop(mut self) {
        self.world.deliveries.stop();
        let Some(Server { shutdown, mut task }) = self.server.take() else {
            return;
        };
        drop(shutdown);
        // Kept-alive connections would keep the server running for ever.
        let grace = std::time::Duration::from_secs(1);
        if tokio::time::timeout(grace, &mut task).await.is_err() {
            task.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.world.deliveries.stop();
        if let Some(server) = &self.server {
            server.task.abort();
        }
    }
}

/// Locks. After a panic in another thread, its state is still the best one available.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
