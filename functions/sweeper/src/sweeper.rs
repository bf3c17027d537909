//! Dispatch of a request to its sweep, the report, and what the sweeps share.

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

/// Queues links that are due, and links with news that no webhook told of.
#[derive(Debug)]
pub struct Sweeper {
    pub config: Config,
    pub belvo: Belvo,
    /// Links and their data, which are only read.
    pub resources: ResourceStore,
    /// Receipts of erasures, which are only read.
    pub connections: ConnectionStore,
    pub queue: JobQueue,
    pub clock: Clock,
    pub randomness: Randomness,
}

/// The sweeper's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Report {
    Due {
        /// Links that are due.
        due: u64,
        /// Jobs that were queued.
        enqueued: usize,
    },
    Links {
        page: u32,
        pages: u64,
        /// All links at Belvo.
        links: u64,
        /// Links of this page with news.
        seen: usize,
        /// Jobs that were queued. They are fewer if the queue is long already.
        enqueued: usize,
    },
    Replay {
        /// Webhooks in the link's log.
        events: usize,
        /// Jobs that were queued. Equal webhooks count once.
        enqueued: usize,
    },
    Erased {
        /// Links and users that were erased in the month.
        erased: usize,
        /// Jobs that were queued.
        enqueued: usize,
        /// The request that continues; null after the last erasure.
        next: Option<Value>,
    },
    Reread {
        /// 1 if LINK exists, otherwise 0.
        links: usize,
        /// Jobs that were queued.
        enqueued: usize,
    },
    RereadAll {
        page: u32,
        pages: u64,
        /// All links at Belvo.
        links: u64,
        /// Jobs that were queued: the links of this page of which LINK exists.
        enqueued: usize,
        /// The request for the next page; null after the last one.
        next: Option<Value>,
    },
}

/// Why a sweep failed. The next sweep makes up for it.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// Belvo's list of links has fewer pages.
    #[error("belvo's list of links has no page {page}")]
    NoSuchPage { page: u32 },
    #[error("belvo failed")]
    Belvo(#[from] BelvoError),
    #[error("the table failed")]
    Store(#[from] StoreError),
    /// Some of the jobs may be on the queue.
    #[error("the queue failed")]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl SweepError {
    /// The error's name in Lambda's answer. Operators' scripts may know it, so it stays.
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

    /// The metric of a failure of Belvo. Lambda counts all others, as errors of the function.
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
    /// Does one sweep and reports it.
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

    /// How many jobs a sweep may add, so that the jobs of new webhooks do not wait behind them.
    pub(crate) async fn room(&self) -> Result<usize, SweepError> {
        let waiting = self.queue.waiting().await?;
        Ok(self.throttle().most_waiting().saturating_sub(waiting))
    }

    /// Queues the jobs, and gives their number.
    pub(crate) async fn enqueue(&self, jobs: &[(Job, [u8; 16])]) -> Result<usize, SweepError> {
        self.queue.send_all(jobs).await?;
        Ok(jobs.len())
    }

    /// Reads a page of Belvo's links.
    pub(crate) async fn page(&self, number: u32) -> Result<LinkPage, SweepError> {
        match self.belvo.links(number).await {
            Err(BelvoError::NotFound { .. }) => Err(SweepError::NoSuchPage { page: number }),
            result => Ok(result?),
        }
    }

    /// How many pages so many links fill. Without any link there is one empty page.
    pub(crate) fn pages(&self, links: u64) -> u64 {
        let size = u64::from(self.belvo.page_size().max(1));
        links.div_ceil(size).max(1)
    }
}
