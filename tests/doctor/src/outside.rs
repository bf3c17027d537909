//! The client for all requests of a check.
//!
//! **Invariant:** the check of a local stack sends no request beyond this machine; any other check
//! sends all requests over TLS.

mod answer;

use std::{
    cell::RefCell,
    error::Error,
    time::{Duration, Instant},
};

use domain::RequestId;
use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};
use serde::Serialize;
use url::{Host, Url};

pub(crate) use self::answer::Answer;

use crate::row::{Other, by_hand, fail};

/// A cold function that calls Belvo may take 27 seconds; API Gateway gives up after 30.
const TIMEOUT: Duration = Duration::from_secs(31);
/// No expected page, picture or answer comes near this size, in bytes.
const MAX_BODY: usize = 1 << 20;
/// Browsers follow a few redirects, and circles must end.
const MAX_REDIRECTS: usize = 5;

/// Sends requests and records them.
pub(crate) struct Outside {
    api: Client,
    pages: Client,
    on_this_machine: bool,
    calls: RefCell<Vec<Call>>,
}

/// A request that was sent.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    method: String,
    /// Without its query, which may hold a token.
    address: String,
    /// `None` without an answer.
    status: Option<u16>,
    took_ms: u128,
    /// Our request id, as in the stack's logs.
    request_id: Option<String>,
    /// Belvo's request id, for its support.
    belvo_request_id: Option<RequestId>,
}

impl Outside {
    pub(crate) fn new(on_this_machine: bool) -> reqwest::Result<Self> {
        let client = |redirects| {
            let client = Client::builder()
                .redirect(redirects)
                .timeout(TIMEOUT)
                .user_agent(concat!(
                    "belvo-open-finance-doctor/",
                    env!("CARGO_PKG_VERSION")
                ));
            let client = if on_this_machine {
                client.no_proxy()
            } else {
                client
            };
            client.build()
        };
        let pages = Policy::custom(move |attempt| {
            let good = may_ask(attempt.url(), on_this_machine).is_ok();
            if good && attempt.previous().len() <= MAX_REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        Ok(Self {
            // A redirect could carry our secrets to another host.
            api: client(Policy::none())?,
            pages: client(pages)?,
            on_this_machine,
            calls: RefCell::default(),
        })
    }

    /// A request to an API, which must not redirect.
    pub(crate) fn api(&self, method: Method, url: Url) -> RequestBuilder {
        self.api.request(method, url)
    }

    /// A request as a browser sends it, following redirects.
    pub(crate) async fn page(&self, url: Url) -> Result<Answer, Other> {
        if self.on_this_machine && !is_loopback(&url) {
            let host = url.host_str().unwrap_or_default();
            return Err(by_hand(format!(
                "{host} is not reachable from the local stack"
            )));
        }
        self.send(self.pages.get(url)).await
    }

    /// Sends a request. Any answer counts, whatever its status.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Other> {
        let (client, request) = request.build_split();
        let request = request.map_err(|_| fail("a value cannot be put into a request"))?;
        let url = request.url().clone();
        may_ask(&url, self.on_this_machine)?;
        let method = request.method().to_string();
        let start = Instant::now();
        let result = match client.execute(request).await {
            Ok(response) => read(response, start).await,
            Err(error) => Err(no_answer(error)),
        };
        let answer = result.as_ref().ok();
        self.calls.borrow_mut().push(Call {
            method,
            address: format!("{}{}", url.origin().ascii_serialization(), url.path()),
            status: answer.map(|it| it.status),
            took_ms: start.elapsed().as_millis(),
            request_id: answer.and_then(Answer::request_id),
            belvo_request_id: answer.and_then(Answer::belvo_request_id),
        });
        result
    }

    pub(crate) fn into_calls(self) -> Vec<Call> {
        self.calls.into_inner()
    }
}

/// Whether a request to this address is allowed.
fn may_ask(url: &Url, on_this_machine: bool) -> Result<(), Other> {
    let host = url.host_str().unwrap_or_default();
    if is_loopback(url) {
        Ok(())
    } else if on_this_machine {
        Err(fail(format!("{host} is not on this machine")))
    } else if url.scheme() == "https" {
        Ok(())
    } else {
        Err(fail(format!("{host} is only called over https")))
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

async fn read(mut response: Response, start: Instant) -> Result<Answer, Other> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(fail(format!("{status}, but more than {MAX_BODY} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        headers,
        body,
        took: start.elapsed(),
    })
}

/// The causes tell whether name, connection or certificate failed.
fn no_answer(error: reqwest::Error) -> Other {
    if error.is_timeout() {
        return fail("no answer in time");
    }
    let error = error.without_url();
    let mut words = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        words.push(cause.to_string());
        source = cause.source();
    }
    fail(format!("no answer ({})", words.join(": ")))
}
