//! `cargo run -p browser`: a user's walk through the page, in a real browser.
//!
//! It starts the local stack, drives Chromium through chromedriver, and fails when the user would
//! see something wrong. `.ci/browser` installs both where they are missing. `cargo test` runs no
//! test of this crate, because some machines have no browser.
//!
//! `page` has a user's actions, `sandbox` the events at the bank, `walk` the steps in order.

mod chromium;
mod page;
mod sandbox;
mod walk;

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use local_stack::{Stack, StackOptions};

use self::{chromium::Chromium, page::Page, sandbox::Sandbox};

/// Walks through the local stack's page in Chromium, as a user would.
#[derive(Parser)]
struct Arguments {
    /// Write a picture of each state into this folder
    #[arg(long, value_name = "PATH")]
    screenshots: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    if let Some(result) = local_stack::child_main() {
        return result;
    }
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some(folder) = &arguments.screenshots {
        std::fs::create_dir_all(folder).context("making the folder of the pictures")?;
    }
    let stack = Stack::start(StackOptions::default()).await?;
    stack.warm_up().await?;
    let chromium = Chromium::start().await?;
    let page = Page::open(&chromium, &stack.endpoints().api_url, arguments.screenshots).await?;
    let sandbox = Sandbox::new(&stack.endpoints().belvo_url);
    let walked = walk::walk(&page, &sandbox, &stack, &chromium).await;
    if walked.is_err() {
        eprintln!("{}", page.describe().await);
    }
    page.close().await?;
    chromium.stop().await?;
    let log = stack.stop().await?;
    if walked.is_err() {
        eprintln!(
            "The stack's last lines:\n{}",
            log[log.len().saturating_sub(20)..].join("\n")
        );
    }
    walked
}
