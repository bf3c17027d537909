//! The whole data path in one process and under simulated time: webhooks, queue, fetcher, tables,
//! sweeper. Whatever happens at the bank, on the way and to the process, what is stored ends as
//! what Belvo holds.
//!
//! Fetcher and sweeper are the real ones, with their real clients of Belvo and AWS; only the other sides are
//! simulated. Everything that happens is decided by a seed, so a failure can be looked at again:
//!
//! ```text
//! SIMULATION_SEED=17 cargo test -p it one_seed -- --nocapture
//! SIMULATION_SEEDS=2000 cargo test -p it whatever_happens
//! ```
//!
//! | module | is |
//! |---|---|
//! | `world` | the sides put together, and what can be done to them |
//! | `bank` | Belvo's sandbox |
//! | `queue` | a FIFO queue with groups and dead letters |
//! | `aws` | DynamoDB and SQS behind an injected HTTP client |
//! | `sweep` | the sweeper, when it runs |
//! | `crash_points` | the fetcher's calls, numbered; its process stops at any of them |
//! | `time`, `random`, `parallel` | a clock, chance, and many runs side by side |
//! | `compare` | what is stored against what Belvo holds |
//! | `runs` | claim: after any run of events, all is stored |
//! | `crashes` | claim: wherever the process stops, nothing is lost or seen twice |
//! | `erasures` | claim: wherever the process stops, what is to be erased is erased |
//! | `missed_webhooks` | claim: one event is enough, and none costs nothing |
//! | `outages` | claim: whatever Belvo fails with, and for how long, all drains by itself |

mod aws;
mod bank;
mod compare;
mod crash_points;
mod crashes;
mod erasures;
mod missed_webhooks;
mod outages;
mod parallel;
mod queue;
mod random;
mod runs;
mod sweep;
pub mod time;
mod world;

/// Tells how much was tried, also when the test passes and its output is kept back.
fn say(text: &str) {
    use std::io::Write as _;
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}
