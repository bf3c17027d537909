//! A request in the form in which API Gateway passes it to a function: payload format 2.0.

use std::{collections::BTreeMap, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, request::Parts};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{
    authorizer::claim_text,
    routes::{Match, decode},
};
use crate::aws::ACCOUNT_ID;

/// The parts of the event that come from the gateway.
pub(super) struct Context<'a> {
    pub(super) api_id: &'a str,
    pub(super) request_id: &'a str,
    pub(super) source_ip: IpAddr,
    pub(super) port: u16,
    pub(super) now: jiff::Timestamp,
    pub(super) claims: Option<&'a Map<String, Value>>,
}

/// The event of one request.
pub(super) fn event(
    parts: &Parts,
    body: &Bytes,
    found: &Match<'_>,
    context: &Context<'_>,
) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.target.key,
        "rawPath": raw_path(parts.uri.path()),
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers, context),
        "requestContext": request_context(parts, found, context),
        "isBase64Encoded": false,
    });
    // Absent parts of the request are absent from the event.
    let mut set = |name: &str, value: Value| {
        event[name] = value;
    };
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        set("cookies", cookies.into());
    }
    let query = query(parts.uri.query().unwrap_or_default());
    if !query.is_empty() {
        set("queryStringParameters", json!(query));
    }
    if !found.parameters.is_empty() {
        set("pathParameters", json!(found.parameters));
    }
    if !body.is_empty() {
        let text = is_text(&parts.headers)
            .then(|| std::str::from_utf8(body).ok())
            .flatten();
        set("isBase64Encoded", text.is_none().into());
        set(
            "body",
            text.map_or_else(|| STANDARD.encode(body), str::to_owned)
                .into(),
        );
    }
    event
}

/// API Gateway decodes the path that it calls raw, and cuts it at a question mark that decoding
/// reveals.
fn raw_path(path: &str) -> String {
    let mut decoded = decode(path);
    if let Some(position) = decoded.find('?') {
        decoded.truncate(position);
    }
    decoded
}

fn request_context(parts: &Parts, found: &Match<'_>, context: &Context<'_>) -> Value {
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let host = header(http::header::HOST);
    let domain = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let mut request_context = json!({
        "accountId": ACCOUNT_ID,
        "apiId": context.api_id,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": parts.method.as_str(),
            "path": raw_path(parts.uri.path()),
            "protocol": "HTTP/1.1",
            "sourceIp": context.source_ip.to_string(),
            "userAgent": header(http::header::USER_AGENT),
        },
        "requestId": context.request_id,
        "routeKey": found.target.key,
        "stage": "$default",
        "time": context.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": context.now.as_millisecond(),
    });
    if let Some(claims) = context.claims {
        let claims: BTreeMap<&String, String> = claims
            .iter()
            .map(|(name, value)| (name, claim_text(value)))
            .collect();
        request_context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    request_context
}

/// Lower-case names, repeated ones joined by a comma, plus the headers that API Gateway adds.
fn headers(headers: &HeaderMap, context: &Context<'_>) -> BTreeMap<String, String> {
    const OF_THE_CONNECTION: &[&str] = &[
        "connection",
        "cookie",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let mut result = BTreeMap::new();
    for name in headers
        .keys()
        .filter(|name| !OF_THE_CONNECTION.contains(&name.as_str()))
    {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        result.insert(name.as_str().to_owned(), values.join(","));
    }
    let forwarded = match result.get("x-forwarded-for") {
        Some(before) => format!("{before}, {}", context.source_ip),
        None => context.source_ip.to_string(),
    };
    result.insert("x-forwarded-for".to_owned(), forwarded);
    result.insert("x-forwarded-port".to_owned(), context.port.to_string());
    result.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    result
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

fn query(query: &str) -> BTreeMap<String, String> {
    let mut result: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        result
            .entry(name.into_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    result
}

/// Whether the body is passed as text; any other body is encoded.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(http::header::CONTENT_TYPE) else {
        return true;
    };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind,
            "application/json"
                | "application/xml"
                | "application/javascript"
                | "application/x-www-form-urlencoded"
        )
}

#[cfg(test)]
mod tests;
