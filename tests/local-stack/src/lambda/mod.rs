//! A small Lambda: functions as processes behind the Runtime API.
//!
//! An invocation takes an idle process of its function or starts another one, as Lambda does with
//! its execution environments. Each process has a Runtime API of its own, so that the address alone
//! identifies the process.

mod child;
mod environment;
mod error;
mod instance;
mod output;
mod pool;
mod runtime_api;

pub use self::{
    child::{FunctionMain, child_main, child_main_with},
    error::InvokeError,
};
pub(crate) use self::{
    environment::Surroundings,
    pool::{Functions, Launcher},
};
