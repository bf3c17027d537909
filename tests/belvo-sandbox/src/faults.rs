//! Faults that a test can switch on, and the rule that decides when each strikes.

use serde::Deserialize;
use serde_json::Value;

use crate::drift::Drift;

/// The active faults. The crate's documentation describes each in a table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    pub latency_ms: u64,
    /// Restricts the faults of answers to paths that contain this text.
    pub path: Option<String>,
    /// Something in front of Belvo answers these requests instead of it.
    pub gateway: Vec<Gateway>,
    pub fail_next: Option<FailNext>,
    pub status_429: Times,
    pub http_5xx: Times,
    pub html_403: Times,
    pub timeout_408: Times,
    pub cut_body: Times,
    pub shift_rows: Times,
    pub repeat_rows: Times,
    pub first_page_again: Times,
    pub short_page: Times,
    pub empty_page: Times,
    pub empty_list: Times,
    pub count_flips: Times,
    pub drift: Vec<Drift>,
    pub count_lies: Lie,
    pub next_elsewhere: Times,
    pub next_circle: Times,
    pub null_results: Times,
    pub largest_page: Option<u64>,
    pub large_pages: Option<LargePages>,
    pub rewrite: Vec<Rewrite>,
    pub encoding: Option<Encoding>,
    pub ignore_filter: Times,
    pub foreign_object: Times,
    pub webhooks: WebhookFaults,
    pub rate_limit: bool,
    pub quirks: bool,
    pub loading: bool,
}

/// An answer of something in front of Belvo: of a gateway, a firewall, a proxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`; `text/html` unless given.
    #[serde(rename = "type")]
    pub content_type: Option<String>,
    /// The body as it is sent; empty unless given.
    #[serde(default)]
    pub body: String,
    /// Only requests of this method.
    pub method: Option<String>,
    /// Only requests whose path contains this text.
    pub path: Option<String>,
    /// Only requests whose query contains this text.
    pub query: Option<String>,
}

/// Answers that are too large for something in front of Belvo.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LargePages {
    /// Pages of more rows than this fail …
    pub rows: usize,
    /// … with this status.
    pub status: u16,
}

/// How the bodies of answers are encoded, whether that was asked for or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    Gzip,
    Deflate,
    /// Half of a gzip body, announced as all of it.
    HalfGzip,
    /// A body that is said to be gzip and is not.
    FalseGzip,
    /// A good body with so many blanks behind it that it is too large to be read.
    GzipBomb,
    /// A body that is said to be in an encoding that no client asks for.
    Unknown,
}

/// A text in answers that becomes another one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// Only in answers to paths that contain this text.
    pub path: String,
    pub from: String,
    pub to: String,
    /// Whether `to` is sent in Latin-1, which is no UTF-8.
    #[serde(default)]
    pub latin1: bool,
}

impl Rewrite {
    /// The body with each `from` replaced.
    pub fn applied(&self, body: &[u8]) -> Vec<u8> {
        let to: Vec<u8> = match self.latin1 {
            true => self
                .to
                .chars()
                .map(|it| u8::try_from(it).unwrap_or(b'?'))
                .collect(),
            false => self.to.clone().into_bytes(),
        };
        let from = self.from.as_bytes();
        let (mut written, mut rest) = (Vec::new(), body);
        while let Some((first, behind)) = rest.split_first() {
            match rest.strip_prefix(from).filter(|_| !from.is_empty()) {
                Some(behind) => {
                    written.extend_from_slice(&to);
                    rest = behind;
                }
                None => {
                    written.push(*first);
                    rest = behind;
                }
            }
        }
        written
    }
}

/// Failures of the next requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailNext {
    pub count: u64,
    pub status: u16,
    /// Belvo's error code; by default the usual one of the status.
    pub code: Option<String>,
    /// `html` for the gateway's page, `empty` for no body, an error array otherwise.
    pub body: Option<Body>,
    /// Only for requests whose path contains this text.
    pub path: Option<String>,
}

/// The body of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Belvo's array.
    Json,
    /// The gateway's page.
    Html,
    Empty,
}

/// Faults of webhooks in flight.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    pub hold: bool,
    pub lose: Times,
    pub late_ms: u64,
    pub repeat: u32,
    pub reorder: bool,
    pub external_id_null: bool,
    /// Retries after an answer other than 200.
    pub retries: u32,
    /// The wait before a retry.
    pub retry_ms: u64,
}

