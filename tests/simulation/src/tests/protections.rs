//! The simulation notices what is missing: without a protection it fails within 50 seeds, but for
//! three that are named here.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::say;
use crate::History;
use crate::parallel::attempt;
use crate::sides::protection::Protection;

/// One of so many seeds must fail.
const SEEDS: u64 = 50;

/// What these keep from being lost is made up for by the weekly full sync, or is lost only when a
/// request comes in the middle of a job, which no habit makes yet.
const NOT_NOTICED: [Protection; 3] = [
    Protection::PartialFailures,
    Protection::Fence,
    Protection::Checkpoint,
];

#[test]
fn without_a_protection_some_history_fails() {
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let next = || Protection::ALL.get(next.fetch_add(1, Ordering::Relaxed));
                while let Some(without) = next() {
                    match first_red(*without) {
                        Some(red) => say(&format!("without {without:?}, seed {red} fails")),
                        None => missed.lock().unwrap().push(*without),
                    }
                }
            });
        }
    });
    let mut missed = missed.into_inner().unwrap();
    missed.retain(|it| !NOT_NOTICED.contains(it));
    assert!(missed.is_empty(), "nothing fails without {missed:?}");
}

/// The first history that fails without this protection, and holds with it.
fn first_red(without: Protection) -> Option<u64> {
    let holds = |seed: u64, without| {
        let play = async || drop(History::of(seed).play_without(without).await);
        attempt(play).is_ok()
    };
    (0..SEEDS).find(|seed| !holds(*seed, Some(without)) && holds(*seed, None))
}
