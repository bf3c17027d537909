//! A Belvo to develop against: its API, its widget, its portal and its webhooks, on 127.0.0.1.
//!
//! It is written from Belvo's documentation and shares no type with our client, so that a mistake
//! in one of the two shows. It is strict: a missing slash, an unknown query parameter or a wrong scope
//! is refused as Belvo refuses it, and an unknown path is remembered under `/_sandbox/unknown`.
//! All people, companies and banks are invented, and all data follows from a seed.
//!
//! What it does not do: it never reads a bank on `POST` to a list, it has no balances and no exchanges,
//! and recurrent links are refreshed only when a test says so.
//!
//! # Where to start reading
//!
//! `world` is what it remembers. `api` is what a back end sees, `pages` what a user sees,
//! `control` what a test sees. `data` makes up the rows, `collect` says which webhooks follow from what,
//! `events` what they say, `webhooks` delivers them.
//!
//! # Control, under `/_sandbox/`
//!
//! | Request | Does |
//! |---|---|
//! | `POST connect {access_token, external_id, access_mode?, institution?, outcome?, owner?, transactions?}` | ends a visit to the widget: `success`, `exit`, `exit_error:<code>`, `error`, `warning`; `{link_id, redirect_url, consent_id}` |
//! | `POST links {external_id?, transactions?, seed?, owner?, institution?, access_mode?, fetch_resources?, webhooks?}` | a link without a token, of any size; `{link_id, consent_id}` |
//! | `GET links` | all links, in short |
//! | `POST links/{id}/changes {add?, update?, delete?, webhooks?}` | changes of transactions, each a number or a list; `{request_id, added, updated, deleted}` |
//! | `POST links/{id}/objects {resource, add?, update?, delete?, webhooks?}` | the same for `owners`, `accounts`, `bills`, `investments` or `investment_transactions` |
//! | `POST links/{id}/status {status?, refresh?}` | sets the status, or collects again with `historical_update` |
//! | `POST links/{id}/access {at?}` | sets `last_accessed_at`, now unless given, and tells nobody |
//! | `POST links/{id}/consent {expired_at? \| expire? \| about_to_expire? \| unrecoverable? \| temporarily_unavailable?}` | changes the consent, sends its webhook |
//! | `POST links/{id}/renew {new_link, external_id?, new_consent?, webhooks?}` | the user consents again: to this link, or to a new one of the same person and bank, without `external_id` unless given; `{link_id, consent_id}` |
//! | `POST links/{id}/gone {gone}` | while true, the API knows neither the link nor its data, as with other keys |
//! | `POST wipe {}` | removes all links and data without a webhook |
//! | `POST links/{id}/webhook {…}`, `POST webhook {…}` | sends that body |
//! | `GET links/{id}/truth` | everything Belvo holds of the link |
//! | `GET webhooks?after=<n>` | without the first `n`, in the order they arose: `[{body, attempts, status, http_status}]`; status is `queued`, `held`, `retrying`, `delivered`, `failed`, `lost` or `no_target` |
//! | `POST webhooks/release`, `POST settle` | sends held webhooks; waits until none is on its way |
//! | `POST clock {advance? \| set?, freeze?}`, `GET clock` | moves the present, lets it stand still or go on, tells it |
//! | `POST keys {add?: {id, password}, revoke?: <id>}` | makes another pair of API keys valid, or one invalid, so that keys can be replaced; `{pairs}`, how many there are |
//! | `GET drifts` | what the fault `drift` has done: `[{link_id, path, page, added, updated, deleted}]`, or `error` |
//! | `GET requests`, `DELETE requests`, `GET unknown` | what the API was asked: the last 10,000 requests, and paths that do not exist |
//! | `GET people`, `GET banks` | who and what there is |
//! | `POST faults {…}` | replaces all faults; `{}` lifts them |
//!
//! ## Changes
//!
//! In a list, `add` and `update` are objects with the top-level fields that count, kept to the last digit,
//! and `delete` is ids. An `account` (of a transaction or a bill) or an `investment` (of a movement) is an id.
//! A number means so many, chosen by the sandbox.
//!
//! `objects` announces new rows with `new_<resource>_available`, and anything else with a `historical_update`
//! of that resource alone. What was said about a row stays said: a later round moves the rest of an account.
//! Rows that show another one show it as it is now. When that one vanishes they stay, and show it as it was;
//! they vanish only when a test says so. A vanished row that is added again with its own id comes back.
//!
//! ## Virtual time
//!
//! With the clock set and frozen, everything the sandbox answers and sends follows from its seed and from the
//! order of the requests. Without a target for webhooks they are kept, as `no_target`, for a test to deliver.
//! A consent whose time has come expires, with its webhook, when the clock is moved.
//!
//! # Faults
//!
//! A value of kind *times* is `true`, a number for the next so many, or `{"every": n}`.
//!
//! | Fault | Kind | What happens |
//! |---|---|---|
//! | `path` | text | the faults below, down to `null_results`, strike only paths that contain it |
//! | `latency_ms` | number | each answer waits |
//! | `fail_next` | `{count, status, code?, body?, path?}` | the next `count` answers have this status; `body` is `json`, `html` or `empty`; has its own `path` |
//! | `status_429`, `http_5xx`, `timeout_408` | times | 429, 500 `unexpected_error`, 408 `request_timeout` |
//! | `html_403` | times | the gateway's HTML page |
//! | `cut_body` | times | the connection breaks halfway through a good answer |
//! | `shift_rows` | times | pages from the second on begin one row early and end one row early: one id twice, one row missing |
//! | `repeat_rows` | times | pages from the second on begin with the last row of the page before, in addition |
//! | `short_page` | times | a page lacks its last row, as if it were there |
//! | `empty_page` | times | `results` is `[]`, as if the rows were there |
//! | `empty_list` | times | `count` is 0, `results` is `[]`, `next` is null |
//! | `count_lies` | number or `true` | `count` is so much too high |
//! | `count_flips` | times | `count` is one too high |
//! | `next_elsewhere`, `next_circle` | times | `next` points to another host; to the page itself |
//! | `null_results` | times | `results` is null |
//! | `drift` | `[{path, page, add?, update?, delete?}]` | after this page of a list whose path contains `path`, its link's transactions change as by `changes`, once and without a webhook. Lists are in order of creation: a vanished row makes the next page miss one, a row added with an early `created_at` makes it repeat one |
//! | `webhooks.hold` | true | they wait for `webhooks/release` |
//! | `webhooks.lose` | times | they are never sent |
//! | `webhooks.late_ms`, `webhooks.repeat` | number | each is sent later; so many times more |
//! | `webhooks.reorder` | true | those of one occasion are sent last first |
//! | `webhooks.external_id_null` | true | they do not say whose link it is |
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

