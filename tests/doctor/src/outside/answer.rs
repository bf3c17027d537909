//! An answer, and the parts of it that may be shown.

use std::time::Duration;

use domain::{Code, RequestId};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::row::{Other, fail};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// From the first byte sent to the last byte received.
    pub(crate) took: Duration,
}

impl Answer {
    /// The answer itself, if it has this status.
    pub(crate) fn must_be(self, status: u16) -> Result<Self, Other> {
        if self.status == status {
            return Ok(self);
        }
        Err(fail(format!("{}, not {status}", self.what())))
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether one of our functions refused the request, as opposed to API Gateway.
    pub(crate) fn is_problem(&self) -> bool {
        self.header("content-type") == Some("application/problem+json")
    }

    /// The body; null if it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status, with the type of our own problem and Belvo's codes. The rest of a body stays
    /// hidden, because it may repeat the request.
    pub(crate) fn what(&self) -> String {
        let body = self.json();
        let mut words = vec![self.status.to_string()];
        let belvo = if self.is_problem() {
            words.extend(body.get("type").and_then(plain));
            for error in elements(body.get("errors")) {
                let texts = ["pointer", "detail"].map(|name| error.get(name).and_then(plain));
                words.extend(texts.into_iter().flatten());
            }
            body.pointer("/belvo/errors")
        } else {
            Some(&body)
        };
        for error in elements(belvo) {
            let code = error.get("code").and_then(Value::as_str);
            words.extend(code.map(|code| Code::lenient(code).to_string()));
        }
        words.join(" ")
    }

    /// Our request id.
    pub(super) fn request_id(&self) -> Option<String> {
        let body = self.json();
        let header = self.header("apigw-requestid");
        id(header.or_else(|| body.get("request_id")?.as_str())?)
    }

    /// Belvo's request id, from its own error or from our problem about it.
    pub(super) fn belvo_request_id(&self) -> Option<RequestId> {
        let body = self.json();
        let id = body.pointer("/0/request_id");
        let id = id.or_else(|| body.pointer("/belvo/request_id"));
        RequestId::parse(id?.as_str()?).ok()
    }
}

fn elements(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A short text with fewer than eight digits, so that it cannot hold a person's number.
fn plain(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let printable = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (text.len() <= 100 && printable && digits < 8).then(|| text.to_owned())
}

/// A UUID, or the form that API Gateway generates: `JKJaXmPLvHcESHA=`.
fn id(text: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=');
    let wordy = text.bytes().any(|b| b.is_ascii_alphabetic());
    (text.len() <= 36 && wordy && text.bytes().all(allowed)).then(|| text.to_owned())
}
