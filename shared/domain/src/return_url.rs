//! Where a user may be sent back to after the widget.
//!
//! An open redirect would let anybody use our address to lead users elsewhere, and the return
//! address also receives the link's id. So the customer lists the addresses once, in the
//! configuration, and a request can only choose among them.

use url::Url;

/// The addresses the customer allows.
#[derive(Clone, Debug)]
pub struct ReturnUrls(Vec<Url>);

/// An allowed address, possibly with a query of the app's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrl(Url);

/// Why an address is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReturnUrl {
    /// Not an absolute URL with an authority, such as `https://host/path` or `acmeapp://host`.
    #[error("must be an absolute URL such as https://app.example.com/done or acmeapp://done")]
    Shape,
    /// A scheme browsers give a meaning of their own, or plain http to another machine.
    #[error("must use https, or an app's own scheme")]
    Scheme,
    /// User, password or fragment.
    #[error("must not carry a user, a password or a fragment")]
    Extras,
    /// Longer than a session in a URL can carry.
    #[error("must have at most 512 characters")]
    TooLong,
    /// Not on the list.
    #[error("must be one of the configured return URLs, with nothing but a query added")]
    NotListed,
}

impl ReturnUrls {
    /// Takes a comma list of addresses.
    pub fn parse(text: &str) -> Result<Self, InvalidReturnUrl> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Takes `text` if it is on the list, disregarding its query.
    pub fn allow(&self, text: &str) -> Result<ReturnUrl, InvalidReturnUrl> {
        let url = parse(text)?;
        let listed = self.0.iter().any(|allowed| {
            allowed.scheme() == url.scheme()
                && allowed.host() == url.host()
                && allowed.port_or_known_default() == url.port_or_known_default()
                && allowed.path() == url.path()
        });
        if listed {
            Ok(ReturnUrl(url))
        } else {
            Err(InvalidReturnUrl::NotListed)
        }
    }
}

impl ReturnUrl {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a browser opens it by itself. Other schemes open an app, which some browsers do
    /// only when the user taps something.
    pub fn is_web(&self) -> bool {
        matches!(self.0.scheme(), "https" | "http")
    }

    /// The address with `pairs` added to its query.
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        url
    }

    /// The address with path segments added: where an app catches the widget's redirect itself.
    pub fn with_segments(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Cannot fail: `parse` refuses URLs without an authority.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// The address travels inside the session, inside the path of the callback's address. A longer one
/// would never fit ([`MAX_PATH`](crate::session::MAX_PATH)).
const MAX_LENGTH: usize = 512;

fn parse(text: &str) -> Result<Url, InvalidReturnUrl> {
    let url = Url::parse(text).map_err(|_| InvalidReturnUrl::Shape)?;
    // Some characters are longer in a URL than they were typed.
    if text.len().max(url.as_str().len()) > MAX_LENGTH {
        return Err(InvalidReturnUrl::TooLong);
    }
    let host = url.host_str().unwrap_or_default();
    if url.cannot_be_a_base() || host.is_empty() {
        return Err(InvalidReturnUrl::Shape);
    }
    match url.scheme() {
        "https" => {}
        "http" if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => {}
        "http" | "javascript" | "data" | "file" | "blob" | "about" | "vbscript" | "ws" | "wss"
        | "ftp" | "intent" | "content" | "view-source" => return Err(InvalidReturnUrl::Scheme),
        _ => {}
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(InvalidReturnUrl::Extras);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> ReturnUrls {
        ReturnUrls::parse("https://app.example.com/done, acmeapp://connected").unwrap()
    }

    #[test]
    fn only_listed_addresses_are_allowed() {
        let check = |text: &str, expected: Result<(), InvalidReturnUrl>| {
            assert_eq!(list().allow(text).map(|_| ()), expected, "{text}");
        };
        check("https://app.example.com/done", Ok(()));
        check("https://app.example.com:443/done?tab=2", Ok(()));
        check("HTTPS://APP.example.com/done", Ok(()));
        check("acmeapp://connected", Ok(()));
        check("acmeapp://connected?x=1", Ok(()));
        check(
            "https://app.example.com/done/",
            Err(InvalidReturnUrl::NotListed),
        );
        check(
            "https://app.example.com/done/../x",
            Err(InvalidReturnUrl::NotListed),
        );
        check(
            "https://app.example.com.evil.com/done",
            Err(InvalidReturnUrl::NotListed),
        );
        check(
            "https://evil.com/https://app.example.com/done",
            Err(InvalidReturnUrl::NotListed),
        );
        check(
            "https://app.example.com@evil.com/done",
            Err(InvalidReturnUrl::Extras),
        );
        check(
            "https://app.example.com/done#x",
            Err(InvalidReturnUrl::Extras),
        );
        check("http://app.example.com/done", Err(InvalidReturnUrl::Scheme));
        check(
            "javascript://app.example.com/%0aalert(1)",
            Err(InvalidReturnUrl::Scheme),
        );
        check("acmeapp:connected", Err(InvalidReturnUrl::Shape));
        check("//app.example.com/done", Err(InvalidReturnUrl::Shape));
        check("", Err(InvalidReturnUrl::Shape));
        let long = format!("acmeapp://connected?x={}", "x".repeat(512));
        check(&long, Err(InvalidReturnUrl::TooLong));
    }

    #[test]
    fn results_are_added_without_touching_the_rest() {
        let url = list().allow("https://app.example.com/done?tab=2").unwrap();
        assert_eq!(
            url.with_query(&[("outcome", "exit"), ("code", "a&b")])
                .as_str(),
            "https://app.example.com/done?tab=2&outcome=exit&code=a%26b"
        );
        let app = list().allow("acmeapp://connected").unwrap();
        assert_eq!(
            app.with_segments(&["session", "success"]).as_str(),
            "acmeapp://connected/session/success"
        );
    }
}
