//! How a call is made: with the secret keys, within our share of the rate, and again where that can help.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::RequestId;
use domain::json::text;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::request::Builder;
use http::{HeaderValue, Method, Request, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::list::{List, PageSize, list};
use crate::rows::{self, Row, SpoiledRow};
use crate::{Belvo, BelvoError, Keys, Retry};

/// Tries of a read: the first, and again after 0.5, 1 and 2 s.
const READ_ATTEMPTS: usize = 4;

/// How often a request is made, and when it is too late to make it again.
#[derive(Clone, Copy)]
struct Tries {
    most: usize,
    within: Duration,
    /// The size of the page that is asked for, if it is one: less can be asked for instead.
    page: Option<PageSize>,
}

impl Tries {
    /// A request that took as long as it may is not made again: a later job asks again, and the
    /// process is free for other links.
    const READ: Self = Self {
        most: READ_ATTEMPTS,
        within: Duration::from_secs(20),
        page: None,
    };

    /// While a user waits: a slow answer is waited for, and only an early failure is tried again.
    const INTERACTIVE: Self = Self {
        most: 2,
        within: Duration::from_secs(4),
        ..Self::READ
    };

    /// Of what may be done once.
    const ONE: Self = Self {
        most: 1,
        ..Self::READ
    };

    fn after(self, error: &BelvoError) -> usize {
        let of_size = self.page.and_then(|page| page.tries(error));
        of_size.unwrap_or(self.most)
    }
}

impl Belvo {
    /// Reads an object, trying again a few times where that can help: also when the answer is cut off
    /// or not what `what` says. A single value of it may not be JSON.
    pub(crate) async fn get_row(
        &self,
        url: &Url,
        what: &'static str,
    ) -> Result<Result<Row, SpoiledRow>, BelvoError> {
        let read = |text: &str| rows::object(text);
        self.get_object(url, what, read).await
    }

    /// The same of an answer that is read in another way.
    pub(crate) async fn get_object<T>(
        &self,
        url: &Url,
        what: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, BelvoError> {
        let read = |answer: Response<Bytes>| {
            let object = read(&text::of(answer.body()));
            object.ok_or(BelvoError::Unexpected { what })
        };
        self.read(url, Tries::READ, read).await
    }

    /// The same of a page of a list.
    pub(crate) async fn get_list(
        &self,
        url: &Url,
        size: PageSize,
        what: &'static str,
    ) -> Result<List, BelvoError> {
        let tries = Tries {
            page: Some(size),
            ..Tries::READ
        };
        self.read(url, tries, list(what)).await
    }

    async fn read<T>(
        &self,
        url: &Url,
        tries: Tries,
        read: impl Fn(Response<Bytes>) -> Result<T, BelvoError>,
    ) -> Result<T, BelvoError> {
        let request = |keys: &Keys| Ok(signed(Method::GET, url, keys)?.body(Bytes::new())?);
        self.persistently(tries, request, read).await
    }

    /// Sends a body that carries the keys itself, as `POST /api/token/` wants it.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: impl Fn(&Keys) -> Result<Bytes, BelvoError>,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        let request = |keys: &Keys| {
            let request = request(Method::POST, url).header(CONTENT_TYPE, "application/json");
            Ok(request.body(body(keys)?)?)
        };
        self.persistently(Tries::INTERACTIVE, request, json(what))
            .await
    }

    /// Sends a body and reads the answer's. **Invariant:** what may have reached Belvo is not sent
    /// again; only rejected keys, which stop a request at the door, are replaced once.
    pub(crate) async fn post_once<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: &Bytes,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        let request = |keys: &Keys| {
            let request = signed(Method::POST, url, keys)?;
            let request = request.header(CONTENT_TYPE, "application/json");
            Ok(request.body(body.clone())?)
        };
        self.persistently(Tries::ONE, request, json(what)).await
    }

    /// Deletes what is at an address, in Belvo's asynchronous mode, and reads the answer. Doing so
    /// twice does no harm.
    pub(crate) async fn delete_at<T>(
        &self,
        url: &Url,
        read: impl Fn(Response<Bytes>) -> Result<T, BelvoError>,
    ) -> Result<T, BelvoError> {
        let request = |keys: &Keys| {
            let request = signed(Method::DELETE, url, keys)?;
            // The other mode takes five a minute (OpenAPI 1.223.0).
            let request = request.header("x-belvo-request-mode", "async");
            Ok(request.body(Bytes::new())?)
        };
        self.persistently(Tries::READ, request, read).await
    }

    /// Repeats a request while Belvo is unwell, and once with fresh keys when it rejects ours:
    /// they may have been rotated since this process read them.
    async fn persistently<T>(
        &self,
        tries: Tries,
        request: impl Fn(&Keys) -> Result<Request<Bytes>, BelvoError>,
        read: impl Fn(Response<Bytes>) -> Result<T, BelvoError>,
    ) -> Result<T, BelvoError> {
        let keys = self.keys.get().await?;
        match self.repeatedly(tries, || request(&keys), &read).await {
            Err(error @ BelvoError::AuthenticationFailed { .. }) => {
                let fresh = self.keys.reread().await?;
                if Arc::ptr_eq(&fresh, &keys) {
                    return Err(error);
                }
                self.repeatedly(tries, || request(&fresh), &read).await
            }
            result => result,
        }
    }

    async fn repeatedly<T>(
        &self,
        tries: Tries,
        request: impl Fn() -> Result<Request<Bytes>, BelvoError>,
        read: impl Fn(Response<Bytes>) -> Result<T, BelvoError>,
    ) -> Result<T, BelvoError> {
        use backon::{BackoffBuilder, ExponentialBuilder};
        // Brief, because a user waits or a Lambda runs meanwhile; longer waits are a later job.
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(self.options.first_delay)
            .with_max_times(tries.most.saturating_sub(1))
            .build();
        let began = self.options.rate_limiter.stopwatch();
        let mut made = 0;
        loop {
            let request = request()?;
            let path = request.uri().path().to_owned();
            let error = match self.once(request).await.and_then(&read) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            log_failed(&error, &path);
            made += 1;
            let is_over = error.retry() != Retry::InPlace
                || made >= tries.after(&error)
                || began.elapsed() > tries.within;
            let Some(pause) = pauses.next().filter(|_| !is_over) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BelvoError> {
        let path = request.uri().path().to_owned();
        self.options.rate_limiter.acquire().await;
        let response = self.transport.send(request).await;
        let response = response.map_err(|source| BelvoError::Transport { path, source })?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(BelvoError::from_response(
                response.status(),
                response.body(),
            )),
        }
    }
}

