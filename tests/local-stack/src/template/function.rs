//! Functions: their variables, events, and limits.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    Resources,
    account::folder,
    api::Api,
    evaluate::scalar_text,
    queue_mapping::{self, QueueEvent, QueueMapping},
    role::{self, Role},
    schedule::{self, RuleEvent, Schedule, SchedulerEvent},
    structure,
};

/// One function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its folder's name, which is its name everywhere.
    pub name: String,
    /// Its environment variables.
    pub variables: BTreeMap<String, String>,
    /// The timeout of an invocation, in seconds.
    pub timeout: u32,
    /// Its memory in megabytes; passed to the function, but not enforced.
    pub memory: u32,
    /// `JSON` or `Text`, and the level of the application's log.
    pub log_format: Option<String>,
    /// The lowest level of the function's own log lines.
    pub log_level: Option<String>,
    /// Its permissions; without a role it may do anything.
    pub role: Option<Role>,
    /// The HTTP routes that invoke it.
    pub routes: Vec<Route>,
    /// The queue that invokes it.
    pub mapping: Option<QueueMapping>,
    /// The schedules that invoke it.
    pub schedules: Vec<Schedule>,
}

/// One HTTP route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The HTTP method, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`.
    pub path: String,
    /// Whether a valid token is required.
    pub authorized: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    code_uri: String,
    #[serde(default, deserialize_with = "structure::optional_number")]
    memory_size: Option<u32>,
    #[serde(default, deserialize_with = "structure::optional_number")]
    timeout: Option<u32>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    logging_config: Logging,
    role: Option<String>,
    #[serde(default)]
    events: BTreeMap<String, Event>,
    #[serde(rename = "Architectures")]
    _architectures: Option<IgnoredAny>,
    #[serde(rename = "Description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "EventInvokeConfig")]
    _event_invoke: Option<IgnoredAny>,
    #[serde(rename = "Handler")]
    _handler: Option<IgnoredAny>,
    #[serde(rename = "KmsKeyArn")]
    _kms_key: Option<IgnoredAny>,
    #[serde(rename = "Policies")]
    _policies: Option<IgnoredAny>,
    #[serde(rename = "ReservedConcurrentExecutions")]
    _reserved: Option<IgnoredAny>,
    #[serde(rename = "Runtime")]
    _runtime: Option<IgnoredAny>,
    #[serde(rename = "Tags")]
    _tags: Option<IgnoredAny>,
    #[serde(rename = "Tracing")]
    _tracing: Option<IgnoredAny>,
}

