//! The API as browsers and apps see it.

use reqwest::{
    Method,
    header::{ACCESS_CONTROL_REQUEST_METHOD, IF_NONE_MATCH, ORIGIN},
};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    Site,
    outside::{Answer, is_loopback},
    row::{Other, Seen, fail, not_applicable},
};

/// An origin without an owner, because the domain is reserved.
const STRANGER: &str = "https://doctor.invalid";

/// Attempts of this run may change the links between two reads.
const TRIES: usize = 5;

/// 1: no route answers a request without a token.
pub(crate) async fn closed(site: &Site) -> Seen {
    let (get, post) = (Method::GET, Method::POST);
    let routes = [
        (post.clone(), "/token"),
        (post.clone(), "/portal"),
        (post, "/callback"),
        (get.clone(), "/links"),
        (get.clone(), "/transactions"),
        (get, "/export"),
    ];
    let count = routes.len();
    for (method, path) in routes {
        let request = site.outside.api(method, site.config.stack.api(path)?);
        let refused = site.outside.send(request).await?.must_be(401);
        let refused = refused.map_err(|it| it.of(path))?;
        if refused.is_problem() {
            // If API Gateway cannot make the authorizer, it leaves it out silently.
            let seen = "401, but by the function: the API has no authorizer, see JwtIssuer";
            return Err(fail(seen).of(path));
        }
    }
    Ok(format!("401 from {count} routes without a token"))
}

/// A: the addresses of this stack and of Belvo. Every request also validates the certificate.
pub(crate) fn tls(site: &Site) -> Seen {
    let stack = &site.config.stack;
    let addresses = [
        site.config.belvo_url.clone(),
        stack.api("/")?,
        stack.public("/")?,
        stack.webhook()?,
    ];
    if addresses.iter().all(is_loopback) {
        return Err(not_applicable("everything is on this machine"));
    }
    let plain = |url: &&Url| url.scheme() != "https" && !is_loopback(url);
    if let Some(url) = addresses.iter().find(plain) {
        return Err(fail(format!("{url} is not https")));
    }
    Ok("https, with certificates this machine trusts".to_owned())
}

/// B: the preflight request that a browser sends before a page of another origin may call.
pub(crate) async fn cors(site: &Site) -> Seen {
    if allowed(site, STRANGER).await?.is_some() {
        return Err(fail("pages of any origin may call; see AllowedOrigins"));
    }
    let origins = site.config.stack.list("AllowedOrigins");
    if origins.is_empty() {
        return Err(fail("AllowedOrigins is not known; give --stack"));
    }
    for origin in &origins {
        if allowed(site, origin).await?.as_deref() != Some(*origin) {
            return Err(fail(format!(
                "pages of {origin} may not call; see AllowedOrigins"
            )));
        }
    }
    Ok(format!(
        "{} origins are allowed, a strange one is not",
        origins.len()
    ))
}

async fn allowed(site: &Site, origin: &str) -> Result<Option<String>, Other> {
    let request = site
        .outside
        .api(Method::OPTIONS, site.config.stack.api("/token")?);
    let request = request
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let answer = site.outside.send(request).await?;
    if answer.status >= 500 {
        answer.must_be(204)?;
        return Ok(None);
    }
    Ok(answer
        .header("access-control-allow-origin")
        .map(str::to_owned))
}

/// C: a test user's links, which are not sent again for an unchanged ETag.
pub(crate) async fn reads(site: &Site) -> Seen {
    let mut latest = links(site, None).await?.must_be(200)?;
    for _ in 0..TRIES {
        let Some(known) = latest.header("etag") else {
            return Err(fail("200, but without an ETag"));
        };
        let answer = links(site, Some(known)).await?;
        if answer.status == 304 {
            return Ok("200, then 304 for the same ETag".to_owned());
        }
        latest = answer.must_be(200)?;
    }
    Err(fail("200 for an ETag that was just given, not 304"))
}

async fn links(site: &Site, etag: Option<&str>) -> Result<Answer, Other> {
    let jwt = site.config.secrets.individual.jwt("INDIVIDUAL_JWT")?;
    let url = site.config.stack.api("/links")?;
    let request = site.outside.api(Method::GET, url);
    let request = request.bearer_auth(jwt.expose_secret());
    let request = match etag {
        Some(etag) => request.header(IF_NONE_MATCH, etag),
        None => request,
    };
    site.outside.send(request).await
}
