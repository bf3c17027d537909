//! Runs many cases in parallel, each in one thread.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The memory of test machines allows no more.
const MOST_THREADS: usize = 4;

/// Runs all cases, and returns the failed ones with their panics.
pub fn run_all<Case, Ended>(cases: Range<u64>, case: Case) -> Vec<(u64, String)>
where
    Case: Fn(u64) -> Ended + Sync,
    Ended: Future<Output = ()>,
{
    let next = AtomicU64::new(cases.start);
    let failed = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(MOST_THREADS) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !cases.contains(&number) {
                        return;
                    }
                    // A failure must not hide the results of the other cases.
                    let ended = catch_unwind(AssertUnwindSafe(|| run_one(case(number))));
                    if let Err(panic) = ended {
                        failed.lock().unwrap().push((number, text(panic.as_ref())));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    failed
}

/// Runs a case in this thread alone and under a paused clock, so that its tasks interleave in the
/// same order each time.
pub fn run_one(case: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(case);
}

fn text(panic: &(dyn Any + Send)) -> String {
    let formatted = panic.downcast_ref::<String>().cloned();
    let plain = || panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    formatted.or_else(plain).unwrap_or_default()
}
