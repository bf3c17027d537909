//! Faults a test can switch on, and when each of them strikes.

use serde::Deserialize;
use serde_json::Value;

use crate::drift::Drift;

/// The faults in force. What each does is in the table of the crate's documentation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every answer waits this long.
    pub latency_ms: u64,
    /// Restricts the faults of answers to paths that contain this text.
    pub path: Option<String>,
    /// The next answers fail in this way.
    pub fail_next: Option<FailNext>,
    /// Answers are 429.
    pub status_429: Times,
    /// Answers are 500 `unexpected_error`.
    pub http_5xx: Times,
    /// Answers are the gateway's HTML page.
    pub html_403: Times,
    /// Answers are 408 `request_timeout`.
    pub timeout_408: Times,
    /// The connection breaks halfway through the body.
    pub cut_body: Times,
    /// From the second page on, rows have moved by one.
    pub shift_rows: Times,
    /// From the second page on, the last row of the page before comes again.
    pub repeat_rows: Times,
    /// The last row of a page is missing.
    pub short_page: Times,
    /// A page has no rows.
    pub empty_page: Times,
    /// A list has no rows.
    pub empty_list: Times,
    /// `count` is one too high.
    pub count_flips: Times,
    /// Changes that happen after a page was read.
    pub drift: Vec<Drift>,
    /// `count` is off by this much.
    pub count_lies: Lie,
    /// `next` points to another host.
    pub next_elsewhere: Times,
    /// `next` points to the page itself.
    pub next_circle: Times,
    /// `results` is null.
    pub null_results: Times,
    /// What happens to webhooks.
    pub webhooks: WebhookFaults,
    /// 80 requests in 30 seconds per address.
    pub rate_limit: bool,
    /// New links carry values that break Belvo's own schema.
    pub quirks: bool,
    /// New links stay without data and webhooks until this is lifted.
    pub loading: bool,
}

/// Failures to come.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailNext {
    /// How many.
    pub count: u64,
    /// HTTP status.
    pub status: u16,
    /// Belvo's error code; a fitting one unless given.
    pub code: Option<String>,
    /// `html` for the gateway's page, `empty` for nothing, an error array otherwise.
    pub body: Option<Body>,
    /// Only requests whose path contains this text.
    pub path: Option<String>,
}

/// The form of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Belvo's array.
    Json,
    /// The gateway's page.
    Html,
    /// No bytes.
    Empty,
}

/// What happens to webhooks on their way.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// They wait for `POST /_sandbox/webhooks/release`.
    pub hold: bool,
    /// They are never sent.
    pub lose: Times,
    /// They are sent this much later.
    pub late_ms: u64,
    /// They are sent so many times more.
    pub repeat: u32,
    /// Those of one occasion are sent last first.
    pub reorder: bool,
    /// They do not say whose link it is.
    pub external_id_null: bool,
    /// How often a delivery that was not answered with 200 is repeated.
    pub retries: u32,
    /// How long a retry waits.
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
            // Belvo: three more attempts, a minute apart. A minute is too long for a laptop.
            retries: 3,
            retry_ms: 200,
        }
    }
}

/// When a fault strikes: `true`, a number for the next so many times, or `{"every": n}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Times {
    /// Not at all.
    #[default]
    Never,
    /// Every time.
    Always,
    /// So many times more.
    Next(u64),
    /// Once in so many times.
    Every {
        /// The period.
        n: u64,
        /// How many times have passed.
        seen: u64,
    },
}

impl Times {
    /// Whether it strikes now; counts.
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

/// By how much `count` is wrong: `true` for one too many, or a number.
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
    /// HTTP status.
    pub status: u16,
    /// Belvo's error code, if the caller asked for one.
    pub code: Option<String>,
    /// The form.
    pub body: Body,
}

impl Faults {
    /// The failure that strikes a request to this path, if one does.
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

    /// Whether the faults of answers apply to this path.
    pub fn concerns(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|part| path.contains(part))
    }
}
