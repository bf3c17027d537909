//! Everything, started in the order in which it depends on each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

use anyhow::Context;
use belvo_sandbox::Sandbox;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    aws::{Clients, REGION},
    background::Background,
    belvo::{self, BelvoSide},
    deploy::{Deployment, Environment},
    emulators::Emulators,
    endpoints::Endpoints,
    front::Front,
    gate::{Call, Gate},
    gateway::{Authorizer, Gateway},
    issuer::Issuer,
    lambda::{Functions, InvokeError, Launcher, Surroundings},
    log::Log,
    mapping::Connection,
    meter::{Meter, Used},
    options::StackOptions,
    schedule::Timer,
    settle::{self, Unsettled},
    template::{Function, Schedule, System},
};

/// Tables and queues that tools outside ask for, by their names in the template.
const LINK_TABLE: &str = "LinkTable";
const RESOURCE_TABLE: &str = "ResourceTable";
const CONNECTION_TABLE: &str = "ConnectionTable";
const QUEUE: &str = "FetchQueue";
const DEAD_LETTER_QUEUE: &str = "FetchDeadLetterQueue";
/// How long [`Stack::settle`] waits.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);
/// How long the last lines of ended processes may take to be read.
const LOG_LIMIT: Duration = Duration::from_secs(2);

/// A running system.
pub struct Stack {
    endpoints: Endpoints,
    described: Vec<Function>,
    functions: Functions,
    gate: Gate,
    background: Vec<Background>,
    schedules: Vec<Schedule>,
    clients: Clients,
    queues: Vec<String>,
    sandbox: Option<Sandbox>,
    emulators: Emulators,
    log: Log,
    meter: Meter,
    // Aborted when dropped.
    _servers: JoinSet<()>,
}

impl Stack {
    /// Starts everything and returns once all of it answers. Functions start with their first
    /// invocation, as in Lambda; [`Stack::warm_up`] starts them before.
    pub async fn start(options: StackOptions) -> anyhow::Result<Stack> {
        let meter = Meter::default();
        let log = Log::new(options.print_log, &meter);
        let mut servers = JoinSet::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0)))
            .await
            .context("binding the API's port")?;
        let address = listener.local_addr()?;
        let api_url = format!("http://{address}");
        let webhook_authorization = match &options.webhook_authorization {
            Some(agreed) => agreed.clone(),
            None => belvo::webhook_authorization()?,
        };
        let (emulators, issuer, belvo) = tokio::try_join!(
            Emulators::start(options.data_dir.as_deref()),
            Issuer::start(&mut servers),
            BelvoSide::start(&options.belvo, &api_url, &webhook_authorization),
        )?;
        let clients = Clients::new(
            &emulators.dynamodb_url,
            &emulators.sqs_url,
            &emulators.secretsmanager_url,
        )?;
        let environment = Environment {
            api_url: &api_url,
            issuer_url: issuer.url(),
            sqs_url: &emulators.sqs_url,
            webhook_authorization: &webhook_authorization,
            belvo: &belvo,
            clients: &clients,
        };
        let deployment = Deployment::create(&options, &environment).await?;
        let system = &deployment.system;
        let run_schedules = options.schedules;
        let gate = Gate::start(&system.functions, &emulators, &log, &meter, &mut servers).await?;
        let functions = Functions::new(&system.functions, launcher(options, &gate, &log, &meter)?);

        let (shown_id, shown_password) = match &belvo.sandbox {
            Some(_) => (belvo.secret_id, belvo.secret_password),
            // The customer's own keys are written nowhere.
            None => (String::new(), String::new()),
        };
        let endpoints = Endpoints {
            api_url,
            webhook_authorization,
            issuer_url: issuer.url().to_owned(),
            belvo_url: belvo.url,
            dynamodb_url: emulators.dynamodb_url.clone(),
            sqs_url: emulators.sqs_url.clone(),
            secretsmanager_url: emulators.secretsmanager_url.clone(),
            region: REGION.to_owned(),
            link_table: LINK_TABLE.to_owned(),
            resource_table: RESOURCE_TABLE.to_owned(),
            connection_table: CONNECTION_TABLE.to_owned(),
            queue_url: deployment.queue_url(QUEUE),
            dead_letter_queue_url: deployment.queue_url(DEAD_LETTER_QUEUE),
            belvo_secret_id: shown_id,
            belvo_secret_password: shown_password,
        };
        let connections = connections(&deployment, &clients, &functions, &log, &meter);
        let queues = connections
            .iter()
            .map(|connection| connection.queue_url.clone())
            .collect();
        let mut background: Vec<Background> =
            connections.into_iter().map(Connection::start).collect();
        let schedules = schedules(system);
        let gateway = Gateway::new(
            system,
            authorizer(system, &issuer),
            functions.clone(),
            address.port(),
        );
        let front = Front {
            gateway,
            functions: functions.clone(),
            issuer,
            endpoints: endpoints.clone(),
            has_sandbox: belvo.sandbox.is_some(),
        };
        servers.spawn(front.serve(listener));
        if run_schedules {
            background.extend(timers(&schedules, &functions, &log).map(Timer::start));
        }

        Ok(Stack {
            endpoints,
            described: deployment.system.functions,
            functions,
            gate,
            background,
            schedules,
            clients,
            queues,
            sandbox: belvo.sandbox,
            emulators,
            log,
            meter,
            _servers: servers,
        })
    }

    /// Where everything is.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The variables for a function that another program starts: what the template
    /// tells all of them, and where AWS is. There, such a function may do anything, because it is
    /// not known which one it is.
    pub fn variables_of_any(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let surroundings = Surroundings {
            dynamodb_url: self.endpoints.dynamodb_url.clone(),
            sqs_url: self.endpoints.sqs_url.clone(),
            secretsmanager_url: self.endpoints.secretsmanager_url.clone(),
        };
        surroundings.variables_of_any(&self.described)
    }

    /// The Belvo sandbox, unless the stack uses the real one.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_ref()
    }

    /// Every line that functions and stack have logged, oldest first, as `[source] text`.
    ///
    /// Whatever an invocation printed is there before its result is, or the answer to its request.
    pub fn logs(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Everything that functions asked of AWS so far.
    pub fn calls(&self) -> BTreeSet<Call> {
        self.gate.calls()
    }

    /// From now on, every call of a function to DynamoDB fails as in an outage, or no more.
    pub fn fail_tables(&self, fail: bool) {
        self.gate.fail(fail.then_some("DynamoDB"));
    }

    /// The same of SQS. Messages that are there still reach their function.
    pub fn fail_queue(&self, fail: bool) {
        self.gate.fail(fail.then_some("AmazonSQS"));
    }

    /// Everything that functions used of AWS so far.
    pub fn used(&self) -> Used {
        self.meter.used()
    }

    /// Every schedule of the template, also those that are off, in this stack or altogether.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// A client of the DynamoDB of this stack.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.clients.dynamodb
    }

    /// A client of the SQS of this stack.
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.clients.sqs
    }

    /// A client of the Secrets Manager of this stack.
    pub fn secretsmanager(&self) -> &aws_sdk_secretsmanager::Client {
        &self.clients.secrets
    }

    /// The variables of a function, for a test that runs its handler in a process of its own.
    pub fn variables_of(&self, function: &str) -> BTreeMap<String, String> {
        self.functions.variables(function)
    }

    /// Invokes a function by its name and returns its result.
    pub async fn invoke(&self, function: &str, payload: Value) -> Result<Value, InvokeError> {
        self.functions.invoke(function, &payload).await
    }

    /// Starts a process of every function, so that the first request need not wait for it.
    pub async fn warm_up(&self) -> anyhow::Result<()> {
        match self.functions.warm_up().await {
            Ok(()) => Ok(()),
            Err((function, error)) => Err(error).with_context(|| format!("starting {function}")),
        }
    }

    /// [`Stack::settle_within`] thirty seconds.
    pub async fn settle(&self) -> Result<(), Unsettled> {
        self.settle_within(SETTLE_LIMIT).await
    }

    /// Waits until no message is left in a queue that calls a function, and no function runs.
    ///
    /// A record that failed counts until its visibility timeout has brought it back and it was
    /// dealt with. What the sandbox has not sent yet does not count.
    pub async fn settle_within(&self, limit: Duration) -> Result<(), Unsettled> {
        settle::within(limit, &self.functions, &self.clients.sqs, &self.queues).await
    }

    /// Ends everything: no new work, then what runs, then the processes, then the emulators.
    /// Returns the complete log.
    pub async fn stop(self) -> anyhow::Result<Vec<String>> {
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        futures::future::join_all(self.background.into_iter().map(Background::stop)).await;
        self.functions.stop().await;
        // Something that a function left running would hold its streams open.
        tokio::time::timeout(LOG_LIMIT, self.log.complete())
            .await
            .ok();
        self.emulators.stop().await?;
        Ok(self.log.lines())
    }
}

