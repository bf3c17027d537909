//! The proxy between the functions and the emulated services. It passes a call if the caller's role
//! allows it, and otherwise responds as AWS would. It records callers, calls and their capacity.
//!
//! A function is identified by its access key, which is its name.

mod bill;
mod call;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::Context;
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    emulators::{Emulators, listen},
    log::Log,
    meter::Meter,
    template::{Function, Role},
};

/// DynamoDB takes no larger request.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// One call of a function: its name, the action, and the ARN of the resource.
pub type Call = (String, String, String);

/// The address of each service for the functions.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) dynamodb_url: String,
    pub(crate) sqs_url: String,
    pub(crate) secretsmanager_url: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// SAM would create a fitting role for a function without one.
    roles: BTreeMap<String, Option<Role>>,
    calls: Mutex<BTreeSet<Call>>,
    /// Calls whose target begins so fail.
    outage: Mutex<Option<&'static str>>,
    client: reqwest::Client,
    log: Log,
    meter: Meter,
}

#[derive(Clone)]
struct Door {
    inner: Arc<Inner>,
    /// The service behind this address.
    url: String,
}

impl Gate {
    /// Opens an address for each service, served in `servers`.
    pub(crate) async fn start(
        functions: &[Function],
        emulators: &Emulators,
        log: &Log,
        meter: &Meter,
        servers: &mut JoinSet<()>,
    ) -> anyhow::Result<Gate> {
        let roles = functions.iter();
        let roles = roles.map(|it| (it.name.clone(), it.role.clone()));
        let client = reqwest::Client::builder().no_proxy().build();
        let inner = Arc::new(Inner {
            roles: roles.collect(),
            calls: Mutex::default(),
            outage: Mutex::default(),
            client: client.context("building the gate's HTTP client")?,
            log: log.clone(),
            meter: meter.clone(),
        });
        let mut door = async |url: &str| {
            let (listener, address) = listen().await?;
            let door = Door {
                inner: inner.clone(),
                url: url.to_owned(),
            };
            servers.spawn(serve(listener, door));
            anyhow::Ok(format!("http://{address}"))
        };
        let dynamodb_url = door(&emulators.dynamodb_url).await?;
        let sqs_url = door(&emulators.sqs_url).await?;
        let secretsmanager_url = door(&emulators.secretsmanager_url).await?;
        Ok(Gate {
            dynamodb_url,
            sqs_url,
            secretsmanager_url,
            inner,
        })
    }

    /// All calls of functions so far, allowed or refused.
    pub(crate) fn calls(&self) -> BTreeSet<Call> {
        self.inner.calls.lock().clone()
    }

    /// From now on, every call to this service fails, or none.
    pub(crate) fn fail(&self, service: Option<&'static str>) {
        *self.inner.outage.lock() = service;
    }
}

async fn serve(listener: TcpListener, door: Door) {
    let router = Router::new().fallback(pass).with_state(door);
    axum::serve(listener, router).await.ok();
}

async fn pass(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let function = caller(&parts.headers).unwrap_or_default();
    let target = parts.headers.get("x-amz-target");
    let target = target.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let target = target.to_owned();
    let asked = match door.inner.admit(&function, &target, &body) {
        Ok(asked) => asked,
        Err(denial) => {
            door.inner.log.line(&function, &denial);
            return denied(&denial);
        }
    };
    let outage = *door.inner.outage.lock();
    if outage.is_some_and(|service| target.starts_with(service)) {
        return out_of_order();
    }
    let request = door.inner.client.request(parts.method, &door.url);
    let request = request.headers(end_to_end(parts.headers));
    // An error here means that the service has stopped, as at the end of a test.
    let Ok((status, headers, body)) = forward(request.body(bill::asking(&target, body))).await
    else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    bill::count(&door.inner.meter, &function, &target, &asked, &body);
    (status, headers, body).into_response()
}

async fn forward(
    request: reqwest::RequestBuilder,
) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    Ok((status, end_to_end(headers), answer.bytes().await?))
}

impl Inner {
    /// The actions of the request, if the function's role allows all of them.
    fn admit(
        &self,
        function: &str,
        target: &str,
        body: &[u8],
    ) -> Result<Vec<(String, String)>, String> {
        let asked =
            call::read(target, body).ok_or_else(|| format!("{target:?} is not understood here"))?;
        let role = self
            .roles
            .get(function)
            .ok_or_else(|| format!("{function:?} is not a function"))?;
        for (action, resource) in &asked {
            let allowed = role
                .as_ref()
                .is_none_or(|role| role.allows(action, resource));
            let call = (function.to_owned(), action.clone(), resource.clone());
            self.calls.lock().insert(call);
            if !allowed {
                return Err(format!(
                    "User: {function} is not authorized to perform: {action} on resource: \
                     {resource} because no identity-based policy allows the {action} action"
                ));
            }
        }
        Ok(asked)
    }
}

/// The access key in `Authorization: AWS4-HMAC-SHA256 Credential=<key>/…`.
fn caller(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = text.split_once("Credential=")?;
    Some(credential.split('/').next()?.to_owned())
}

/// The headers that are not specific to one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    headers
}

/// An answer of DynamoDB or SQS in an outage.
fn out_of_order() -> Response {
    let body = serde_json::json!({
        "__type": "com.amazonaws#InternalServerError",
        "message": "Internal server error",
    });
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::INTERNAL_SERVER_ERROR, kind, body.to_string()).into_response()
}

fn denied(message: &str) -> Response {
    let body = serde_json::json!({
        "__type": "com.amazon.coral.service#AccessDeniedException",
        "Message": message,
        "message": message,
    });
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, kind, body.to_string()).into_response()
}
