//! Access to the API, its origins and limits, and the access log.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Rule, SCOPE, Subject, list, number, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "only the open routes are open",
        check: open_routes,
    },
    Rule {
        name: "tokens are meant for this API",
        check: tokens,
    },
    Rule {
        name: "only named pages may call",
        check: origins,
    },
    Rule {
        name: "routes have limits that fit them",
        check: limits,
    },
    Rule {
        name: "the access log names no user",
        check: access_logs,
    },
    Rule {
        name: "the custom domain is reached over current TLS",
        check: domain,
    },
];

/// Belvo's webhook, the browser's redirect from Belvo, and a report with a signed session.
const OPEN: [&str; 9] = [
    "GET /callback/{session}/{outcome}",
    "GET /callback/{session}/{outcome}/",
    "GET /webhook",
    "GET /webhook/",
    "HEAD /webhook",
    "HEAD /webhook/",
    "POST /connection-reports",
    "POST /webhook",
    "POST /webhook/",
];

/// Routes that must be slower than reading, and routes with a limit of their own.
const TIGHTER: [&str; 11] = [
    "DELETE /links/{link_id}",
    "DELETE /me",
    "GET /export",
    "GET /webhook",
    "GET /webhook/",
    "HEAD /webhook",
    "HEAD /webhook/",
    "POST /connection-reports",
    "POST /links/{link_id}/refresh",
    "POST /portal",
    "POST /token",
];
const LOOSER: [&str; 4] = [
    "GET /callback/{session}/{outcome}",
    "GET /callback/{session}/{outcome}/",
    "POST /webhook",
    "POST /webhook/",
];

fn key(route: &Value) -> String {
    let text = |name: &str| route[name].as_str().unwrap_or_default();
    format!("{} {}", text("Method").to_uppercase(), text("Path"))
}

fn open_routes(subject: &Subject) -> Vec<String> {
    let auth = &subject.properties("Api")["Auth"];
    let default = &auth["DefaultAuthorizer"];
    let routes = subject.events("HttpApi");
    let open = routes.iter().filter(|(_, route)| {
        let own = &route["Auth"]["Authorizer"];
        let authorizer = if own.is_null() { default } else { own };
        let known = authorizer
            .as_str()
            .and_then(|it| auth["Authorizers"].get(it));
        known.is_none()
    });
    let open: BTreeSet<String> = open.map(|(_, route)| key(route)).collect();
    let expected: BTreeSet<String> = OPEN.map(str::to_owned).into();
    unless(open == expected, format!("open are {open:?}"))
}

fn tokens(subject: &Subject) -> Vec<String> {
    let authorizers = &subject.properties("Api")["Auth"]["Authorizers"];
    let mut complaints = Vec::new();
    for (name, authorizer) in authorizers.as_object().into_iter().flatten() {
        let audience = list(&authorizer["JwtConfiguration"]["audience"]);
        let named = !audience.is_empty() && audience.iter().all(|it| **it != "");
        complaints.extend(unless(
            named,
            format!("{name} takes tokens meant for anything"),
        ));
        let asked = match subject.full {
            true => json!([SCOPE]),
            false => json!([]),
        };
        let scopes = &authorizer["AuthorizationScopes"];
        complaints.extend(unless(
            *scopes == asked,
            format!("{name} requires {scopes}"),
        ));
    }
    complaints
}

fn origins(subject: &Subject) -> Vec<String> {
    let cors = &subject.properties("Api")["CorsConfiguration"];
    let lists = [
        "AllowOrigins",
        "AllowMethods",
        "AllowHeaders",
        "ExposeHeaders",
    ];
    let anything = lists.iter().flat_map(|name| list(&cors[name]));
    let mut wild = anything.filter(|it| it.as_str().is_none_or(|it| it.contains('*')));
    let mut complaints = unless(wild.next().is_none(), "a list allows anything");
    let cookies = cors["AllowCredentials"] == true;
    complaints.extend(unless(!cookies, "cookies are sent along"));
    let pattern = &subject.template["Parameters"]["AllowedOrigins"]["AllowedPattern"];
    let closed = pattern.as_str().is_some_and(|it| it.contains("[^*"));
    complaints.extend(unless(closed, "the parameter takes a *"));
    complaints
}

fn limits(subject: &Subject) -> Vec<String> {
    let api = subject.properties("Api");
    let rate = |settings: &Value| {
        let burst = number(&settings["ThrottlingBurstLimit"]);
        number(&settings["ThrottlingRateLimit"]).filter(|_| burst.is_some())
    };
    let Some(default) = rate(&api["DefaultRouteSettings"]) else {
        return vec!["there is no limit by default".to_owned()];
    };
    let routes = subject.events("HttpApi");
    let routes: BTreeSet<String> = routes.iter().map(|(_, route)| key(route)).collect();
    let named = api["RouteSettings"].as_object().into_iter().flatten();
    let strangers = named.filter(|(name, _)| !routes.contains(*name));
    let mut complaints: Vec<String> = strangers
        .map(|(name, _)| format!("there is no route {name}"))
        .collect();
    let own = |name: &str| rate(&api["RouteSettings"][name]);
    for name in TIGHTER {
        let tight = own(name).is_some_and(|rate| rate < default);
        complaints.extend(unless(tight, format!("{name} is as quick as reading")));
    }
    for name in LOOSER {
        let loose = own(name).is_some_and(|rate| rate > default);
        complaints.extend(unless(loose, format!("{name} is turned away like reading")));
    }
    complaints
}

/// An address, a path or a query would identify a user; a route does not.
fn access_logs(subject: &Subject) -> Vec<String> {
    let format = &subject.properties("Api")["AccessLogSettings"]["Format"];
    let format = format.as_str().unwrap_or_default();
    let harmless = ["requestId", "responseLatency", "routeKey", "status"];
    let variables = format.split("$context.").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        &rest[..end.unwrap_or(rest.len())]
    });
    let variables: BTreeSet<&str> = variables.collect();
    let expected: BTreeSet<&str> = harmless.into();
    unless(variables == expected, format!("{variables:?} are logged"))
}

fn domain(subject: &Subject) -> Vec<String> {
    if !subject.full {
        return Vec::new();
    }
    let domain = subject.properties("ApiDomain");
    let policy = &domain["DomainNameConfigurations"][0]["SecurityPolicy"];
    unless(*policy == "TLS_1_2", format!("{policy}"))
}