use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub use crate::world::REQUEST_LOG;
use crate::{
    webhooks::Deliveries,
    world::{Keys, World},
};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The API key.
    pub secret_id: String,
    /// Its password.
    pub secret_password: String,
    /// What all data follows from.
    pub seed: u64,
    /// Where webhooks go; nowhere at first, if not given.
    pub webhook: Option<WebhookTarget>,
}

/// Where webhooks go.
#[derive(Debug, Clone)]
pub struct WebhookTarget {
    /// The address.
    pub url: String,
    /// The value of the `Authorization` header.
    pub authorization: Option<String>,
}

/// A running sandbox. Dropping it stops it at once, [`Sandbox::stop`] in order.
pub struct Sandbox {
    world: Arc<World>,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
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
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move {
            // An error means that the sandbox was dropped, which is a reason to stop as well.
            stopped.await.unwrap_or_default();
        });
        let server = tokio::spawn(async move {
            // `serve` ends only by the signal above.
            server.await.unwrap_or_default();
        });
        Ok(Self {
            world,
            shutdown: Some(shutdown),
            server,
        })
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

    /// Sends webhooks somewhere else, or nowhere.
    pub fn set_webhook(&self, target: Option<WebhookTarget>) {
        self.world.deliveries.set_target(target);
    }

    /// Stops, letting answers under way finish; webhooks under way are given up.
    pub async fn stop(mut self) {
        self.world.deliveries.stop();
        self.shutdown.take();
        // Kept-alive connections would hold the server up for ever.
        let grace = std::time::Duration::from_secs(1);
        if tokio::time::timeout(grace, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.world.deliveries.stop();
        self.server.abort();
    }
}

/// Locks; what a panicking thread left behind is still the best there is.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
