//! Deploys the template to the emulators: local parameters, storage, secrets, variables.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use serde_json::json;

use crate::{
    aws::{ACCOUNT_ID, Clients, REGION},
    belvo::BelvoSide,
    issuer::AUDIENCE,
    options::StackOptions,
    provision,
    template::{Account, Storage, System, Template},
};

/// The project's template, so that the executable needs no file.
const TEMPLATE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml"));

/// The secrets that an account's owner would set by hand.
const BELVO_SECRET: &str = "BelvoSecret";
const WEBHOOK_SECRET: &str = "WebhookSecret";

/// More requests in 30 seconds than this machine could make.
const NO_LIMIT: &str = "100000";

/// What the deployment has to fit.
pub(crate) struct Environment<'a> {
    pub(crate) api_url: &'a str,
    pub(crate) issuer_url: &'a str,
    pub(crate) sqs_url: &'a str,
    pub(crate) webhook_authorization: &'a str,
    pub(crate) belvo: &'a BelvoSide,
    pub(crate) clients: &'a Clients,
}

/// The deployed system.
pub(crate) struct Deployment {
    pub(crate) system: System,
    account: Account,
}

impl Deployment {
    /// Creates what the template describes.
    pub(crate) async fn create(
        options: &StackOptions,
        environment: &Environment<'_>,
    ) -> anyhow::Result<Deployment> {
        let text = options.template.as_deref().unwrap_or(TEMPLATE);
        let local = local_parameters(options, environment);
        let template = Template::parse_with_defaults(text, &options.parameters, &local)?;
        let mut account = Account {
            region: REGION.to_owned(),
            id: ACCOUNT_ID.to_owned(),
            sqs_url: environment.sqs_url.to_owned(),
            secrets: BTreeMap::new(),
        };
        let mut storage = template.storage(&account)?;
        if let Some(seconds) = options.visibility_timeout {
            shorten_visibility(&mut storage, seconds);
        }
        account.secrets = provision::create(
            environment.clients,
            &storage,
            &secret_values(options, environment),
        )
        .await
        .context("creating what the template describes")?;
        let mut system = template.system(&account)?;
        set_variable(&mut system, "BELVO_BASE_URL", &environment.belvo.url, false);
        for (name, value) in &options.variables {
            set_variable(&mut system, name, value, true);
        }
        Ok(Deployment { system, account })
    }

    /// The URL of a queue, by its name in the template; empty if there is none.
    pub(crate) fn queue_url(&self, logical_id: &str) -> String {
        let queue = self
            .system
            .storage
            .queues
            .iter()
            .find(|queue| queue.logical_id == logical_id);
        queue
            .map(|queue| self.url_of(&queue.name))
            .unwrap_or_default()
    }

    /// The URL of the queue with this ARN.
    pub(crate) fn queue_url_of_arn(&self, arn: &str) -> String {
        self.url_of(arn.rsplit(':').next().unwrap_or_default())
    }

    fn url_of(&self, queue_name: &str) -> String {
        format!("{}/{}/{queue_name}", self.account.sqs_url, self.account.id)
    }
}

/// Creates the template's tables in a DynamoDB that another program runs, and nothing more.
pub async fn create_tables(dynamodb: &aws_sdk_dynamodb::Client) -> anyhow::Result<()> {
    // The one parameter without a default; no table depends on it.
    let issuer = BTreeMap::from([("JwtIssuer".to_owned(), "http://127.0.0.1:1".to_owned())]);
    provision::create_tables(dynamodb, &described(&issuer)?.storage.tables).await
}

/// The system that the template describes with these parameters, of which nothing is created. Each
/// table and secret is known by its logical id.
///
/// It is kept, because reading the template takes as long as running a simulated day.
pub fn described(parameters: &BTreeMap<String, String>) -> anyhow::Result<System> {
    static KNOWN: Mutex<BTreeMap<BTreeMap<String, String>, System>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(system) = known().get(parameters) {
        return Ok(system.clone());
    }
    let template = Template::parse(TEMPLATE, parameters)?;
    let storage = template.storage(&nowhere(BTreeMap::new()))?;
    let secrets = storage.secrets.into_iter();
    let names = secrets.map(|it| (it.name.clone(), it.name)).collect();
    let system = template.system(&nowhere(names))?;
    known().insert(parameters.clone(), system.clone());
    Ok(system)
}

/// The account of a system that another program runs.
fn nowhere(secrets: BTreeMap<String, String>) -> Account {
    Account {
        region: REGION.to_owned(),
        id: ACCOUNT_ID.to_owned(),
        sqs_url: "http://127.0.0.1:1".to_owned(),
        secrets,
    }
}

/// What an operator would fill in, for this machine, if the template asks for it.
fn local_parameters(
    options: &StackOptions,
    environment: &Environment<'_>,
) -> BTreeMap<String, String> {
    let api_url = environment.api_url;
    let public_url = options.public_url.as_deref().unwrap_or(api_url);
    // The page may be open under any of these.
    let localhost = api_url.replace("127.0.0.1", "localhost");
    let origins = [api_url, &localhost, public_url];
    let return_urls = origins.map(|origin| format!("{origin}/done")).join(",");
    let mut parameters = BTreeMap::from([
        ("JwtIssuer", environment.issuer_url.to_owned()),
        ("JwtAudience", AUDIENCE.to_owned()),
        ("PublicUrl", public_url.to_owned()),
        ("ReturnUrls", format!("{return_urls},acmeapp://connected")),
        ("AllowedOrigins", origins.join(",")),
    ]);
    if environment.belvo.sandbox.is_some() {
        // Belvo's gateway has a limit; ours has none unless a test asks it for one.
        parameters.insert("BelvoRequestsPer30Seconds", NO_LIMIT.to_owned());
    }
    if let Some(widget_url) = &environment.belvo.widget_url {
        parameters.insert("WidgetUrl", widget_url.clone());
    }
    if let Some(portal_url) = &environment.belvo.portal_url {
        parameters.insert("PortalUrl", portal_url.clone());
    }
    parameters
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn secret_values(
    options: &StackOptions,
    environment: &Environment<'_>,
) -> BTreeMap<String, Option<String>> {
    let belvo = environment.belvo;
    let keys = json!({"id": belvo.secret_id, "password": belvo.secret_password});
    let webhook = json!({"current": environment.webhook_authorization});
    let mut values = BTreeMap::from([
        (BELVO_SECRET.to_owned(), Some(keys.to_string())),
        (WEBHOOK_SECRET.to_owned(), Some(webhook.to_string())),
    ]);
    values.extend(options.secrets.clone());
    values
}

fn shorten_visibility(storage: &mut Storage, seconds: u32) {
    for queue in &mut storage.queues {
        if let Some(timeout) = queue.attributes.get_mut("VisibilityTimeout") {
            *timeout = seconds.to_string();
        }
    }
}

/// Replaces a variable where the template sets it; otherwise, if asked to, sets it everywhere.
fn set_variable(system: &mut System, name: &str, value: &str, everywhere: bool) {
    let is_set = system
        .functions
        .iter()
        .any(|function| function.variables.contains_key(name));
    for function in &mut system.functions {
        if function.variables.contains_key(name) || (everywhere && !is_set) {
            function.variables.insert(name.to_owned(), value.to_owned());
        }
    }
}
