//! Runs a Belvo sandbox until Ctrl-C.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use belvo_sandbox::{Config, Sandbox, WebhookTarget};
use clap::Parser;

/// A Belvo to develop against.
#[derive(Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// secretId that callers must use.
    #[arg(long, default_value = "sandbox-id")]
    secret_id: String,
    /// secretPassword that callers must use.
    #[arg(long, default_value = "sandbox-password")]
    secret_password: String,
    /// Where webhooks go.
    #[arg(long)]
    webhook_url: Option<String>,
    /// Their Authorization header, for example "Basic …".
    #[arg(long, requires = "webhook_url")]
    webhook_authorization: Option<String>,
    /// What all data follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    let authorization = options.webhook_authorization;
    let sandbox = Sandbox::start(Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)),
        secret_id: options.secret_id,
        secret_password: options.secret_password,
        seed: options.seed,
        webhook: options
            .webhook_url
            .map(|url| WebhookTarget { url, authorization }),
    })
    .await?;
    println!("{}", sandbox.url());
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}