/// Logs each failed request, also one that is repeated or whose failure is an answer, because Belvo's
/// support asks for its request id. What it means for a link, the caller logs.
fn log_failed(error: &BelvoError, path: &str) {
    let said = error.api_error();
    let code = said.map(|it| it.code.as_str());
    let request_id = said.and_then(|it| it.request_id.as_ref());
    tracing::warn!(
        error = %error,
        belvo.path = path,
        belvo.code = code,
        belvo.request_id = request_id.map(RequestId::as_str),
        "a request to belvo failed"
    );
}

/// Reads an answer that must be a JSON object: Belvo answers nothing else where it succeeds.
pub(crate) fn json<T: DeserializeOwned>(
    what: &'static str,
) -> impl Fn(Response<Bytes>) -> Result<T, BelvoError> {
    move |answer| {
        let text = text::of(answer.body());
        // serde would read a struct from an array as well.
        let object = text.starts_with('{').then_some(&*text);
        let read = object.and_then(|it| serde_json::from_str(it).ok());
        read.ok_or(BelvoError::Unexpected { what })
    }
}

/// Belvo's answer to what it will do later (202). Without a request id, something else has answered.
#[derive(Deserialize)]
pub(crate) struct Accepted {
    /// The `request_id` of the webhooks that follow.
    pub(crate) request_id: String,
}

fn request(method: Method, url: &Url) -> Builder {
    let request = Request::builder().method(method).uri(url.as_str());
    request.header(ACCEPT, "application/json")
}

/// A request with the secret keys in its header.
fn signed(method: Method, url: &Url, keys: &Keys) -> Result<Builder, BelvoError> {
    Ok(request(method, url).header(AUTHORIZATION, basic(keys)?))
}

fn basic(keys: &Keys) -> Result<HeaderValue, BelvoError> {
    let pair = format!("{}:{}", keys.id, keys.password.expose_secret());
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(http::Error::from)?;
    value.set_sensitive(true);
    Ok(value)
}
