//! The simulation notices what is missing: without any one protection it fails within 50 seeds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::say;
use crate::History;
use crate::parallel::attempt;
use crate::sides::protection::Protection;

/// One of so many seeds must fail.
const SEEDS: u64 = 50;

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
    let missed = missed.into_inner().unwrap();
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
