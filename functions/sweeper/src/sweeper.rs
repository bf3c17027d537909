//! What the sweeper works with, and what comes of a sweep.

use belvo::{Belvo, BelvoError, LinkPage};
use domain::{Code, Job};
use queue::{JobQueue, QueueError};
use runtime::{Clock, Metric, NoRandomness, Randomness};
use serde::Serialize;
use serde_json::Value;
use store::{ConnectionStore, ResourceStore, StoreError};

use crate::config::Config;
use crate::request::{InvalidRequest, Sweep};
use crate::throttle::Throttle;

/// Queues what is due, and what no webhook told of.
#[derive(Debug)]
pub struct Sweeper {
    /// What the customer decided.
    pub config: Config,
    /// Belvo's API.
    pub belvo: Belvo,
    /// Links and their data, which are only read.
    pub resources: ResourceStore,
    /// Receipts of erasures, which are only read.
    pub connections: ConnectionStore,
    /// Where jobs go.
    pub queue: JobQueue,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub randomness: Randomness,
}

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Of what is due.
    Due {
        /// Links that are due.
        due: u64,
        /// Jobs on the queue.
        enqueued: usize,
    },
    /// Of Belvo's links.
    Links {
        /// Which page.
        page: u32,
        /// Of how many.
        pages: u64,
        /// Links at Belvo.
        links: u64,
        /// Links of this page that have news for us.
        seen: usize,
        /// Jobs on the queue; fewer where it already holds much.
        enqueued: usize,
    },
    /// Of a link's journal.
    Replay {
        /// Webhooks in the journal.
        events: usize,
        /// Jobs on the queue; equal webhooks count once.
        enqueued: usize,
    },
    /// Of a month's erasures.
    Erased {
        /// Links and users that were erased in the month.
        erased: usize,
        /// Jobs on the queue.
        enqueued: usize,
        /// The event that continues; null when there were no more.
        next: Option<Value>,
    },
    /// Of one link that is read again.
    Reread {
        /// Links of ours: one, or none.
        links: usize,
        /// Jobs on the queue.
        enqueued: usize,
    },
    /// Of all links that are read again.
    RereadAll {
        /// Which page.
        page: u32,
        /// Of how many.
        pages: u64,
        /// Links at Belvo.
        links: u64,
        /// Jobs on the queue: the links of this page that are ours.
        enqueued: usize,
        /// The event that continues with the next page; null after the last one.
        next: Option<Value>,
    },
}

/// Why a sweep came to nothing. The next one makes up for it.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The event asks for nothing we do.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// Belvo's list of links is shorter.
    #[error("belvo's list of links has no page {page}")]
    NoSuchPage {
        /// Which page was asked for.
        page: u32,
    },
    /// Belvo failed.
    #[error("belvo failed")]
    Belvo(#[from] BelvoError),
    /// The table failed.
    #[error("the table failed")]
    Store(#[from] StoreError),
    /// The queue failed; some jobs may be on it.
    #[error("the queue failed")]
    Queue(#[from] QueueError),
    /// There is no chance to be had.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl SweepError {
    /// The error's name, for whoever invokes the function.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "InvalidEvent",
            Self::NoSuchPage { .. } => "NoSuchPage",
            Self::Belvo(_) => "BelvoFailed",
            Self::Store(_) => "TableFailed",
            Self::Queue(_) => "QueueFailed",
            Self::Randomness(_) => "NoRandomness",
        }
    }

    /// What counts it. Everything else is counted by Lambda, as an error of the function.
    fn metric(&self) -> Option<Metric> {
        match self {
            Self::Belvo(BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_)) => {
                Some(Metric::BelvoAuthenticationFailed)
            }
            Self::Belvo(_) => Some(Metric::BelvoFailed),
            Self::Request(_)
            | Self::NoSuchPage { .. }
            | Self::Store(_)
            | Self::Queue(_)
            | Self::Randomness(_) => None,
        }
    }
}

impl Sweeper {
    /// Does what the event asks for, and says how far it is.
    pub async fn handle(&self, event: &Value) -> Result<Report, SweepError> {
        let result = match Sweep::read(event) {
            Ok(sweep) => self.sweep(&sweep).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &result {
            if let Some(metric) = error.metric() {
                runtime::count(metric, self.clock.now());
            }
            tracing::error!(error = %runtime::chain(error), "a sweep failed");
        }
        result
    }

    async fn sweep(&self, sweep: &Sweep) -> Result<Report, SweepError> {
        let report = match *sweep {
            Sweep::Due {
                link_id: None,
                until,
            } => self.due(until).await?,
            Sweep::Due {
                link_id: Some(link_id),
                until,
            } => self.due_link(link_id, until).await?,
            Sweep::Links { page } => self.compare_links(page).await?,
            Sweep::Replay { link_id } => self.replay(link_id).await?,
            Sweep::Erased { month, after } => self.erase_again(month, after).await?,
            Sweep::Reread { link_id } => self.reread(link_id).await?,
            Sweep::RereadAll { page, over, from } => self.reread_all(page, over, from).await?,
        };
        let name = sweep.name();
        runtime::count_by(Metric::SweepDone, &Code::lenient(name), self.clock.now());
        tracing::info!(sweep = name, report = ?report, "swept");
        Ok(report)
    }

    pub(crate) fn throttle(&self) -> Throttle {
        Throttle::new(self.config.belvo_requests_per_30_seconds)
    }

    /// How many jobs the queue may take before it holds more than is good for new webhooks.
    pub(crate) async fn room(&self) -> Result<usize, SweepError> {
        let waiting = self.queue.waiting().await?;
        Ok(self.throttle().most_waiting().saturating_sub(waiting))
    }

    /// Puts the jobs on the queue, and says how many those were.
    pub(crate) async fn enqueue(&self, jobs: &[(Job, [u8; 16])]) -> Result<usize, SweepError> {
        self.queue.send_all(jobs).await?;
        Ok(jobs.len())
    }

    /// A page of Belvo's links.
    pub(crate) async fn page(&self, number: u32) -> Result<LinkPage, SweepError> {
        match self.belvo.links(number).await {
            Err(BelvoError::NotFound { .. }) => Err(SweepError::NoSuchPage { page: number }),
            result => Ok(result?),
        }
    }

    /// How many pages so many links fill; without any, an empty one.
    pub(crate) fn pages(&self, links: u64) -> u64 {
        let size = u64::from(self.belvo.page_size().max(1));
        links.div_ceil(size).max(1)
    }
}
