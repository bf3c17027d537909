//! Where everything is.

use serde::Serialize;

/// Where everything is; also the content of the ready file.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoints {
    /// Our HTTP API, and the page.
    pub api_url: String,
    /// The `Authorization` value Belvo sends with webhooks.
    pub webhook_authorization: String,
    /// The development identity provider.
    pub issuer_url: String,
    /// Belvo's API.
    pub belvo_url: String,
    /// DynamoDB.
    pub dynamodb_url: String,
    /// SQS.
    pub sqs_url: String,
    /// Secrets Manager.
    pub secretsmanager_url: String,
    /// The region all of these pretend to be in.
    pub region: String,
    /// The table with links, their consents and their webhook log.
    pub link_table: String,
    /// The table with what banks hold of users.
    pub resource_table: String,
    /// The table with the attempts to connect.
    pub connection_table: String,
    /// The queue of jobs.
    pub queue_url: String,
    /// Where jobs end that failed too often.
    pub dead_letter_queue_url: String,
    /// The Belvo sandbox's own key; the real Belvo's is not repeated here.
    pub belvo_secret_id: String,
    /// The Belvo sandbox's own password.
    pub belvo_secret_password: String,
}
