//! Plays histories, and shortens those that fail. It reports on the standard error, because the
//! functions write their metrics to the standard output.

use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Parser, Subcommand};
use simulation::{Failure, History, attempt, be_quiet, run_all, shrink};

#[derive(Parser)]
#[command(about = "Plays histories of the whole system under simulated time")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Plays the seeds from `first` on, `count` of them, on all cores.
    Seeds { first: u64, count: u64 },
    /// Plays one seed.
    Seed { seed: u64 },
    /// Plays the history in a file.
    History { file: std::path::PathBuf },
}

fn main() {
    be_quiet();
    let failed = match Arguments::parse().what {
        What::Seeds { first, count } => seeds(first, count),
        What::Seed { seed } => one(&History::of(seed)),
        What::History { file } => {
            let text = std::fs::read_to_string(&file);
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            one(&serde_json::from_str(&text).unwrap_or_else(|error| panic!("no history: {error}")))
        }
    };
    if failed {
        std::process::exit(1);
    }
}

/// Prints a line for each hundred, and each failure at once: a run that is stopped can be continued
/// behind the last line.
fn seeds(first: u64, count: u64) -> bool {
    let seeds: Vec<u64> = (first..first.saturating_add(count)).collect();
    let done = AtomicU64::new(0);
    let ended = |seed: &u64, result: Result<(), &str>| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Err(why) = result {
            let lines: Vec<&str> = why.lines().collect();
            let last = lines.len().saturating_sub(2);
            eprintln!("seed {seed} fails: {}", lines[last..].join(": "));
        }
        if done.is_multiple_of(100) || done == count {
            eprintln!("{done} of {count}");
        }
    };
    let failed = run_all(
        &seeds,
        async |seed| drop(History::of(*seed).play().await),
        ended,
    );
    let red: Vec<u64> = failed.iter().map(|it| it.case).collect();
    eprintln!(
        "{count} seeds from {first} on, {} failed: {red:?}",
        red.len()
    );
    if let Some(Failure { case, .. }) = failed.first() {
        eprintln!("again: cargo run -p simulation -- seed {case}");
    }
    !red.is_empty()
}

fn one(history: &History) -> bool {
    let Err(why) = play(history) else {
        eprintln!("it holds");
        return false;
    };
    eprintln!("{why}\n\nshortening …");
    let shortest = shrink(history, |it| play(it).is_err());
    let why = play(&shortest).err().unwrap_or_default();
    eprintln!("{why}\n\nthe shortest history that fails:\n{shortest}");
    true
}

fn play(history: &History) -> Result<(), String> {
    attempt(async || drop(history.play().await))
}
