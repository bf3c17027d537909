//! `cargo run -p doctor -- --env production --stack stack.json`: checks whether a stack is ready to
//! go live.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use doctor::{Config, Environment, Evidence, Secrets, Stack};
use url::Url;

/// Checks a stack against Belvo's integration checklist; exits with 1 if an item fails, and with 2
/// if it cannot check at all.
///
/// Secrets come from the environment, each as Secrets Manager holds it: BELVO_SECRET and
/// WEBHOOK_SECRET. INDIVIDUAL_JWT and COMPANY_JWT are access tokens of two test users of your app;
/// with IdentitySource=body, INDIVIDUAL_IDENTIFICATION and COMPANY_IDENTIFICATION say who they are, as
/// in `POST /token`. FOREIGN_JWT, if there is one, is a token of the same issuer that is not for this
/// API: of another audience, or without JwtScope.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The Belvo environment that is to go live
    #[arg(long, value_enum, required_unless_present = "local")]
    env: Option<Environment>,
    /// What `aws cloudformation describe-stacks` prints of the stack
    #[arg(long, value_name = "PATH", conflicts_with = "local")]
    stack: Option<PathBuf>,
    /// Check the local stack that wrote this file
    #[arg(long, value_name = "READY-FILE", conflicts_with = "env")]
    local: Option<PathBuf>,
    /// A parameter or output of the stack, instead of what the file says (repeatable)
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// Another Belvo, on this machine only: for tests
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    belvo_url: Option<Url>,
    /// A sample of your users' ids (the claim ExternalIdClaim), one a line: says which share of them
    /// would be refused
    #[arg(long, value_name = "PATH")]
    user_ids: Option<PathBuf>,
    /// Where the evidence goes
    #[arg(long, value_name = "PATH", default_value = "doctor-evidence.json")]
    evidence: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(evidence) if evidence.is_good() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("doctor: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Evidence> {
    let path = arguments.evidence.clone();
    let evidence = doctor::examine(config(arguments).await?).await?;
    print!("{}", doctor::table(&evidence));
    let written = fs::write(&path, evidence.to_json()? + "\n");
    written.with_context(|| format!("writing {}", path.display()))?;
    println!("The evidence is in {}.", path.display());
    Ok(evidence)
}

async fn config(arguments: Arguments) -> anyhow::Result<Config> {
    let sample = arguments.user_ids.as_ref().map(read).transpose()?;
    let ids = |text: String| text.lines().map(str::to_owned).collect();
    Ok(Config {
        user_ids: sample.map(ids),
        ..subject(arguments).await?
    })
}

async fn subject(arguments: Arguments) -> anyhow::Result<Config> {
    let mut stack = match &arguments.stack {
        Some(path) => {
            Stack::described(&read(path)?).with_context(|| format!("reading {}", path.display()))?
        }
        None => Stack::default(),
    };
    for (name, value) in arguments.parameters {
        stack.set(&name, value)?;
    }
    match (arguments.local, arguments.env) {
        (Some(path), _) => Config::local(&read(&path)?, stack)
            .await
            .with_context(|| format!("reading {}", path.display())),
        (None, Some(environment)) => {
            let secrets = Secrets::from_env(|name| std::env::var(name).ok())?;
            Config::deployed(environment, stack, secrets, arguments.belvo_url)
        }
        (None, None) => anyhow::bail!("either --env or --local is required"),
    }
}

fn read(path: &PathBuf) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
