//! How far a sweep is.

use serde::Serialize;
use serde_json::Value;

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
    /// Of a link's webhook log.
    Replay {
        /// Webhooks in the log.
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
