//! The check before going live: Belvo's integration checklist, against a stack that runs.
//!
//! It looks at the stack as apps, browsers and Belvo do, over HTTP and with what its operator knows:
//! [`Stack`] is what CloudFormation says of it, [`Secrets`] what must be presented to it. Of every
//! item of the list it says whether it is met, what was seen, or who has to look.
//!
//! It changes nothing but the attempts it makes as two test users, one token each. It reads the list
//! of links of one of them, and nothing of anybody else. Neither what it prints nor its evidence holds
//! a secret, a token or a document.
//!
//! Start reading at `checklist.rs`.

mod checklist;
mod checks;
mod config;
mod evidence;
mod local;
mod outside;
mod row;
mod secrets;
mod stack;
mod table;

pub use self::{
    config::{Config, Environment},
    evidence::Evidence,
    row::{Row, Verdict},
    secrets::{Secrets, TestUser},
    stack::Stack,
    table::table,
};

use self::outside::Outside;

/// What is checked, and the way to it.
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) outside: Outside,
}

/// Checks everything, one after the other.
pub async fn examine(config: Config) -> anyhow::Result<Evidence> {
    let environment = config.environment;
    let time = jiff::Timestamp::now();
    let outside = Outside::new(config.on_this_machine)?;
    let site = Site { config, outside };
    let rows = checklist::examine(&site).await;
    Ok(Evidence::new(
        time,
        environment,
        rows,
        site.outside.into_calls(),
    ))
}
