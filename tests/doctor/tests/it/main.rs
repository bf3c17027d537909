//! The program as an operator starts it, against a running stack.

// Everything here is test code; clippy recognizes only the functions marked as tests.
#![allow(clippy::unwrap_used)]

mod deployed;
mod faults;
mod local;
mod pages;
mod world;

/// Runs a function when a stack starts this executable for one; otherwise it does nothing.
#[test]
fn functions() {
    if let Some(result) = local_stack::child_main() {
        result.unwrap();
    }
}
