//! The local stack, tested through its ports.
//!
//! The stacks here run a small template whose functions are in this binary: their processes run the
//! test called `functions`.

// Everything here is test code; clippy recognizes only the functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod deployment;
mod emulators;
mod front;
mod functions;
mod gateway;
mod mapping;
mod outside;
mod process;
mod program;
mod runtime;
mod schedules;
mod world;

/// Not a test of its own: a stack starts this binary with this test alone, as a function.
#[test]
fn functions() {
    if let Some(result) = local_stack::child_main_with(functions::ALL) {
        result.unwrap();
    }
}
