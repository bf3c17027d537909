//! Delivery of webhooks: in order per link, several links at a time, with retries and a log.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{WebhookTarget, faults::WebhookFaults, locked};

/// Belvo waits five seconds for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Deliveries in flight at once; the bound spares a load test's sockets.
const AT_ONCE: usize = 64;
/// Deliveries kept in the log.
const LOG_LENGTH: usize = 100_000;

/// The queue and the log of webhooks.
pub struct Deliveries {
    board: Mutex<Board>,
    /// Webhooks that are neither delivered, given up nor held.
    pending: watch::Sender<usize>,
    tasks: Mutex<JoinSet<()>>,
    /// Made with the first delivery: it reads the machine's certificates, and many a sandbox sends
    /// nothing.
    http: OnceLock<reqwest::Client>,
    permits: Semaphore,
}

#[derive(Default)]
struct Board {
    target: Option<WebhookTarget>,
    log: VecDeque<Arc<Delivery>>,
    /// Deliveries dropped from the log.
    dropped: usize,
    /// Waiting webhooks per link. A link has an entry while a task sends its webhooks.
    lanes: HashMap<Uuid, VecDeque<Arc<Delivery>>>,
    held: Vec<Arc<Delivery>>,
}

struct Delivery {
    lane: Uuid,
    body: Value,
    late: Duration,
    retries: u32,
    retry_after: Duration,
    progress: Mutex<Progress>,
}

struct Progress {
    attempts: u32,
    status: &'static str,
    http_status: Option<u16>,
}

impl Deliveries {
    pub fn new(target: Option<WebhookTarget>) -> Self {
        Self {
            board: Mutex::new(Board {
                target,
                ..Board::default()
            }),
            pending: watch::Sender::new(0),
            tasks: Mutex::default(),
            http: OnceLock::new(),
            permits: Semaphore::new(AT_ONCE),
        }
    }

    /// A webhook to this machine must bypass any proxy.
    fn http(&self) -> &reqwest::Client {
        self.http.get_or_init(|| {
            let client = reqwest::Client::builder().no_proxy().build();
            client.unwrap_or_default()
        })
    }

    /// Replaces the target of webhooks, or removes it.
    pub fn set_target(&self, target: Option<WebhookTarget>) {
        locked(&self.board).target = target;
    }

    /// Queues the webhooks of one occasion.
    pub fn enqueue(self: &Arc<Self>, lane: Uuid, bodies: Vec<Value>, faults: &mut WebhookFaults) {
        let mut deliveries = Vec::new();
        for mut body in bodies {
            if faults.external_id_null && body.get("external_id").is_some() {
                body["external_id"] = Value::Null;
            }
            let lost = faults.lose.strikes();
            for _ in 0..=faults.repeat {
                let status = match (lost, faults.hold) {
                    (true, _) => "lost",
                    (false, true) => "held",
                    (false, false) => "queued",
                };
                deliveries.push(Arc::new(Delivery::new(lane, body.clone(), status, faults)));
            }
        }
        if faults.reorder {
            deliveries.reverse();
        }
        let mut board = locked(&self.board);
        for delivery in &deliveries {
            if board.log.len() >= LOG_LENGTH {
                board.log.pop_front();
                board.dropped += 1;
            }
            board.log.push_back(delivery.clone());
        }
        let (held, rest): (Vec<_>, Vec<_>) = deliveries
            .into_iter()
            .partition(|delivery| delivery.has("held"));
        board.held.extend(held);
        let due = rest
            .into_iter()
            .filter(|delivery| delivery.has("queued"))
            .collect();
        self.start(&mut board, due);
    }

    /// Queues the held webhooks.
    pub fn release(self: &Arc<Self>) -> usize {
        let mut board = locked(&self.board);
        let held = std::mem::take(&mut board.held);
        let count = held.len();
        for delivery in &held {
            locked(&delivery.progress).status = "queued";
        }
        self.start(&mut board, held);
        count
    }

