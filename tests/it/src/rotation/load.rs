//! The calls during a rotation: users connect banks, report, and read; Belvo sends webhooks; jobs
//! and sweeps run; and strangers send forged requests.
//!
//! Each function has two processes: one from the beginning, and one that has just started. A value
//! signed by one of them goes to the other. `users` and `machines` are the callers.

mod machines;
mod users;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use belvo_sandbox::WebhookTarget;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, RwLock, mpsc, watch};

use self::machines::{Webhook, webhook_address};
use super::call::Call;
use super::processes::{Process, Site};

/// The calls that both processes must answer in each round.
const KINDS: [&str; 10] = [
    "token",
    "redirect of the round before",
    "report of the round before",
    "statement",
    "next page",
    "next page of the round before",
    "webhook",
    "job",
    "sweep",
    "stranger",
];

/// After this time without progress, all callers continue.
const IDLE: Duration = Duration::from_millis(100);

/// A round takes a second or two.
const ROUND_LIMIT: Duration = Duration::from_secs(90);

/// The two processes, and all callers.
pub struct Load<'a> {
    site: &'a Site<'a>,
    processes: [RwLock<Process>; 2],
    /// The calls answered in this round, and the process of each.
    done: watch::Sender<BTreeSet<(&'static str, usize)>>,
    round: watch::Sender<u32>,
    /// The number of answered calls.
    progress: watch::Sender<u64>,
    closing: watch::Sender<bool>,
    /// Held by a call in progress, so that the clock does not jump by hours meanwhile.
    jump: RwLock<()>,
    webhooks: AsyncMutex<mpsc::Receiver<Webhook>>,
    webhook_url: String,
    failures: Mutex<Vec<String>>,
    connected: Mutex<Vec<Connected>>,
}

/// A user's link.
#[derive(Clone)]
struct Connected {
    link_id: String,
    user: String,
    ready: bool,
}

impl<'a> Load<'a> {
    pub async fn new(site: &'a Site<'a>) -> Self {
        let (webhook_url, webhooks) = webhook_address().await;
        Self {
            processes: [site.start().await.into(), site.start().await.into()],
            done: watch::Sender::default(),
            round: watch::Sender::default(),
            progress: watch::Sender::default(),
            closing: watch::Sender::default(),
            jump: RwLock::default(),
            webhooks: webhooks.into(),
            webhook_url,
            failures: Mutex::default(),
            connected: Mutex::default(),
            site,
        }
    }

    /// Makes Belvo send this value from now on.
    pub fn belvo_sends(&self, authorization: &str) {
        let target = WebhookTarget {
            url: self.webhook_url.clone(),
            authorization: Some(authorization.to_owned()),
        };
        let sandbox = self.site.world.stack.sandbox().unwrap();
        sandbox.set_webhook(Some(target));
    }

    /// Runs until `script` ends.
    pub async fn while_running(&self, script: impl Future<Output = ()>) {
        let both = async |slot: usize| {
            tokio::join!(
                self.come_back_late(slot),
                self.read(slot),
                self.read_on_late(slot),
                self.work(slot),
                self.sweep(slot),
                self.try_what_is_wrong(slot),
            )
        };
        tokio::select! {
            () = script => {}
            _ = both(0) => {}
            _ = both(1) => {}
            () = self.visit_again_and_again() => {}
            () = self.serve_webhooks() => {}
            () = self.change_what_banks_hold() => {}
        }
    }

    /// Waits until both processes have answered every kind of call once more, without a failure.
    pub async fn round(&self, when: &str) {
        self.done.send_replace(BTreeSet::new());
        self.round.send_modify(|round| *round += 1);
        let missing = |done: &BTreeSet<_>| {
            let all = KINDS.iter().flat_map(|kind| [(*kind, 0), (*kind, 1)]);
            all.filter(|it| !done.contains(it)).collect::<Vec<_>>()
        };
        let mut done = self.done.subscribe();
        let failed = || !self.failures.lock().unwrap().is_empty();
        let complete = done.wait_for(|done| failed() || missing(done).is_empty());
        let complete = tokio::time::timeout(ROUND_LIMIT, complete).await.is_ok();
        let failures = self.failures.lock().unwrap().clone();
        assert!(failures.is_empty(), "{when}: {failures:#?}");
        let missing = missing(&self.done.borrow());
        assert!(complete, "{when}: these calls are missing: {missing:?}");
    }

