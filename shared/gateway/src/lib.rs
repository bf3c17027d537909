//! The edge between API Gateway and a function that answers HTTP.
//!
//! [`serve`] runs a handler, [`Context`] is what API Gateway adds to a request, [`json`] writes an
//! answer. This is the one crate of `shared/` that knows Lambda. It guards four functions against
//! the oddities of API Gateway and `lambda_http`.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Body, Error, Request, RequestExt as _, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
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
    match with_claims_as_texts(event, &CLAIMS) {
        Some(event) => Ok(serde_json::from_str(&event)?),
        None => Err(refused.into()),
    }
}

/// Where claims are in an event.
const CLAIMS: [&str; 4] = ["requestContext", "authorizer", "jwt", "claims"];

/// An object in which the claims at this path are texts; `None` if it has none. Nothing else is taken
/// apart, and each claim by itself, so that an odd one spoils no other.
fn with_claims_as_texts(object: &str, path: &[&str]) -> Option<String> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    let Some((name, inner)) = path.split_first() else {
        let texts = members
            .iter()
            .filter_map(|(name, claim)| Some((name, as_text(claim)?)));
        let texts: BTreeMap<&String, String> = texts.collect();
        return serde_json::to_string(&texts).ok();
    };
    let text = with_claims_as_texts(members.get(*name)?.get(), inner)?;
    let value: &RawValue = serde_json::from_str(&text).ok()?;
    members.insert((*name).to_owned(), value);
    serde_json::to_string(&members).ok()
}

/// A claim as text: one of another type as its JSON. One that is null, or a text with half a
/// character, says nothing.
fn as_text(claim: &RawValue) -> Option<String> {
    match claim.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        other => Some(other.to_owned()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of API Gateway with these claims.
    fn event(claims: &str) -> String {
        let event = include_str!("../../../events/links/links.json");
        let (before, behind) = event.split_once(r#""claims": {"#).unwrap();
        format!(r#"{before}"claims": {{{claims},{behind}"#)
    }

    fn claims(text: &str) -> HashMap<String, String> {
        let LambdaRequest::ApiGatewayV2(request) = read(text).unwrap() else {
            panic!("not an event of this kind");
        };
        request
            .request_context
            .authorizer
            .unwrap()
            .jwt
            .unwrap()
            .claims
    }

    #[test]
    fn an_odd_claim_spoils_no_other() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (odd, text) in [
            (r#""\ud83d""#, None),
            ("null", None),
            ("1e999", Some("1e999")),
            (&deep, Some(&*deep)),
            (r#"{"a":[1, "b"]}"#, Some(r#"{"a":[1, "b"]}"#)),
            ("76109277673.0", Some("76109277673.0")),
            (r#""\u00e7 \"x\"""#, Some("\u{e7} \"x\"")),
        ] {
            let plain = claims(&event(r#""odd":"odd""#));
            let mut read = claims(&event(&format!(r#""odd":{odd}"#)));
            assert_eq!(read.remove("odd").as_deref(), text, "{odd}");
            for (name, claim) in read {
                assert_eq!(plain.get(&name), Some(&claim), "{odd}");
            }
        }
        assert!(read("{}").is_err());
        assert!(read("7").is_err());
    }
}
