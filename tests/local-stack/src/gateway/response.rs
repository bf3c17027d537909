//! A function's result as an HTTP response: response format 2.0.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The response of a result; a malformed result is a 500, as at API Gateway.
pub(super) fn response(result: &Value) -> Response {
    let response = match result.get("statusCode") {
        Some(_) => explicit(result),
        // Any other JSON is the body of a 200; a text is used without quotes.
        None => {
            let body = result
                .as_str()
                .map_or_else(|| result.to_string(), str::to_owned);
            Some(([(header::CONTENT_TYPE, "application/json")], body).into_response())
        }
    };
    response.unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// A response of the gateway itself.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({"message": text}))).into_response()
}

fn explicit(result: &Value) -> Option<Response> {
    let status = match result.get("statusCode")? {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let mut response = Response::new(body(result)?);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain;charset=UTF-8"),
    );
    for (name, value) in result
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        headers.insert(
            HeaderName::try_from(name).ok()?,
            HeaderValue::try_from(value).ok()?,
        );
    }
    for cookie in result
        .get("cookies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        headers.append(
            header::SET_COOKIE,
            HeaderValue::try_from(cookie.as_str()?).ok()?,
        );
    }
    Some(response)
}

fn body(result: &Value) -> Option<Body> {
    let text = match result.get("body") {
        None | Some(Value::Null) => return Some(Body::empty()),
        Some(Value::String(text)) => text,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return None;
        }
    };
    if result.get("isBase64Encoded") == Some(&Value::Bool(true)) {
        STANDARD.decode(text).ok().map(Body::from)
    } else {
        Some(Body::from(text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(result: Value, status: u16, content_type: &str, body: &str) -> Response {
        let response = response(&result);
        let (parts, content) = response.into_parts();
        let content = futures::executor::block_on(axum::body::to_bytes(content, 1_000)).unwrap();
        assert_eq!(parts.status.as_u16(), status, "{result}");
        assert_eq!(
            parts.headers[header::CONTENT_TYPE],
            content_type,
            "{result}"
        );
        assert_eq!(String::from_utf8_lossy(&content), body, "{result}");
        Response::from_parts(parts, Body::empty())
    }

    #[test]
    fn a_result_without_status_is_the_body_of_a_200() {
        check(json!("Olá"), 200, "application/json", "Olá");
        check(json!({"a": 1}), 200, "application/json", r#"{"a":1}"#);
        check(json!([1]), 200, "application/json", "[1]");
        check(json!(null), 200, "application/json", "null");
    }

    #[test]
    fn status_headers_cookies_and_encoded_bodies_are_applied() {
        let result = json!({
            "statusCode": 302,
            "headers": {"Location": "https://app", "X-Number": 7},
            "cookies": ["a=1", "b=2"],
            "body": STANDARD.encode("bytes"),
            "isBase64Encoded": true,
        });
        let response = check(result, 302, "text/plain;charset=UTF-8", "bytes");
        assert_eq!(response.headers()["location"], "https://app");
        assert_eq!(response.headers()["x-number"], "7");
        let cookies: Vec<_> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        check(
            json!({"statusCode": 204}),
            204,
            "text/plain;charset=UTF-8",
            "",
        );
        check(
            json!({"statusCode": "201", "headers": {"content-type": "text/html"}}),
            201,
            "text/html",
            "",
        );
    }

    #[test]
    fn a_malformed_result_is_a_500() {
        let expected = r#"{"message":"Internal Server Error"}"#;
        for result in [
            json!({"statusCode": "two hundred"}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "body": "%%%", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 42}),
        ] {
            check(result, 500, "application/json", expected);
        }
    }
}
