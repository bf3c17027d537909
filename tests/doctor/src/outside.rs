//! The way to whatever is checked.
//!
//! **Invariant:** of a local stack's check, no request leaves this machine; of any other, none
//! leaves it without TLS.

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

/// A function that starts cold and asks Belvo may take 15 seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// No page, picture or answer that is asked for here comes near this.
const MAX_BODY: usize = 1 << 20;
/// As browsers follow a few, and circles must end.
const MAX_REDIRECTS: usize = 5;

/// Sends requests and keeps account of them.
pub(crate) struct Outside {
    api: Client,
    pages: Client,
    on_this_machine: bool,
    calls: RefCell<Vec<Call>>,
}

/// A request that was made.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    method: String,
    /// Without its query, which may hold a token.
    address: String,
    /// `None` if nothing answered.
    status: Option<u16>,
    took_ms: u128,
    /// Ours, as the stack's logs have it.
    request_id: Option<String>,
    /// Belvo's, as its support asks for it.
    belvo_request_id: Option<RequestId>,
}

impl Outside {
    pub(crate) fn new(on_this_machine: bool) -> reqwest::Result<Self> {
        let client = |redirects| {
            let client = Client::builder()
                .redirect(redirects)
                .timeout(PATIENCE)
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
            // A redirect could take what we present to another host.
            api: client(Policy::none())?,
            pages: client(pages)?,
            on_this_machine,
            calls: RefCell::default(),
        })
    }

    /// Asks an API, which does not redirect.
    pub(crate) fn api(&self, method: Method, url: Url) -> RequestBuilder {
        self.api.request(method, url)
    }

    /// Asks for what a browser would, and follows where it is sent.
    pub(crate) async fn page(&self, url: Url) -> Result<Answer, Other> {
        if self.on_this_machine && !is_loopback(&url) {
            let host = url.host_str().unwrap_or_default();
            return Err(by_hand(format!(
                "{host} is not reachable from the local stack"
            )));
        }
        self.send(self.pages.get(url)).await
    }

    /// Sends a request. Whatever answers is an answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Other> {
        let (client, request) = request.build_split();
        let request =
            request.map_err(|_| fail("what is to be sent does not fit into a request"))?;
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

/// Whether an address may be asked at all.
fn may_ask(url: &Url, on_this_machine: bool) -> Result<(), Other> {
    let host = url.host_str().unwrap_or_default();
    if is_loopback(url) {
        Ok(())
    } else if on_this_machine {
        Err(fail(format!("{host} is not on this machine")))
    } else if url.scheme() == "https" {
        Ok(())
    } else {
        Err(fail(format!("{host} is only asked over https")))
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

/// The causes say whether it was the name, the connection or the certificate.
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