    /// The documented wait between two steps. At its end, forged requests have made both processes
    /// read their secrets, so that they will not read them again for half a minute.
    pub async fn wait_ten_minutes(&self, when: &str) {
        self.wait(SignedDuration::from_secs(301)).await;
        self.round(&format!("{when}, five minutes later")).await;
        self.wait(SignedDuration::from_secs(299)).await;
        self.round(&format!("{when}, ten minutes later")).await;
    }

    /// Replaces one of the processes by a new one, which reads the current secrets.
    pub async fn start_a_process(&self) {
        let young = self.site.start().await;
        let old = std::mem::replace(&mut *self.processes[1].write().await, young);
        assert_patient(&old);
    }

    pub async fn wait(&self, duration: SignedDuration) {
        let _jump = self.jump.write().await;
        self.site.wait(duration).await;
    }

    /// Starts no more connections, waits for work in progress, and returns all links and users.
    pub async fn finish(&self) -> Vec<(String, String)> {
        self.closing.send_replace(true);
        // Retries, and checks for missing webhooks, are due within hours.
        for hours in [0, 2, 2, 2] {
            self.wait(SignedDuration::from_hours(hours)).await;
            self.sweep_once(0).await;
            self.site.world.sandbox("settle", &json!({})).await;
            while self.waiting_jobs().await > 0 {
                self.go_on(1).await;
            }
        }
        assert_patient(&*self.processes[0].read().await);
        let connected = self.connected.lock().unwrap();
        let all = connected.iter();
        all.map(|it| (it.link_id.clone(), it.user.clone()))
            .collect()
    }

    async fn waiting_jobs(&self) -> u32 {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages as Visible,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let sqs = self.site.world.stack.sqs();
        let counts = sqs.get_queue_attributes().queue_url(&self.site.queue_url);
        let counts = counts.attribute_names(Visible).attribute_names(InFlight);
        let counts = counts.send().await.unwrap().attributes.unwrap();
        counts.values().map(|it| it.parse::<u32>().unwrap()).sum()
    }

    fn note(&self, kind: &'static str, slot: usize) {
        self.done.send_if_modified(|done| done.insert((kind, slot)));
        self.progress.send_modify(|progress| *progress += 1);
    }

    /// Waits for this much progress, or until there is none for a while.
    async fn go_on(&self, much: u64) {
        let mut progress = self.progress.subscribe();
        let enough = *progress.borrow() + much;
        let enough = progress.wait_for(|it| *it >= enough);
        // Either way the caller continues.
        let _: Result<_, _> = tokio::time::timeout(IDLE, enough).await;
    }

    /// Calls a process and returns the body; a status other than `expected` is a failure.
    async fn call(&self, kind: &'static str, slot: usize, call: &Call<'_>, expected: u16) -> Value {
        let answer = self.processes[slot].read().await.answer(call).await;
        let status = answer.status().as_u16();
        match status == expected {
            true => self.note(kind, slot),
            false => self.fail(format!(
                "{kind} by process {slot}: {status} {}",
                answer.body()
            )),
        }
        serde_json::from_str(answer.body()).unwrap_or_default()
    }

    fn fail(&self, failure: String) {
        self.failures.lock().unwrap().push(failure);
        // Wakes the waiting round, which ends at a failure.
        self.done.send_modify(|_| {});
    }
}

/// However many requests fail, no secret is read twice in half a minute.
fn assert_patient(process: &Process) {
    let pause = process.shortest_pause();
    let limit = SignedDuration::from_secs(30);
    assert!(pause.is_none_or(|pause| pause >= limit), "{pause:?}");
}
