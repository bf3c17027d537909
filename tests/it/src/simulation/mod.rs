//! The whole data path in one process, in one thread and under simulated time: webhooks, queue,
//! fetcher, tables, sweeper. Whatever events happen at the bank, in transit, to the process and to
//! AWS, the stored data ends equal to Belvo's.
//!
//! Fetcher and sweeper are the real ones, with their real clients of Belvo and AWS; only the other
//! sides are simulated. A seed decides all events, so that a failure can be repeated:
//!
//! ```text
//! SIMULATION_SEED=17 cargo test -p it one_seed -- --nocapture
//! SIMULATION_SEEDS=2000 cargo test -p it any_run_of_events
//! ```
//!
//! | module | content |
//! |---|---|
//! | `world` | all sides together, and the actions on them |
//! | `bank` | Belvo's sandbox |
//! | `queue` | a FIFO queue with groups and dead letters |
//! | `aws` | DynamoDB and SQS behind an injected HTTP client |
//! | `sweep` | the sweeper, and the time of its next work |
//! | `crash_points` | the fetcher's calls, numbered: the stop at any of them, and the weather in which they fail |
//! | `time`, `random`, `parallel` | a clock, seeded randomness, and parallel runs |
//! | `compare` | the comparison of the stored data with Belvo's |
//! | `runs` | claim: after any run of events, all data is stored |
//! | `crashes` | claim: after a stop at any call, no row is lost or found twice |
//! | `erasures` | claim: after a stop at any call, an erasure completes |
//! | `missed_webhooks` | claim: one webhook makes up for missed ones, and an unchanged sync writes no row |
//! | `outages` | claim: after an outage of Belvo of any kind and length, all work completes by itself |

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

/// Prints the number of cases, even if the test passes and its output is captured.
fn say(text: &str) {
    use std::io::Write as _;
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}
