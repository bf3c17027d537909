//! What the sweeper works with, and why a sweep may fail.

use std::collections::HashSet;

use belvo::{Belvo, BelvoError, LinkPage, PageSize};
use domain::Job;
use queue::{JobQueue, QueueError};
use runtime::{Clock, Metric, NoRandomness, Randomness};
use store::{ConnectionStore, LinkStore, StoreError};

use crate::config::Config;
use crate::request::InvalidRequest;
use crate::throttle::Throttle;

/// Pages behind the last one by Belvo's count that are read at once.
const MOST_UNCOUNTED: usize = 100;

/// Queues links that are due, and links with news that no webhook told of.
#[derive(Debug)]
pub struct Sweeper {
    pub config: Config,
    pub belvo: Belvo,
    /// Links and their webhook log, which are only read.
    pub links: LinkStore,
    /// Receipts of erasures, which are only read.
    pub connections: ConnectionStore,
    pub queue: JobQueue,
    pub clock: Clock,
    pub randomness: Randomness,
}

/// Why a sweep came to nothing. The next one makes up for it.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Event(#[from] InvalidRequest),
    /// Belvo's list of links is shorter.
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
    /// The error's name, for the operator who invokes the function.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "InvalidEvent",
            Self::NoSuchPage { .. } => "NoSuchPage",
            Self::Belvo(_) => "BelvoFailed",
            Self::Store(_) => "TableFailed",
            Self::Queue(_) => "QueueFailed",
            Self::Randomness(_) => "NoRandomness",
        }
    }

    /// What counts it. Everything else is counted by Lambda, as an error of the function.
    pub(crate) fn metric(&self) -> Option<Metric> {
        match self {
            Self::Belvo(BelvoError::AuthenticationFailed { .. } | BelvoError::Keys(_)) => {
                Some(Metric::BelvoAuthenticationFailed)
            }
            Self::Belvo(_) => Some(Metric::BelvoFailed),
            Self::Event(_)
            | Self::NoSuchPage { .. }
            | Self::Store(_)
            | Self::Queue(_)
            | Self::Randomness(_) => None,
        }
    }
}

impl Sweeper {
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

    /// Begins to read Belvo's links.
    pub(crate) async fn links_at_belvo(&self) -> Result<LinkPages, SweepError> {
        Ok(LinkPages::new(self.belvo.first_links().await?))
    }

    /// Reads a page of them and, if it is the last one by Belvo's count, all that is behind it: the
    /// count is a hint, and that there is no more, Belvo says itself.
    pub(crate) async fn page_and_rest(
        &self,
        pages: LinkPages,
        number: u32,
    ) -> Result<LinkPage, SweepError> {
        let (last, size) = (pages.count(), pages.size);
        let mut page = self.page(pages, number).await?;
        if u64::from(number) < last {
            return Ok(page);
        }
        let mut seen: HashSet<_> = page.links.iter().map(|it| it.id).collect();
        for number in (number.saturating_add(1)..).take(MOST_UNCOUNTED) {
            if !page.has_next {
                break;
            }
            let next = match self.belvo.links(number, size).await {
                // Belvo's answer for a page after the last one.
                Err(BelvoError::NotFound { .. }) => break,
                next => next?,
            };
            // A list that goes on with what it has given has ended, whatever it says.
            let news = next.links.iter().filter(|it| seen.insert(it.id));
            page.has_next = news.count() > 0 && next.has_next;
            page.links.extend(next.links);
        }
        Ok(page)
    }

    /// Reads a page of them.
    pub(crate) async fn page(&self, pages: LinkPages, number: u32) -> Result<LinkPage, SweepError> {
        if number == 1 {
            return Ok(pages.first);
        }
        match self.belvo.links(number, pages.size).await {
            Err(BelvoError::NotFound { .. }) => Err(SweepError::NoSuchPage { page: number }),
            result => Ok(result?),
        }
    }
}

/// How Belvo's links are divided into pages.
pub(crate) struct LinkPages {
    pub(crate) first: LinkPage,
    /// How many links a page has: what came of the size that was asked for.
    pub(crate) size: PageSize,
}

impl LinkPages {
    fn new(first: LinkPage) -> Self {
        let came = u32::try_from(first.links.len()).unwrap_or(u32::MAX);
        let size = match first.has_next && came > 0 {
            true => PageSize::of(came),
            false => first.size,
        };
        Self { first, size }
    }

    /// The same links in pages of so many.
    pub(crate) fn in_pages_of(self, size: Option<u32>) -> Self {
        let size = size.map_or(self.size, PageSize::of);
        Self { size, ..self }
    }

    /// How many pages there are, as far as Belvo's count can be believed. Without any link there is
    /// one empty page.
    pub(crate) fn count(&self) -> u64 {
        let least = 1 + u64::from(self.first.has_next);
        let size = u64::from(self.size.rows());
        self.first.count.div_ceil(size).max(least)
    }
}