    /// The log, oldest first, without its first `n` entries.
    pub fn log(&self, after: usize) -> Vec<Value> {
        let board = locked(&self.board);
        let known = after.saturating_sub(board.dropped).min(board.log.len());
        board
            .log
            .range(known..)
            .map(|delivery| {
                let progress = locked(&delivery.progress);
                json!({
                    "body": delivery.body,
                    "attempts": progress.attempts,
                    "status": progress.status,
                    "http_status": progress.http_status,
                })
            })
            .collect()
    }

    /// Waits until no webhook is in flight. Returns false if the limit passes first.
    pub async fn settled(&self, limit: Duration) -> bool {
        let mut pending = self.pending.subscribe();
        matches!(
            timeout(limit, pending.wait_for(|count| *count == 0)).await,
            Ok(Ok(_))
        )
    }

    /// Gives up all webhooks.
    pub fn stop(&self) {
        locked(&self.tasks).abort_all();
    }

    fn start(self: &Arc<Self>, board: &mut Board, due: Vec<Arc<Delivery>>) {
        if board.target.is_none() {
            for delivery in due {
                locked(&delivery.progress).status = "no_target";
            }
            return;
        }
        self.pending.send_modify(|count| *count += due.len());
        for delivery in due {
            let lane = delivery.lane;
            if let Some(waiting) = board.lanes.get_mut(&lane) {
                waiting.push_back(delivery);
            } else {
                board.lanes.insert(lane, VecDeque::from([delivery]));
                let this = self.clone();
                self.spawn(async move { this.drain(lane).await });
            }
        }
    }

    /// Sends a link's webhooks until none is left.
    async fn drain(self: Arc<Self>, lane: Uuid) {
        loop {
            let next = {
                let mut board = locked(&self.board);
                let next = board.lanes.get_mut(&lane).and_then(VecDeque::pop_front);
                if next.is_none() {
                    board.lanes.remove(&lane);
                }
                next
            };
            let Some(delivery) = next else { return };
            sleep(delivery.late).await;
            if self.attempt(&delivery).await || delivery.retries == 0 {
                self.done(&delivery);
            } else {
                // Later webhooks overtake one that is retried, because Belvo promises no order.
                let this = self.clone();
                self.spawn(async move { this.retry(delivery).await });
            }
        }
    }

    async fn retry(self: Arc<Self>, delivery: Arc<Delivery>) {
        for _ in 0..delivery.retries {
            sleep(delivery.retry_after).await;
            if self.attempt(&delivery).await {
                break;
            }
        }
        self.done(&delivery);
    }

    /// Sends once. Returns true if no further attempt is needed.
    async fn attempt(&self, delivery: &Delivery) -> bool {
        let Some(target) = locked(&self.board).target.clone() else {
            locked(&delivery.progress).status = "no_target";
            return true;
        };
        let Ok(_permit) = self.permits.acquire().await else {
            return true;
        };
        let mut request = self
            .http()
            .post(&target.url)
            .timeout(ANSWER_WITHIN)
            .header(CONTENT_TYPE, "application/json")
            .body(delivery.body.to_string());
        if let Some(value) = &target.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let http_status = match request.send().await {
            Ok(answer) => Some(answer.status().as_u16()),
            Err(_) => None,
        };
        let mut progress = locked(&delivery.progress);
        progress.attempts += 1;
        progress.http_status = http_status;
        progress.status = if http_status == Some(200) {
            "delivered"
        } else {
            "retrying"
        };
        http_status == Some(200)
    }

    fn done(&self, delivery: &Delivery) {
        {
            let mut progress = locked(&delivery.progress);
            if progress.status == "retrying" {
                progress.status = "failed";
            }
        }
        self.pending
            .send_modify(|count| *count = count.saturating_sub(1));
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = locked(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

impl Delivery {
    fn new(lane: Uuid, body: Value, status: &'static str, faults: &WebhookFaults) -> Self {
        Self {
            lane,
            body,
            late: Duration::from_millis(faults.late_ms),
            retries: faults.retries,
            retry_after: Duration::from_millis(faults.retry_ms),
            progress: Mutex::new(Progress {
                attempts: 0,
                status,
                http_status: None,
            }),
        }
    }

    fn has(&self, status: &str) -> bool {
        locked(&self.progress).status == status
    }
}
