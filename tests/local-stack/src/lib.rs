//! The whole system on one machine, booted from the template that is also deployed.
//!
//! [`Stack::start`] reads `template.yaml` ([`template`]), starts emulators of DynamoDB, SQS and
//! Secrets Manager, creates in them what the template describes, and then plays the rest of an
//! account: functions as processes behind the Lambda Runtime API, the HTTP API with its JWT
//! authorizer, the queue that calls the fetcher, the schedules. Belvo is our sandbox, or the real one; the users'
//! identity provider is a development one. The program of this crate adds a page to click through.
//!
//! Nothing is global: a test may run many stacks, each on ports of its own. Its functions are
//! processes of the executable that starts them, so its `main` (or, for a test harness, one test)
//! first calls [`child_main`].
//!
//! A schedule calls its function only if [`StackOptions::schedules`] says so, which the program
//! does unless it is given `--no-schedules`. A test would rather invoke by hand what
//! [`Stack::schedules`] lists. Only `rate(…)` is understood; each schedule runs once at a time, and
//! a run that failed is logged and, unlike in an account, not tried again before the next is due.
//!
//! A function may do what its role allows and nothing else (`gate`); [`Stack::calls`] is what it did, and
//! [`Stack::used`] what of that AWS would bill.
//!
//! What this is not: a judge of throttling or of encryption.
//! And an SQS receive here gives one message of a group at most, where SQS may give several.
//! Start reading at `stack.rs`.

mod aws;
mod background;
mod belvo;
mod deploy;
mod emulators;
mod endpoints;
mod front;
mod gate;
mod gateway;
mod issuer;
mod lambda;
mod log;
mod mapping;
mod meter;
mod options;
mod provision;
mod random;
mod schedule;
mod settle;
mod stack;
pub mod template;

pub use self::{
    deploy::create_tables,
    endpoints::Endpoints,
    gate::Call,
    lambda::{FunctionMain, InvokeError, child_main, child_main_with},
    meter::{Use, Used, What},
    options::{Belvo, StackOptions},
    settle::Unsettled,
    stack::Stack,
};