impl Default for WebhookFaults {
    fn default() -> Self {
        Self {
            hold: false,
            lose: Times::Never,
            late_ms: 0,
            repeat: 0,
            reorder: false,
            external_id_null: false,
            // Belvo retries three times, a minute apart. A minute is too long for a test.
            retries: 3,
            retry_ms: 200,
        }
    }
}

/// The rule that decides when a fault strikes: `true`, a number for the next so many times, or
/// `{"every": n}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Times {
    /// Never.
    #[default]
    Never,
    /// Always.
    Always,
    /// The remaining number of times.
    Next(u64),
    /// Once in a period.
    Every {
        n: u64,
        /// Occasions so far.
        seen: u64,
    },
}

impl Times {
    /// Whether it strikes on this occasion, which is counted.
    pub fn strikes(&mut self) -> bool {
        match self {
            Self::Never | Self::Next(0) => false,
            Self::Always => true,
            Self::Next(left) => {
                *left -= 1;
                true
            }
            Self::Every { n, seen } => {
                *seen += 1;
                seen.is_multiple_of(*n)
            }
        }
    }
}

impl TryFrom<Value> for Times {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match (
            &value,
            value.as_u64(),
            value.get("every").and_then(Value::as_u64),
        ) {
            (Value::Null | Value::Bool(false), ..) => Ok(Self::Never),
            (Value::Bool(true), ..) => Ok(Self::Always),
            (_, Some(count), _) => Ok(Self::Next(count)),
            (_, _, Some(n)) if n > 0 => Ok(Self::Every { n, seen: 0 }),
            _ => Err(format!(
                "expected true, a number or {{\"every\": n}}, got {value}"
            )),
        }
    }
}

/// The error of `count`: `true` for one too many, or a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Lie(pub i64);

impl TryFrom<Value> for Lie {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match (&value, value.as_i64()) {
            (Value::Null | Value::Bool(false), _) => Ok(Self(0)),
            (Value::Bool(true), _) => Ok(Self(1)),
            (_, Some(by)) => Ok(Self(by)),
            _ => Err(format!("expected true or a number, got {value}")),
        }
    }
}

/// A failure to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub status: u16,
    /// Belvo's error code, if the test has set one.
    pub code: Option<String>,
    pub body: Body,
}

impl Faults {
    /// What answers a request instead of Belvo, if anything does.
    pub fn gateway(&self, method: &str, path: &str, query: &str) -> Option<&Gateway> {
        let holds =
            |text: &str, part: &Option<String>| part.as_ref().is_none_or(|it| text.contains(it));
        self.gateway.iter().find(|gateway| {
            let by_method = gateway.method.as_ref().is_none_or(|it| it == method);
            by_method && holds(path, &gateway.path) && holds(query, &gateway.query)
        })
    }

    /// The failure for a request to this path, if one strikes.
    pub fn failure(&mut self, path: &str) -> Option<Failure> {
        if let Some(fail) = &mut self.fail_next
            && fail.count > 0
            && fail.path.as_ref().is_none_or(|part| path.contains(part))
        {
            fail.count -= 1;
            let body = fail.body.unwrap_or(Body::Json);
            let code = fail.code.clone();
            return Some(Failure {
                status: fail.status,
                code,
                body,
            });
        }
        if !self.concerns(path) {
            return None;
        }
        let failure = |status, body| {
            Some(Failure {
                status,
                code: None,
                body,
            })
        };
        if self.status_429.strikes() {
            return failure(429, Body::Json);
        }
        if self.http_5xx.strikes() {
            return failure(500, Body::Json);
        }
        if self.html_403.strikes() {
            return failure(403, Body::Html);
        }
        if self.timeout_408.strikes() {
            return failure(408, Body::Json);
        }
        None
    }

    /// Whether a list of this path is not filtered by its link.
    pub fn ignores_filter(&mut self, path: &str) -> bool {
        self.concerns(path) && self.ignore_filter.strikes()
    }

    /// Whether a single row of this path names another link.
    pub fn swaps_link(&mut self, path: &str) -> bool {
        self.concerns(path) && self.foreign_object.strikes()
    }

    /// What is replaced in answers to this path.
    pub fn rewrites(&self, path: &str) -> Vec<Rewrite> {
        let concerned = |it: &&Rewrite| path.contains(&it.path);
        self.rewrite.iter().filter(concerned).cloned().collect()
    }

    /// How answers to this path are encoded.
    pub fn encoding(&self, path: &str) -> Option<Encoding> {
        self.encoding.filter(|_| self.concerns(path))
    }

    pub fn concerns(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|part| path.contains(part))
    }
}
