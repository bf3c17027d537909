//! DynamoDB, SQS and Secrets Manager, each on a free port of this machine.
//!
//! Two differences between the SQS emulator and an account: one receive returns at most one message
//! of a group (SQS may return several, in order), which batches of one job cannot tell; and the messages are in memory, so a queue ends with the stack even with a data folder.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use dynoxide::Database;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustack_secretsmanager_core::{
    config::SecretsManagerConfig, handler::RustackSecretsManagerHandler,
    provider::RustackSecretsManager,
};
use rustack_secretsmanager_http::service::{SecretsManagerHttpConfig, SecretsManagerHttpService};
use rustack_sqs_core::{config::SqsConfig, handler::RustackSqsHandler, provider::RustackSqs};
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

use crate::aws::{ACCOUNT_ID, REGION};

/// The time DynamoDB has to finish running requests when it is stopped.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The running emulators.
#[derive(Debug)]
pub(crate) struct Emulators {
    pub(crate) dynamodb_url: String,
    pub(crate) sqs_url: String,
    pub(crate) secretsmanager_url: String,
    stop_dynamodb: oneshot::Sender<()>,
    dynamodb: JoinHandle<Result<(), String>>,
    // Aborted when dropped.
    _servers: JoinSet<()>,
}

impl Emulators {
    /// Starts all three. With a folder, DynamoDB keeps its tables there.
    pub(crate) async fn start(data_dir: Option<&Path>) -> anyhow::Result<Emulators> {
        let (dynamodb_listener, dynamodb_address) = listen().await?;
        let (sqs_listener, sqs_address) = listen().await?;
        let (secrets_listener, secrets_address) = listen().await?;

        let database = database(data_dir)?;
        let (stop_dynamodb, stopped) = oneshot::channel();
        let dynamodb = tokio::spawn(dynoxide::server::serve_with_shutdown(
            dynamodb_listener,
            database,
            async move {
                // Dropping the sender stops the server as well.
                stopped.await.ok();
            },
        ));

        let mut servers = JoinSet::new();
        servers.spawn(serve(sqs_listener, sqs(sqs_address)));
        servers.spawn(serve(secrets_listener, secrets_manager()));

        Ok(Emulators {
            dynamodb_url: format!("http://{dynamodb_address}"),
            sqs_url: format!("http://{sqs_address}"),
            secretsmanager_url: format!("http://{secrets_address}"),
            stop_dynamodb,
            dynamodb,
            _servers: servers,
        })
    }

    /// Stops them. Tables in a folder are complete on disk afterwards.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop_dynamodb.send(()).ok();
        match tokio::time::timeout(STOP_LIMIT, self.dynamodb).await {
            Ok(finished) => finished
                .context("dynamodb crashed")?
                .map_err(|error| anyhow!(error)),
            // A client may still hold a connection open; SQLite has committed every answered write.
            Err(_) => Ok(()),
        }
    }
}

/// Binds a free port of this machine.
pub(crate) async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn database(data_dir: Option<&Path>) -> anyhow::Result<Database> {
    let Some(folder) = data_dir else {
        return Database::memory().context("opening a database in memory");
    };
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let file = folder.join("dynamodb.sqlite");
    let path = file
        .to_str()
        .with_context(|| format!("{} is not a path in UTF-8", file.display()))?;
    Database::new(path).with_context(|| format!("opening {path}"))
}

fn sqs(address: SocketAddr) -> SqsHttpService<RustackSqsHandler> {
    let provider = RustackSqs::new(SqsConfig {
        skip_signature_validation: true,
        default_region: REGION.to_owned(),
        account_id: ACCOUNT_ID.to_owned(),
        host: address.ip().to_string(),
        port: address.port(),
    });
    SqsHttpService::new(
        Arc::new(RustackSqsHandler::new(Arc::new(provider))),
        SqsHttpConfig {
            region: REGION.to_owned(),
            ..SqsHttpConfig::default()
        },
    )
}

fn secrets_manager() -> SecretsManagerHttpService<RustackSecretsManagerHandler> {
    let provider = RustackSecretsManager::new(SecretsManagerConfig {
        skip_signature_validation: true,
        default_region: REGION.to_owned(),
        default_account_id: ACCOUNT_ID.to_owned(),
    });
    SecretsManagerHttpService::new(
        Arc::new(RustackSecretsManagerHandler::new(Arc::new(provider))),
        SecretsManagerHttpConfig {
            region: REGION.to_owned(),
            ..SecretsManagerHttpConfig::default()
        },
    )
}

/// Serves connections until it is dropped, and with it every connection.
async fn serve<S, B>(listener: TcpListener, service: S)
where
    S: hyper::service::Service<http::Request<hyper::body::Incoming>, Response = http::Response<B>>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it began affects only its client.
                let Ok((stream, _)) = accepted else { continue };
                // Small responses must not wait for the client's acknowledgement.
                stream.set_nodelay(true).ok();
                let service = service.clone();
                connections.spawn(async move {
                    let connection = auto::Builder::new(TokioExecutor::new());
                    // A client may close its connection in any way.
                    connection.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
