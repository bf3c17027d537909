//! The whole system on one machine, started from the template that is also deployed.
//!
//! [`Stack::start`] reads `template.yaml` ([`template`]), starts emulators of DynamoDB, SQS and
//! Secrets Manager, and creates the template's resources in them. It then simulates the rest of an
//! account: functions as processes behind the Lambda Runtime API, the HTTP API with its JWT
//! authorizer, the queue that invokes the fetcher, the schedules. Belvo is our sandbox or the real
//! one; the identity provider is a development one. The program of this crate adds a page to click
//! through.
//!
//! There is no global state: a test may run many stacks, each on ports of its own. Their functions
//! are processes of the executable that starts them, so its `main` (or, for a test harness, one
//! test) first calls [`child_main`].
//!
//! A schedule invokes its function only with [`StackOptions::schedules`], which the program sets
//! unless it is given `--no-schedules`. A test usually invokes the functions listed by
//! [`Stack::schedules`] itself. Only `rate(…)` is supported. A schedule runs once at a time; a
//! failed run is logged and, unlike in an account, not retried before the next one is due.
//!
//! A function may do exactly what its role allows (`gate`). [`Stack::calls`] lists its calls, and
//! [`Stack::used`] the units that AWS would bill.
//!
//! The stack tests neither throttling nor encryption. An SQS receive here returns at most one
//! message of a group, where SQS may return several.
//!
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
    deploy::{create_tables, described},
    endpoints::Endpoints,
    gate::Call,
    gateway::{Doorway, Entrance},
    lambda::{FunctionMain, InvokeError, child_main, child_main_with},
    meter::{Use, Used, What},
    options::{Belvo, StackOptions},
    settle::Unsettled,
    stack::Stack,
};
