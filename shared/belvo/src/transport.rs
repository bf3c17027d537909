//! The network between this process and Belvo.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};

/// A page of 1,000 transactions is 2 to 4 MB; nothing Belvo documents comes near this.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// No usable answer arrived. The text names no URL, because URLs carry ids and documents.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportError {
    /// Connecting or sending failed, or no answer began.
    #[error("no answer from belvo")]
    NoAnswer(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Belvo took the request, and its answer did not come in time.
    #[error("belvo's answer took too long")]
    TimedOut,
    /// The answer began and did not come to its end.
    #[error("belvo's answer was cut off")]
    CutOff(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The answer is larger than any documented one.
    #[error("belvo's answer is larger than {MAX_BODY} bytes")]
    TooLarge,
}

type Send_ = dyn Fn(Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, TransportError>>
    + Send
    + Sync;

/// Sends a request and gives the whole answer.
///
/// A function rather than a client, so that a test can stand in for the network.
#[derive(Clone)]
pub struct Transport(Arc<Send_>);

impl Transport {
    /// The real network. `timeout` bounds a whole request.
    pub fn network(timeout: Duration) -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(timeout)
            // A redirect could take the keys to another host. Belvo documents no redirect.
            .redirect(reqwest::redirect::Policy::none())
            // Asked for, because a page of rows is a tenth of its size then. `send` counts the bytes that
            // come out, so a body that swells stops at the bound of all bodies.
            .gzip(true)
            .deflate(true)
            .user_agent(concat!("belvo-open-finance/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(no_answer)?;
        Ok(Self::from_fn(move |request| {
            let client = client.clone();
            Box::pin(async move { send(&client, request).await })
        }))
    }

    /// A function that answers requests, such as a test's.
    pub fn from_fn<F>(send: F) -> Self
    where
        F: Fn(Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, TransportError>>
            + Send
            + Sync
            + 'static,
    {
        Self(Arc::new(send))
    }

    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        (self.0)(request).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport(…)")
    }
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let request = request.try_into().map_err(no_answer)?;
    let mut answer = client.execute(request).await.map_err(no_answer)?;
    let status = answer.status();
    let mut body = Vec::with_capacity(answer.content_length().unwrap_or(0).min(1 << 23) as usize);
    while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    Ok(response)
}

/// reqwest's messages print the URL, which carries ids and documents.
fn no_answer(error: reqwest::Error) -> TransportError {
    let (timed_out, cut_off) = (error.is_timeout(), error.is_body() || error.is_decode());
    match error.is_connect() {
        false if timed_out => TransportError::TimedOut,
        false if cut_off => TransportError::CutOff(Arc::new(error.without_url())),
        _ => TransportError::NoAnswer(Arc::new(error.without_url())),
    }
}