/// The properties of `Globals.Function` that apply to all functions.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Globals {
    #[serde(default, deserialize_with = "structure::optional_number")]
    memory_size: Option<u32>,
    #[serde(default, deserialize_with = "structure::optional_number")]
    timeout: Option<u32>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    logging_config: Logging,
    #[serde(rename = "Architectures")]
    _architectures: Option<IgnoredAny>,
    #[serde(rename = "Handler")]
    _handler: Option<IgnoredAny>,
    #[serde(rename = "KmsKeyArn")]
    _kms_key: Option<IgnoredAny>,
    #[serde(rename = "Runtime")]
    _runtime: Option<IgnoredAny>,
    #[serde(rename = "Tags")]
    _tags: Option<IgnoredAny>,
    #[serde(rename = "Tracing")]
    _tracing: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Logging {
    log_format: Option<String>,
    application_log_level: Option<String>,
    #[serde(rename = "SystemLogLevel")]
    _system_log_level: Option<IgnoredAny>,
    #[serde(rename = "LogGroup")]
    _log_group: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    HttpApi(HttpEvent),
    #[serde(rename = "SQS")]
    Sqs(QueueEvent),
    Schedule(RuleEvent),
    ScheduleV2(SchedulerEvent),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HttpEvent {
    #[serde(rename = "ApiId")]
    _api: String,
    method: String,
    path: String,
    auth: Option<RouteAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RouteAuth {
    authorizer: String,
}

pub(super) fn read(resources: &Resources<'_>, api: &Api) -> anyhow::Result<Vec<Function>> {
    let globals = globals(resources)?;
    resources
        .of("AWS::Serverless::Function")
        .map(|resource| {
            let (value, place) = resources.properties(resource)?;
            let properties: Properties = structure::read(&value, &place)?;
            let arn = properties.role.as_deref();
            let role = arn
                .map(|arn| role::read(resources, arn, &place))
                .transpose()?;
            let function = function(resource.name, properties, &globals, api, &place)?;
            Ok(Function { role, ..function })
        })
        .collect()
}

fn globals(resources: &Resources<'_>) -> anyhow::Result<Globals> {
    let sections = resources.scope.root.get("Globals");
    let Some(node) = sections.and_then(|globals| globals.get("Function")) else {
        return Ok(Globals::default());
    };
    let place = "Globals.Function";
    let value = resources.scope.evaluate(node, place)?.unwrap_or_default();
    structure::read(&value, place)
}

fn function(
    logical_id: &str,
    properties: Properties,
    globals: &Globals,
    api: &Api,
    place: &str,
) -> anyhow::Result<Function> {
    let folder = folder(&properties.code_uri)
        .with_context(|| format!("{place}.CodeUri: a folder was expected"))?;
    let mut routes = Vec::new();
    let mut schedules = Vec::new();
    let mut mapping = None;
    for (name, event) in properties.events {
        let place = format!("{place}.Events.{name}");
        let joined = format!("{logical_id}{name}");
        match event {
            Event::HttpApi(event) => routes.push(route(event, api, &place)?),
            Event::Sqs(_) if mapping.is_some() => {
                bail!("{place}: a second queue is not understood here")
            }
            Event::Sqs(event) => mapping = Some(queue_mapping::read(event, &place)?),
            Event::Schedule(event) => {
                schedules.push(schedule::rule(event, folder, joined, &place)?);
            }
            Event::ScheduleV2(event) => {
                schedules.push(schedule::scheduler(event, folder, joined, &place)?);
            }
        }
    }
    // SAM merges a function's map into that of the globals, member by member.
    let (own, all) = (properties.logging_config, &globals.logging_config);
    Ok(Function {
        name: folder.to_owned(),
        variables: variables(&[&globals.environment, &properties.environment], place)?,
        // Lambda's own defaults.
        timeout: properties.timeout.or(globals.timeout).unwrap_or(3),
        memory: properties
            .memory_size
            .or(globals.memory_size)
            .unwrap_or(128),
        log_format: own.log_format.or_else(|| all.log_format.clone()),
        log_level: own
            .application_log_level
            .or_else(|| all.application_log_level.clone()),
        role: None,
        routes,
        mapping,
        schedules,
    })
}

fn variables(
    environments: &[&Environment],
    place: &str,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for environment in environments {
        for (name, value) in &environment.variables {
            let text = scalar_text(value).with_context(|| {
                format!("{place}.Environment.Variables.{name}: a text was expected")
            })?;
            variables.insert(name.clone(), text);
        }
    }
    Ok(variables)
}

fn route(event: HttpEvent, api: &Api, place: &str) -> anyhow::Result<Route> {
    let authorizer = event
        .auth
        .map(|auth| auth.authorizer)
        .or_else(|| api.default_authorizer.clone());
    let authorized = match authorizer.as_deref() {
        None | Some("NONE") => false,
        name if name == api.default_authorizer.as_deref() => true,
        Some(name) => bail!("{place}.Auth.Authorizer: there is no authorizer {name}"),
    };
    if !event.path.starts_with('/') {
        bail!("{place}.Path: a path starts with a slash");
    }
    Ok(Route {
        method: event.method.to_ascii_uppercase(),
        path: event.path,
        authorized,
    })
}
