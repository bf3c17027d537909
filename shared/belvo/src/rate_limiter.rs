//! Our share of the requests that Belvo allows.
//!
//! Belvo's gateway turns an address away that sends more than 80 requests in 30 s (error guide,
//! "403 Forbidden"), and that costs everyone behind the address. So each process
//! takes no more than its share, and waits until it has room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The window Belvo's gateway counts in.
pub const WINDOW: Duration = Duration::from_secs(30);

/// A share of Belvo's rate: so many requests in any 30 s.
#[derive(Clone, Debug)]
pub struct RateLimiter(Arc<Share>);

#[derive(Debug)]
struct Share {
    requests: usize,
    recent: Mutex<VecDeque<Instant>>,
    /// Milliseconds that requests have waited.
    waited: AtomicU64,
}

/// Takes the time of requests, without their waiting for room.
pub(crate) struct Stopwatch<'a> {
    share: &'a Share,
    began: Instant,
    waited: u64,
}

impl Stopwatch<'_> {
    pub(crate) fn elapsed(&self) -> Duration {
        let waited = self.share.waited.load(Ordering::Relaxed);
        let waited = Duration::from_millis(waited.saturating_sub(self.waited));
        self.began.elapsed().saturating_sub(waited)
    }
}

impl RateLimiter {
    /// So many requests in any 30 s; at least one.
    pub fn new(requests: usize) -> Self {
        Self(Arc::new(Share {
            requests: requests.max(1),
            recent: Mutex::default(),
            waited: AtomicU64::new(0),
        }))
    }

    /// One of `processes` equal shares of what an address may send.
    pub fn share(requests: usize, processes: usize) -> Self {
        Self::new(requests / processes.max(1))
    }

    /// Waits until one more request fits. Requests go in the order in which they came.
    pub(crate) async fn acquire(&self) {
        let came = Instant::now();
        let mut recent = self.0.recent.lock().await;
        if recent.len() >= self.0.requests
            && let Some(oldest) = recent.front().copied()
        {
            sleep_until(oldest + WINDOW).await;
            recent.pop_front();
        }
        recent.push_back(Instant::now());
        let waited = u64::try_from(came.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.waited.fetch_add(waited, Ordering::Relaxed);
    }

    /// From now on.
    pub(crate) fn stopwatch(&self) -> Stopwatch<'_> {
        Stopwatch {
            share: &self.0,
            began: Instant::now(),
            waited: self.0.waited.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_the_share() {
        let limiter = RateLimiter::share(82, 5);
        let mut turns = Vec::new();
        for _ in 0..100 {
            limiter.acquire().await;
            turns.push(Instant::now());
        }
        for (earlier, later) in turns.iter().zip(turns.iter().skip(16)) {
            assert!(later.duration_since(*earlier) >= WINDOW);
        }
        // And none of the share is wasted: 100 turns are six full windows and a part.
        assert_eq!(turns[99].duration_since(turns[0]), WINDOW * 6);
    }

    #[tokio::test(start_paused = true)]
    async fn every_request_waits_its_turn_repetitions_included() {
        use std::sync::Mutex as SyncMutex;

        use crate::{Belvo, ClientOptions, KeySource, Keys, Transport};

        let times: Arc<SyncMutex<Vec<Instant>>> = Arc::default();
        let noted = Arc::clone(&times);
        let transport = Transport::from_fn(move |_| {
            noted.lock().unwrap().push(Instant::now());
            Box::pin(async {
                let mut answer = http::Response::new(bytes::Bytes::new());
                *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                Ok(answer)
            })
        });
        let keys = Keys::from_json(r#"{"id": "id", "password": "x"}"#).unwrap();
        let keys = KeySource::fixed(keys);
        let options = ClientOptions {
            rate_limiter: RateLimiter::new(6),
            ..ClientOptions::default()
        };
        let belvo = Belvo::new("http://127.0.0.1:1".parse().unwrap(), transport, keys);
        let belvo = belvo.with_options(options);
        for _ in 0..5 {
            assert!(belvo.first_links().await.is_err());
        }
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 20, "each of five, and three repetitions");
        for (earlier, later) in times.iter().zip(times.iter().skip(6)) {
            assert!(later.duration_since(*earlier) >= WINDOW);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_is_never_nothing() {
        let limiter = RateLimiter::share(3, 5);
        let start = Instant::now();
        limiter.acquire().await;
        assert_eq!(Instant::now(), start);
    }
}
