//! My Belvo Portal, where users see and revoke their consents.

use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Site,
    row::{Seen, fail},
};

/// 22a: `POST /portal` returns an address, and the page exists.
pub(crate) async fn public(site: &Site) -> Seen {
    let jwt = site.config.secrets.individual.jwt("INDIVIDUAL_JWT")?;
    let request = site
        .outside
        .api(Method::POST, site.config.stack.api("/portal")?);
    let request = request
        .bearer_auth(jwt.expose_secret())
        .json(&json!({"mode": "public"}));
    let answer = site.outside.send(request).await?.must_be(201)?.json();
    let portal_url = answer.get("portal_url").and_then(Value::as_str);
    let portal_url = portal_url.and_then(|text| Url::parse(text).ok());
    let portal_url = portal_url.ok_or_else(|| fail("201, but without portal_url"))?;
    let configured = site.config.stack.get("PortalUrl");
    if configured.is_some_and(|it| Url::parse(it).ok().as_ref() != Some(&portal_url)) {
        return Err(fail("201, but portal_url is not PortalUrl"));
    }
    let host = portal_url.host_str().unwrap_or_default().to_owned();
    let page = site.outside.page(portal_url).await?;
    page.must_be(200).map_err(|it| it.of(&host))?;
    Ok(format!("201, and a page at {host}"))
}
