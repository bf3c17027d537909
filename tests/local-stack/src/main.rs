//! `cargo run -p local-stack`: the whole system on this machine, with a page to click through.

mod env_file;
mod files;

use std::{collections::BTreeMap, io, net::Ipv4Addr, path::PathBuf};

use clap::Parser;
use local_stack::{Belvo, Stack, StackOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::files::Files;

/// The page's port, unless it is taken.
const USUAL_PORT: u16 = 8080;

/// The whole Belvo back end on this machine, against a simulated Belvo.
///
/// Functions with a schedule are called by the clock: `rate(1 minute)` means a minute after the start.
///
/// With BELVO_SECRET_ID and BELVO_SECRET_PASSWORD in the environment it uses Belvo's own sandbox.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port of the page and the API [default: 8080, or a free one if that is taken]
    #[arg(long)]
    port: Option<u16>,
    /// Keep the tables in this folder between runs
    #[arg(long, value_name = "PATH")]
    data_dir: Option<PathBuf>,
    /// Write all addresses to this file, as JSON, once everything answers
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Write the functions' variables to this file, for `cargo lambda watch --env-file PATH`
    ///
    /// Functions started with them use the tables, the queue, the secrets and the Belvo of this
    /// stack. They are let to do anything there: roles are enforced only for the stack's own.
    #[arg(long, value_name = "PATH")]
    env_file: Option<PathBuf>,
    /// Where the API is reached from outside, if something forwards to it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The Authorization value agreed with Belvo for its webhooks [default: a new one]
    #[arg(long, value_name = "VALUE")]
    webhook_authorization: Option<String>,
    /// Seed of the simulated Belvo's people and data
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Call no function by its schedule
    #[arg(long)]
    no_schedules: bool,
    /// Set a template parameter, for example OwnerCheck=warn (repeatable)
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// Set a variable of the functions (repeatable)
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,
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
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let files = Files {
        env: arguments.env_file.clone(),
        ready: arguments.ready_file.clone(),
    };
    let stack = tokio::select! {
        stack = start(arguments) => stack?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    files.write(&stack)?;
    greet(&stack);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("Stopping…");
    files.remove();
    stack.stop().await?;
    Ok(())
}

async fn start(arguments: Arguments) -> anyhow::Result<Stack> {
    let stack = Stack::start(StackOptions {
        port: Some(port(arguments.port)?),
        data_dir: arguments.data_dir,
        parameters: BTreeMap::from_iter(arguments.parameters),
        variables: BTreeMap::from_iter(arguments.variables),
        belvo: belvo(arguments.seed),
        public_url: arguments.public_url,
        webhook_authorization: arguments.webhook_authorization,
        schedules: !arguments.no_schedules,
        print_log: true,
        ..StackOptions::default()
    })
    .await?;
    stack.warm_up().await?;
    Ok(stack)
}

/// The requested port, the usual one, or 0 for a free one.
fn port(asked: Option<u16>) -> io::Result<u16> {
    if let Some(port) = asked {
        return Ok(port);
    }
    match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)) {
        Ok(_) => Ok(USUAL_PORT),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(0),
        Err(error) => Err(error),
    }
}

fn belvo(seed: u64) -> Belvo {
    let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (given("BELVO_SECRET_ID"), given("BELVO_SECRET_PASSWORD")) {
        (Some(secret_id), Some(secret_password)) => Belvo::Real {
            secret_id,
            secret_password,
        },
        (_, _) => Belvo::Sandbox { seed },
    }
}

fn greet(stack: &Stack) {
    let endpoints = stack.endpoints();
    println!("{}", endpoints.api_url);
    println!("  API and page   {}", endpoints.api_url);
    println!("  Belvo          {}", endpoints.belvo_url);
    println!("  JWT issuer     {}", endpoints.issuer_url);
    println!("  DynamoDB       {}", endpoints.dynamodb_url);
    println!("  SQS            {}", endpoints.sqs_url);
    if stack.sandbox().is_none() {
        println!(
            "This is Belvo's own sandbox. For its webhooks, expose the API with a tunnel of your choice"
        );
        println!(
            "(for example: cloudflared tunnel --url {}), start again with",
            endpoints.api_url
        );
        println!(
            "--public-url and that address, and register {{public url}}/webhook at Belvo's dashboard"
        );
        println!(
            "with this Authorization header (--webhook-authorization keeps it for the next run):"
        );
        println!("  {}", endpoints.webhook_authorization);
    }
    println!("Ctrl-C stops everything.");
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
