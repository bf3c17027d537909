//! The check before going live: Belvo's integration checklist, against a stack that runs.
//!
//! It sees the stack as apps, browsers and Belvo do, over HTTP, and with its operator's knowledge:
//! [`Stack`] holds CloudFormation's parameters and outputs, [`Secrets`] the secrets to present. For
//! every item of the list it gives a verdict with its observation, or names the person who must
//! check.
//!
//! It changes nothing except the attempts it makes as two test users, one token each. It reads only
//! the links of one of them. Neither its output nor its evidence holds a secret, a token or a
//! document.
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

/// The subject of a check, and the client that reaches it.
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) outside: Outside,
}

/// Checks everything, one item after the other.
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
