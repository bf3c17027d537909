//! Tests of the sandbox from outside, over HTTP.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation should stop the test right there"
)]

mod bench;
mod changes;
mod connecting;
mod drift;
mod faults;
mod keys;
mod lifecycle;
mod lists;
mod objects;
mod pages;
mod python_client;
mod refusals;
mod repeating;
mod schema;
mod token;
mod vanishing;
mod webhooks;
