//! The HTTP API in front of the functions, with the behaviour of an API Gateway HTTP API.

mod authorizer;
mod cors;
mod doorway;
mod event;
mod response;
mod routes;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value};

pub(crate) use self::authorizer::Authorizer;
pub use self::doorway::{Doorway, Entrance};
use self::{authorizer::Refusal, event::Context, response::message, routes::Routes};
use crate::{
    lambda::{Functions, InvokeError},
    template::{Cors, System},
};

/// API Gateway accepts no larger body, in bytes.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// AWS Lambda is given no larger event, in bytes: headers, escapes and base64 included.
const LARGEST_EVENT: usize = 6 * 1024 * 1024;
/// API Gateway waits no longer for a function.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The API of one stack.
#[derive(Clone)]
pub(crate) struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    api_id: String,
    port: u16,
    routes: Routes,
    cors: Option<Cors>,
    authorizer: Authorizer,
    functions: Functions,
}

impl Gateway {
    /// The API that the template describes, answering on `port`.
    pub(crate) fn new(
        system: &System,
        authorizer: Authorizer,
        functions: Functions,
        port: u16,
    ) -> Gateway {
        Gateway {
            inner: Arc::new(Inner {
                api_id: system.api.id.to_lowercase(),
                port,
                routes: Routes::new(&system.functions),
                cors: system.api.cors.clone(),
                authorizer,
                functions,
            }),
        }
    }

    pub(crate) async fn handle(&self, source: SocketAddr, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        let request_id = uuid::Uuid::new_v4().simple().to_string();
        if let Some(cors) = &self.inner.cors
            && let Some(response) = cors::preflight(cors, &parts.method, &parts.headers)
        {
            return response;
        }
        let mut response = self.answer(source, &parts, body, &request_id).await;
        if let Some(cors) = &self.inner.cors {
            cors::apply(cors, &parts.headers, response.headers_mut());
        }
        if let Ok(request_id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", request_id);
        }
        response
    }

    async fn answer(
        &self,
        source: SocketAddr,
        parts: &Parts,
        body: Body,
        request_id: &str,
    ) -> Response {
        let inner = &*self.inner;
        let Some(found) = inner.routes.find(parts.method.as_str(), parts.uri.path()) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let now = jiff::Timestamp::now();
        let claims = match inner.admit(found.target.authorized, parts, now) {
            Ok(claims) => claims,
            Err(Refusal::Unauthorized) => return unauthorized(&parts.headers),
            Err(Refusal::Forbidden) => return message(StatusCode::FORBIDDEN, "Forbidden"),
        };
        let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let context = Context {
            api_id: &inner.api_id,
            request_id,
            source_ip: source.ip(),
            port: inner.port,
            now,
            claims: claims.as_ref(),
        };
        let event = event::event(parts, &body, &found, &context).to_string();
        if event.len() > LARGEST_EVENT {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        inner.invoke(&found.target.function, event.into()).await
    }
}

/// API Gateway tells a missing token from an invalid one, and names the fault of an invalid one.
fn unauthorized(request: &HeaderMap) -> Response {
    let challenge = match request.contains_key(header::AUTHORIZATION) {
        true => r#"Bearer scope="" error="invalid_token""#,
        false => "Bearer",
    };
    let mut response = message(StatusCode::UNAUTHORIZED, "Unauthorized");
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

impl Inner {
    /// Open routes are admitted without claims.
    fn admit(
        &self,
        authorized: bool,
        parts: &Parts,
        now: jiff::Timestamp,
    ) -> Result<Option<Map<String, Value>>, Refusal> {
        if !authorized {
            return Ok(None);
        }
        self.authorizer
            .claims(&parts.headers, now.as_second())
            .map(Some)
    }

    async fn invoke(&self, function: &str, event: Bytes) -> Response {
        let unavailable = || message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        let failed = || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        let Ok(result) =
            tokio::time::timeout(LONGEST_WAIT, self.functions.invoke_raw(function, event)).await
        else {
            return unavailable();
        };
        match result {
            Ok(answer) => serde_json::from_slice(&answer)
                .map_or_else(|_| failed(), |result| response::response(&result)),
            Err(InvokeError::TimedOut { .. } | InvokeError::Stopping) => unavailable(),
            Err(
                InvokeError::UnknownFunction { .. }
                | InvokeError::Process { .. }
                | InvokeError::Start { .. }
                | InvokeError::Function { .. }
                | InvokeError::Exited { .. }
                | InvokeError::Answer { .. },
            ) => failed(),
        }
    }
}
