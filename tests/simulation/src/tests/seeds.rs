//! Any history ends with all data stored.

use std::sync::atomic::{AtomicU64, Ordering};

use super::say;
use crate::parallel::run_all;
use crate::{History, shrink};

/// The seeds of a usual test run.
const SEEDS: u64 = 200;

#[test]
fn any_history_ends_with_all_data_stored() {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    let (calls, broken) = (AtomicU64::new(0), AtomicU64::new(0));
    let (heard, standing) = (AtomicU64::new(0), AtomicU64::new(0));
    let run = async |seed: &u64| {
        let world = History::of(*seed).play().await;
        let counts = world.network.counts();
        heard.fetch_add(world.heard.0, Ordering::Relaxed);
        standing.fetch_add(world.heard.1, Ordering::Relaxed);
        calls.fetch_add(counts.calls, Ordering::Relaxed);
        broken.fetch_add(counts.failed, Ordering::Relaxed);
    };
    let failed = run_all(&seeds, run, |_, _| {});
    let (calls, broken) = (calls.into_inner(), broken.into_inner());
    say(&format!(
        "{SEEDS} seeds, {calls} calls, of which {broken} failed"
    ));
    let (heard, standing) = (heard.into_inner(), standing.into_inner());
    say(&format!(
        "{heard} of {standing} links were compared soon after the end"
    ));
    let Some(first) = failed.first() else {
        return;
    };
    let red: Vec<u64> = failed.iter().map(|it| it.case).collect();
    let history = History::of(first.case);
    let fails = |it: &History| crate::attempt(async || drop(it.play().await)).is_err();
    let shortest = shrink(&history, fails);
    panic!(
        "failed with seeds {red:?}: {}\nthe shortest history that fails:\n{shortest}\nagain: \
         cargo run -p simulation -- seed {}",
        first.why, first.case
    );
}
