//! The sandbox seen from outside, over real HTTP.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation should stop the test right there"
)]

mod bench;
mod changes;
mod connecting;
mod faults;
mod lifecycle;
mod lists;
mod pages;
mod refusals;
mod schema;
mod token;
mod webhooks;
