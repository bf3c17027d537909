//! Matches a request to a route, and extracts the path parameters.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::Function;

/// One route and the function behind it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// `METHOD /path/{parameter}`.
    pub(super) key: String,
    pub(super) function: String,
    pub(super) authorized: bool,
}

/// A matched route.
#[derive(Debug, PartialEq)]
pub(super) struct Match<'a> {
    pub(super) target: &'a Target,
    pub(super) parameters: BTreeMap<String, String>,
}

/// All routes of the API.
#[derive(Debug, Default)]
pub(super) struct Routes {
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    method: String,
    segments: Vec<Segment>,
    target: Target,
}

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Word(String),
    Parameter(String),
    Greedy(String),
}

impl Routes {
    /// The routes of all functions.
    pub(super) fn new(functions: &[Function]) -> Routes {
        let mut routes: Vec<Route> = functions
            .iter()
            .flat_map(|function| function.routes.iter().map(move |route| (function, route)))
            .map(|(function, route)| Route {
                method: route.method.clone(),
                segments: segments(&route.path).map(Segment::parse).collect(),
                target: Target {
                    key: format!("{} {}", route.method, route.path),
                    function: function.name.clone(),
                    authorized: route.authorized,
                },
            })
            .collect();
        routes.sort_by_key(Route::rank);
        Routes { routes }
    }

    /// The most specific route for a request.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let parts: Vec<&str> = segments(path).collect();
        self.routes
            .iter()
            .filter(|route| route.method == method || route.method == "ANY")
            .find_map(|route| {
                let parameters = route.parameters(&parts)?;
                Some(Match {
                    target: &route.target,
                    parameters,
                })
            })
    }
}

impl Route {
    /// Lower ranks are tried first: a word beats a parameter, a parameter beats `{proxy+}`, and a
    /// method beats `ANY`.
    fn rank(&self) -> (Vec<u8>, bool) {
        let precedence = |segment: &Segment| match segment {
            Segment::Word(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Greedy(_) => 2,
        };
        (
            self.segments.iter().map(precedence).collect(),
            self.method == "ANY",
        )
    }

    fn parameters(&self, parts: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        let mut rest = parts;
        for segment in &self.segments {
            let (part, others) = rest.split_first()?;
            match segment {
                Segment::Word(word) if decode(part) != *word => return None,
                Segment::Word(_) => {}
                // A parameter is never empty.
                Segment::Parameter(_) | Segment::Greedy(_) if part.is_empty() => return None,
                Segment::Parameter(name) => {
                    parameters.insert(name.clone(), decode(part));
                }
                Segment::Greedy(name) => {
                    parameters.insert(name.clone(), decode(&rest.join("/")));
                    return Some(parameters);
                }
            }
            rest = others;
        }
        rest.is_empty().then_some(parameters)
    }
}

impl Segment {
    fn parse(text: &str) -> Segment {
        let inner = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        match inner.map(|name| (name, name.strip_suffix('+'))) {
            Some((_, Some(name))) => Segment::Greedy(name.to_owned()),
            Some((name, None)) => Segment::Parameter(name.to_owned()),
            None => Segment::Word(text.to_owned()),
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_start_matches('/').split('/')
}

/// A part of a path, percent-decoded.
pub(super) fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template;

    fn routes() -> Routes {
        let route = |method: &str, path: &str| template::Route {
            method: method.to_owned(),
            path: path.to_owned(),
            authorized: false,
        };
        Routes::new(&[template::Function {
            name: "f".to_owned(),
            variables: BTreeMap::new(),
            timeout: 3,
            memory: 128,
            log_format: None,
            log_level: None,
            role: None,
            routes: vec![
                route("GET", "/links/{id}"),
                route("GET", "/links/all"),
                route("GET", "/links/{id}/{resource}"),
                route("ANY", "/files/{proxy+}"),
                route("GET", "/callback/{session}/{outcome}"),
                route("GET", "/"),
            ],
            mapping: None,
            schedules: Vec::new(),
        }])
    }

    #[track_caller]
    fn check(method: &str, path: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let routes = routes();
        let found = routes.find(method, path);
        let found = found.as_ref().map(|found| {
            let parameters: Vec<(&str, &str)> = found
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            (found.target.key.as_str(), parameters)
        });
        assert_eq!(
            found,
            expected.map(|(key, parameters)| (key, parameters.to_vec())),
            "{method} {path}"
        );
    }

    #[test]
    fn the_most_specific_route_wins() {
        check("GET", "/links/all", Some(("GET /links/all", &[])));
        check("GET", "/links/7", Some(("GET /links/{id}", &[("id", "7")])));
        check(
            "GET",
            "/links/7/bills",
            Some((
                "GET /links/{id}/{resource}",
                &[("id", "7"), ("resource", "bills")],
            )),
        );
        check(
            "PUT",
            "/files/a/b%20c",
            Some(("ANY /files/{proxy+}", &[("proxy", "a/b c")])),
        );
        check("GET", "/", Some(("GET /", &[])));
    }

    #[test]
    fn parameters_are_percent_decoded() {
        check(
            "GET",
            "/callback/a%2Fb/s%C3%A3o",
            Some((
                "GET /callback/{session}/{outcome}",
                &[("outcome", "são"), ("session", "a/b")],
            )),
        );
    }

    #[test]
    fn other_methods_paths_and_empty_parameters_match_nothing() {
        check("POST", "/links/7", None);
        check("GET", "/links", None);
        check("GET", "/links/", None);
        check("GET", "/links/7/", None);
        check("GET", "/links/7/bills/8", None);
    }
}
