//! The edge between API Gateway and a function that answers HTTP.
//!
//! [`serve`] runs a handler, [`Context`] is what API Gateway adds to a request, [`json`] writes an
//! answer. This is the one crate of `shared/` that knows Lambda. It guards four functions against
//! the oddities of API Gateway and `lambda_http`.

use std::collections::HashMap;
use std::net::IpAddr;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Body, Error, Request, RequestExt as _, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What an address may not contain. Browsers encode these; a client that does not must not stop us.
const UNWRITABLE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Answers requests with `handler` until the Lambda runtime stops the function.
pub async fn serve(handler: impl AsyncFn(Request) -> Response<String>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let request = read(event.payload.get())?;
        let response = handler(writable(request).into()).await;
        Ok::<_, Error>(answer(response))
    }))
    .await
}

/// `lambda_http` takes claims that are texts alone. Identity providers write any JSON, and only the
/// claims that are used are looked at, so others become texts too.
fn read(event: &str) -> Result<LambdaRequest, Error> {
    let refused = match serde_json::from_str(event) {
        Ok(request) => return Ok(request),
        Err(refused) => refused,
    };
    let mut event: Value = serde_json::from_str(event)?;
    let claims = event.pointer_mut("/requestContext/authorizer/jwt/claims");
    let Some(claims) = claims.and_then(Value::as_object_mut) else {
        return Err(refused.into());
    };
    claims.retain(|_, claim| !claim.is_null());
    for claim in claims.values_mut().filter(|claim| !claim.is_string()) {
        *claim = Value::String(claim.to_string());
    }
    Ok(serde_json::from_str(&event.to_string())?)
}

/// API Gateway passes the query on as it came, and `lambda_http` panics if the address is no URI.
fn writable(mut request: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(event) = &mut request
        && let Some(query) = &mut event.raw_query_string
    {
        *query = utf8_percent_encode(query, UNWRITABLE).to_string();
    }
    request
}

fn answer(response: Response<String>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.body = Some(Body::Text(body));
    answer
}

/// An answer in JSON for one client: no cache keeps it.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<String> {
    // Answers always serialize; should one not, an empty body still has the right status.
    json_text(status, serde_json::to_string(body).unwrap_or_default())
}

/// The same of a body that is written already.
pub fn json_text(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What API Gateway adds to a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The route that was found, such as `GET /links/{link_id}`.
    pub route: &'a str,
    /// The gateway's id of the request, for logs and error answers.
    pub request_id: &'a str,
    /// The domain name the client called.
    pub domain: Option<&'a str>,
    pub source_ip: Option<IpAddr>,
    /// The claims of the token, verified by the gateway; none on routes without authorizer.
    pub claims: Option<&'a HashMap<String, String>>,
}

impl<'a> Context<'a> {
    pub fn of(request: &'a Request) -> Self {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Self::default();
        };
        let authorizer = context.authorizer.as_ref();
        let source_ip = context.http.source_ip.as_deref();
        Self {
            route: context.route_key.as_deref().unwrap_or_default(),
            request_id: context.request_id.as_deref().unwrap_or_default(),
            domain: context.domain_name.as_deref(),
            source_ip: source_ip.and_then(|ip| ip.parse().ok()),
            claims: authorizer
                .and_then(|it| it.jwt.as_ref())
                .map(|jwt| &jwt.claims),
        }
    }
}