fn launcher(
    options: StackOptions,
    gate: &Gate,
    log: &Log,
    meter: &Meter,
) -> anyhow::Result<Launcher> {
    let executable = match options.executable {
        Some(executable) => executable,
        None => std::env::current_exe().context("finding this executable")?,
    };
    let surroundings = Surroundings {
        dynamodb_url: gate.dynamodb_url.clone(),
        sqs_url: gate.sqs_url.clone(),
        secretsmanager_url: gate.secretsmanager_url.clone(),
    };
    Ok(Launcher {
        executable,
        arguments: options.arguments,
        surroundings,
        log: log.clone(),
        meter: meter.clone(),
    })
}

fn connections(
    deployment: &Deployment,
    clients: &Clients,
    functions: &Functions,
    log: &Log,
    meter: &Meter,
) -> Vec<Connection> {
    let mapped = deployment
        .system
        .functions
        .iter()
        .filter_map(|function| Some((function, function.mapping.clone()?)));
    mapped
        .map(|(function, mapping)| Connection {
            function: function.name.clone(),
            queue_url: deployment.queue_url_of_arn(&mapping.queue_arn),
            mapping,
            sqs: clients.sqs.clone(),
            functions: functions.clone(),
            log: log.clone(),
            meter: meter.clone(),
        })
        .collect()
}

fn schedules(system: &System) -> Vec<Schedule> {
    let functions = system.functions.iter();
    functions
        .flat_map(|function| function.schedules.clone())
        .collect()
}

fn timers(schedules: &[Schedule], functions: &Functions, log: &Log) -> impl Iterator<Item = Timer> {
    let enabled = schedules.iter().filter(|schedule| schedule.enabled);
    enabled.map(|schedule| Timer {
        schedule: schedule.clone(),
        functions: functions.clone(),
        log: log.clone(),
    })
}

fn authorizer(system: &System, issuer: &Issuer) -> Authorizer {
    let (key_id, key) = issuer.verifying_key();
    Authorizer {
        key_id: key_id.to_owned(),
        key: key.clone(),
        issuer: system.api.issuer.clone(),
        audience: system.api.audience.clone(),
        scopes: system.api.scopes.clone(),
    }
}
