//! A client for the part of Belvo's API that Open Finance Brazil needs.
//!
//! It mints tokens for the widget and the portal ([`Belvo::create_widget_token`],
//! [`Belvo::create_portal_token`]), reads links and consents ([`Belvo::link`],
//! [`Belvo::consent`]), deletes links ([`Belvo::delete`]) and reads the six resources page by page
//! ([`Belvo::page`]). Rows stay raw JSON: Belvo's own samples break Belvo's schema, so only the few
//! fields that a rule decides by are read, elsewhere; here only [`row_names`], whose they are. What is
//! not even JSON is taken apart in `rows`.
//!
//! [`Belvo::refresh`] is the only call that spends the user's monthly Open Finance quota. `POST` on
//! resources, which spends it too, is absent on purpose.
//!
//! The caller gives the [`Transport`] that requests go through and the [`KeySource`] of the keys.

mod calls;
mod consents;
mod deletion;
mod error;
mod keys;
mod links;
mod list;
mod parts;
mod policy;
mod portal_token;
mod rate_limiter;
mod refresh;
mod resources;
mod row_names;
mod rows;
#[cfg(test)]
mod tests;
mod token;
mod transport;
mod widget_token;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use consents::Consent;
pub use deletion::Deletion;
pub use error::{ApiError, BelvoError, Detail};
pub use keys::{InvalidKeys, KeyError, KeySource, Keys};
pub use links::{Link, LinkPage};
pub use list::{Next, PageSize};
pub use policy::{Retry, Wait};
pub use portal_token::PortalToken;
pub use rate_limiter::RateLimiter;
pub use resources::Page;
pub use row_names::row_names;
pub use rows::{Row, SpoiledRow};
pub use token::AccessToken;
pub use transport::{Transport, TransportError};
pub use widget_token::{Branding, CallbackUrls, ConsentDuration, ThemeEntry, WidgetToken};

/// Belvo's API, seen from one process.
#[derive(Clone, Debug)]
pub struct Belvo {
    base_url: Url,
    transport: Transport,
    keys: KeySource,
    options: ClientOptions,
}

/// How requests are made.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub rate_limiter: RateLimiter,
    /// Rows of a page that are asked for at first; fewer after an answer failed for its size.
    pub page_size: u32,
    /// Before a call is repeated for the first time; doubled from then on.
    pub first_delay: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            // Belvo's limit for an address; a process that is not alone behind it takes a share.
            rate_limiter: RateLimiter::new(80),
            // Belvo's maximum; larger values are silently reduced to it (OpenAPI 1.223.0).
            page_size: 1000,
            first_delay: Duration::from_millis(500),
        }
    }
}

impl Belvo {
    /// Talks to the Belvo at `base_url` over the network. `timeout` bounds a whole request, and
    /// `read_keys` is as [`KeySource::new`] takes it.
    pub fn connect<F, R, E>(
        base_url: &Url,
        timeout: Duration,
        read_keys: F,
    ) -> Result<Self, TransportError>
    where
        F: Fn(bool) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Arc<Keys>, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let transport = Transport::network(timeout)?;
        Ok(Self::new(
            base_url.clone(),
            transport,
            KeySource::new(read_keys),
        ))
    }

    /// Talks to the Belvo at `base_url` over any transport.
    pub fn new(base_url: Url, transport: Transport, keys: KeySource) -> Self {
        Self {
            base_url,
            transport,
            keys,
            options: ClientOptions::default(),
        }
    }

    /// The same client with other options.
    pub fn with_options(self, options: ClientOptions) -> Self {
        Self { options, ..self }
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
