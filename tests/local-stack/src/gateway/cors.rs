//! Cross-origin requests, answered from the template's `CorsConfiguration`.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::template::Cors;

/// The gateway's own response, if the request is a preflight.
pub(super) fn preflight(cors: &Cors, method: &Method, headers: &HeaderMap) -> Option<Response> {
    let asks =
        method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allow_origin(cors, headers, response.headers_mut()) {
        let headers = response.headers_mut();
        set(
            headers,
            header::ACCESS_CONTROL_ALLOW_METHODS,
            &cors.allow_methods.join(","),
        );
        set(
            headers,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            &cors.allow_headers.join(","),
        );
        if let Some(seconds) = cors.max_age {
            set(
                headers,
                header::ACCESS_CONTROL_MAX_AGE,
                &seconds.to_string(),
            );
        }
    }
    Some(response)
}

/// Adds the headers that let a page read a function's response.
pub(super) fn apply(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    if allow_origin(cors, request, response) {
        set(
            response,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            &cors.expose_headers.join(","),
        );
    }
}

fn allow_origin(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) -> bool {
    let Some(origin) = request
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok())
    else {
        return false;
    };
    let allowed = if cors.allow_origins.iter().any(|allowed| allowed == "*") {
        "*"
    } else if cors.allow_origins.iter().any(|allowed| allowed == origin) {
        origin
    } else {
        return false;
    };
    set(response, header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if allowed != "*" {
        set(response, header::VARY, "Origin");
    }
    if cors.allow_credentials {
        set(response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    true
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // The values are the template's own; an empty list adds no header.
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origins: &[&str], origin: &str, expected: Option<&str>) {
        let cors = Cors {
            allow_origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            allow_methods: vec!["GET".to_owned(), "POST".to_owned()],
            max_age: Some(600),
            ..Cors::default()
        };
        let mut request = HeaderMap::new();
        request.insert(header::ORIGIN, origin.parse().unwrap());
        request.insert(
            header::ACCESS_CONTROL_REQUEST_METHOD,
            "POST".parse().unwrap(),
        );
        let response = preflight(&cors, &Method::OPTIONS, &request).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header("access-control-allow-origin"), expected);
        assert_eq!(
            header("access-control-allow-methods"),
            expected.map(|_| "GET,POST")
        );
        assert_eq!(header("access-control-max-age"), expected.map(|_| "600"));

        let mut answer = HeaderMap::new();
        apply(&cors, &request, &mut answer);
        assert_eq!(
            answer
                .get("access-control-allow-origin")
                .map(|value| value.to_str().unwrap()),
            expected
        );
        assert!(preflight(&cors, &Method::POST, &request).is_none());
    }

    #[test]
    fn only_listed_origins_may_call() {
        check(&["https://app"], "https://app", Some("https://app"));
        check(&["https://app"], "https://app.evil", None);
        check(&["*"], "https://any", Some("*"));
        check(&[], "https://any", None);
    }
}
