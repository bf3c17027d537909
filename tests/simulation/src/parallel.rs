//! Runs many cases in parallel, each in one thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A case that failed, and why.
#[derive(Clone, Debug)]
pub struct Failure<Case> {
    pub case: Case,
    pub why: String,
}

/// Runs all cases on all cores, and returns the failed ones with their panics, in their order.
/// `ended` is told of each.
pub fn run_all<Case: Clone + Send + Sync>(
    cases: &[Case],
    run: impl AsyncFn(&Case) + Sync,
    ended: impl Fn(&Case, Result<(), &str>) + Sync,
) -> Vec<Failure<Case>> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(cases.len()) {
            let work = || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A failure must not hide the results of the other cases.
                    let result = attempt(async || run(case).await);
                    ended(case, result.as_ref().map(|_| ()).map_err(String::as_str));
                    if let Err(why) = result {
                        let case = case.clone();
                        failed.lock().unwrap().push(Failure { case, why });
                    }
                }
            };
            deep().spawn_scoped(scope, work).unwrap();
        }
    });
    failed.into_inner().unwrap()
}

thread_local! {
    /// Where this thread has panicked.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on no panic is printed; [`attempt`] says where it was.
pub fn be_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        PLACE.set(place.unwrap_or_default());
    }));
}

/// Runs a case in this thread alone, and gives its panic if it fails.
pub fn attempt(case: impl AsyncFnOnce()) -> Result<(), String> {
    let ended = catch_unwind(AssertUnwindSafe(|| run_here(case())));
    ended.map_err(|panic| format!("{}\n{}", PLACE.take(), text(panic.as_ref())))
}

/// Runs a case in a thread of its own.
#[cfg(test)]
pub fn run_one<T: Send>(case: impl AsyncFnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let running = deep().spawn_scoped(scope, || run_here(case())).unwrap();
        let ended = running.join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a case in this thread alone and under a paused clock, so that its tasks interleave in the
/// same order each time.
fn run_here<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(case)
}

/// A thread whose stack holds a function, its clients and the emulators behind them, none of which is
/// optimized in a test.
fn deep() -> std::thread::Builder {
    std::thread::Builder::new().stack_size(32 << 20)
}

fn text(panic: &(dyn Any + Send)) -> String {
    let formatted = panic.downcast_ref::<String>().cloned();
    let plain = || panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    formatted.or_else(plain).unwrap_or_default()
}
