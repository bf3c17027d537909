//! AWS clients that talk to this machine only.
//!
//! The emulators are called through the real SDK, as the functions call them, so that the tests
//! include the SDK's own work (signing, checksums, retries).

use anyhow::{Context, anyhow};
use aws_sdk_dynamodb::config::{Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

/// The region of all resources, which is the one for customers in Brazil.
pub(crate) const REGION: &str = "sa-east-1";
/// The account of all resources.
pub(crate) const ACCOUNT_ID: &str = "000000000000";
/// Access key and secret key of every caller; the emulators check neither.
pub(crate) const CREDENTIALS: &str = "test";

/// Clients of the three emulated services.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
}

impl Clients {
    /// Clients of the services at these addresses. Nothing is read from the environment.
    pub(crate) fn new(
        dynamodb_url: &str,
        sqs_url: &str,
        secretsmanager_url: &str,
    ) -> anyhow::Result<Clients> {
        let http = http_client()?;
        let credentials = Credentials::new(CREDENTIALS, CREDENTIALS, None, None, "local-stack");
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials.clone())
            .http_client(http.clone())
            .endpoint_url(dynamodb_url)
            .build();
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials.clone())
            .http_client(http.clone())
            .endpoint_url(sqs_url)
            .build();
        let secrets = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials)
            .http_client(http)
            .endpoint_url(secretsmanager_url)
            .build();
        Ok(Clients {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            sqs: aws_sdk_sqs::Client::from_conf(sqs),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets),
        })
    }
}

/// An HTTP client that trusts no certificate: it only connects to this machine, and loading the
/// system's certificates would take longer than starting the emulators.
fn http_client() -> anyhow::Result<SharedHttpClient> {
    let no_certificates = TlsContext::builder()
        .with_trust_store(TrustStore::empty())
        .build()
        .map_err(|error| anyhow!(error))
        .context("building the AWS HTTP client")?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(no_certificates)
        .build_https())
}
