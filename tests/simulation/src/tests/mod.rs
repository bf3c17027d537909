//! What the simulation shows.

mod awaits;
mod crowd;
mod histories;
mod interleavings;
mod jobs;
mod missed_webhooks;
mod outages;
mod protections;
mod repeatable;
mod seeds;

/// Prints numbers, even if the test passes and its output is captured.
fn say(text: &str) {
    use std::io::Write as _;
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}
