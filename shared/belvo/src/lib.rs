//! A client for the part of Belvo's API that Open Finance Brazil needs.
//!
//! It mints widget tokens ([`Belvo::create_widget_token`]), looks at links and consents
//! ([`Belvo::link`], [`Belvo::consent`]) and reads the six resources page by page
//! ([`Belvo::page`]). Rows stay raw JSON: Belvo's own samples break Belvo's schema, so only the few
//! fields somebody decides by are looked at, elsewhere.
//!
//! Deliberately absent: `POST` on resources, which spends the user's monthly Open Finance quota.
//!
//! Requests go through a [`Transport`] and keys come from a [`KeySource`], both given from outside.

mod consents;
mod error;
mod keys;
mod links;
mod pace;
mod policy;
mod resources;
mod token;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use url::Url;

pub use consents::Consent;
pub use error::{ApiError, BelvoError, Detail};
pub use keys::{Freshness, InvalidKeys, KeyError, KeySource, Keys};
pub use links::{Link, LinkPage};
pub use pace::Pace;
pub use policy::{Retry, Wait};
pub use resources::{Page, Row};
pub use token::{AccessToken, Branding, CallbackUrls, ConsentDuration, ThemeEntry, WidgetToken};
pub use transport::{Transport, TransportError};

/// Belvo's API, seen from one process.
#[derive(Clone, Debug)]
pub struct Belvo {
    base_url: Url,
    transport: Transport,
    keys: KeySource,
    rhythm: Rhythm,
}

/// In which steps we ask.
#[derive(Clone, Debug)]
pub struct Rhythm {
    /// How fast.
    pub pace: Pace,
    /// Rows of a page.
    pub page_size: u32,
    /// Before a call is repeated for the first time; doubled from then on.
    pub first_pause: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            // Belvo's limit for an address; whoever is not alone behind it takes a share.
            pace: Pace::new(80),
            // Belvo's maximum; larger values are silently reduced to it (OpenAPI 1.223.0).
            page_size: 1000,
            first_pause: Duration::from_millis(500),
        }
    }
}

impl Belvo {
    /// Talks to the Belvo at `base_url`.
    pub fn new(base_url: Url, transport: Transport, keys: KeySource) -> Self {
        Self {
            base_url,
            transport,
            keys,
            rhythm: Rhythm::default(),
        }
    }

    /// Asks in these steps.
    pub fn with_rhythm(self, rhythm: Rhythm) -> Self {
        Self { rhythm, ..self }
    }

    /// Reads one address with the secret keys in the header, trying again a few times where that
    /// can help: also when the answer is cut off or not what `what` says.
    async fn get<T: DeserializeOwned>(
        &self,
        url: &Url,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        let request = |keys: &Keys| {
            let request = Request::builder()
                .method(Method::GET)
                .uri(url.as_str())
                .header(ACCEPT, "application/json")
                .header(AUTHORIZATION, basic(keys)?);
            Ok(request.body(Bytes::new())?)
        };
        self.persistently(READ_ATTEMPTS, request, what).await
    }

    /// Sends a body that carries the keys itself, as `POST /api/token/` wants it.
    async fn post<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: impl Fn(&Keys) -> Result<Bytes, BelvoError>,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        let request = |keys: &Keys| {
            let request = Request::builder()
                .method(Method::POST)
                .uri(url.as_str())
                .header(ACCEPT, "application/json")
                .header(CONTENT_TYPE, "application/json");
            Ok(request.body(body(keys)?)?)
        };
        self.persistently(INTERACTIVE_ATTEMPTS, request, what).await
    }

    /// Repeats a request while Belvo is unwell, and once with fresh keys when it rejects ours:
    /// they may have been rotated since this process read them.
    async fn persistently<T: DeserializeOwned>(
        &self,
        attempts: usize,
        request: impl Fn(&Keys) -> Result<Request<Bytes>, BelvoError>,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        let keys = self.keys.get(Freshness::Cached).await?;
        match self.repeatedly(attempts, || request(&keys), what).await {
            Err(error @ BelvoError::AuthenticationFailed { .. }) => {
                let fresh = self.keys.get(Freshness::Reread).await?;
                if Arc::ptr_eq(&fresh, &keys) {
                    return Err(error);
                }
                self.repeatedly(attempts, || request(&fresh), what).await
            }
            result => result,
        }
    }

    async fn repeatedly<T: DeserializeOwned>(
        &self,
        attempts: usize,
        request: impl Fn() -> Result<Request<Bytes>, BelvoError>,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        use backon::{BackoffBuilder, ExponentialBuilder};
        // Brief, because somebody waits or a Lambda runs meanwhile; longer waits are a later job.
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(self.rhythm.first_pause)
            .with_max_times(attempts.saturating_sub(1))
            .build();
        loop {
            match self.once(request()?, what).await {
                Err(error) if error.retry() == Retry::InPlace => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                result => return result,
            }
        }
    }

    async fn once<T: DeserializeOwned>(
        &self,
        request: Request<Bytes>,
        what: &'static str,
    ) -> Result<T, BelvoError> {
        let path = request.uri().path().to_owned();
        self.rhythm.pace.turn().await;
        let response = self.transport.send(request).await;
        let response = response.map_err(|source| BelvoError::Transport { path, source })?;
        if !response.status().is_success() {
            let (status, body) = (response.status(), response.body());
            return Err(BelvoError::from_response(status, body));
        }
        serde_json::from_slice(response.body()).map_err(|_| BelvoError::Unexpected { what })
    }

    /// An address below the base, from path segments; every documented path ends with a slash.
    fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base_url.clone();
        // Cannot fail: the configuration takes http and https addresses only.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments).push("");
        }
        url
    }
}

/// Tries of a read: the first, and again after 0.5, 1 and 2 s.
const READ_ATTEMPTS: usize = 4;

/// Tries while a user waits: the first, and again after 0.5 s.
const INTERACTIVE_ATTEMPTS: usize = 2;

fn basic(keys: &Keys) -> Result<HeaderValue, BelvoError> {
    let pair = format!("{}:{}", keys.id, keys.password.expose_secret());
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(http::Error::from)?;
    value.set_sensitive(true);
    Ok(value)
}
