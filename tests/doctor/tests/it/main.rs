//! The program as its users start it, against a stack that runs.

// Everything here is test code; clippy recognizes only the functions marked as tests.
#![allow(clippy::unwrap_used)]

mod deployed;
mod faults;
mod local;
mod pages;
mod world;

/// Plays a function when a stack starts this executable for one; by itself it is nothing.
#[test]
fn functions() {
    if let Some(result) = local_stack::child_main() {
        result.unwrap();
    }
}
