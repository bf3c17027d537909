//! A request in the form in which a handler receives it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::CPF;

/// A request in the form in which API Gateway passes it.
pub struct Call<'a> {
    pub route: &'static str,
    pub path: &'a str,
    pub query: &'a str,
    /// The `sub` of a verified token.
    pub user: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub body: Value,
}

impl<'a> Call<'a> {
    pub fn new(route: &'static str, path: &'a str) -> Self {
        Self {
            route,
            path,
            query: "",
            user: None,
            authorization: None,
            body: Value::Null,
        }
    }

    /// A request of a signed-in user.
    pub fn of(self, user: &'a str) -> Self {
        let user = Some(user);
        Self { user, ..self }
    }

    pub fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    pub fn request(&self) -> lambda_http::Request {
        let method = self.route.split(' ').next().unwrap();
        let template = self.route.split('/').skip(1);
        let segments = template.zip(self.path.split('/').skip(1));
        let parameters: BTreeMap<&str, &str> = segments
            .filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)))
            .collect();
        let claims = self.user.map(|sub| {
            json!({"jwt": {"claims": {"sub": sub, "cpf": CPF, "name": "Ralph Bragg"}, "scopes": null}})
        });
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route,
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": {"host": "api.example.com"},
            "pathParameters": parameters,
            "requestContext": {
                "routeKey": self.route,
                "requestId": "request",
                "stage": "$default",
                "timeEpoch": 0,
                "authorizer": claims,
                "http": {"method": method, "path": self.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            },
            "isBase64Encoded": false,
        });
        if !self.body.is_null() {
            event["body"] = self.body.to_string().into();
        }
        if let Some(authorization) = self.authorization {
            event["headers"]["authorization"] = authorization.into();
        }
        lambda_http::request::from_str(&event.to_string()).unwrap()
    }
}
