//! Belvo itself: its keys and its environments.

use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use crate::{
    Site,
    checks::tokens::{self, Minted},
    outside::Answer,
    row::{Other, Seen, by_hand, fail, not_applicable},
    stack::below,
};

/// 21: the limits that the stack compares with the quota used.
pub(crate) fn limits(site: &Site) -> Seen {
    let limits = site.config.stack.get("OpenFinanceLimits");
    Err(by_hand(match limits {
        Some(limits) => format!("compare OpenFinanceLimits ({limits}) with what Belvo documents"),
        None => "compare OpenFinanceLimits with what Belvo documents".to_owned(),
    }))
}

/// 28: whether stack and token belong to the environment that is to go live.
pub(crate) fn environment(site: &Site, token: &Result<Minted, Other>) -> Seen {
    let expected = site.config.environment;
    let configured = site.config.stack.get("BelvoEnvironment");
    if configured.is_some_and(|it| it != expected.to_string()) {
        return Err(fail(format!("BelvoEnvironment is not {expected}")));
    }
    let minted = tokens::minted(token)?;
    let other = expected.other();
    let elsewhere = minted.claim("environment") == Some(&other.to_string())
        || minted
            .claim("api_url")
            .is_some_and(|it| it.contains(other.host()));
    if elsewhere {
        return Err(fail(format!(
            "Belvo's token is one of {other}, not of {expected}"
        )));
    }
    Ok(format!("the stack and its token are of {expected}"))
}

/// 29a: the keys may list links; the filter matches none.
pub(crate) async fn accepts_keys(site: &Site) -> Seen {
    let list = ask(site, &site.config.belvo_url).await?.must_be(200)?;
    if !list.json().get("results").is_some_and(Value::is_array) {
        return Err(fail(
            "200, but no list of links: it is not Belvo that answers",
        ));
    }
    Ok(format!("200 from {}", site.config.environment))
}

/// 29b: the other environment refuses the keys.
pub(crate) async fn refuses_keys_elsewhere(site: &Site) -> Seen {
    let Some(elsewhere) = &site.config.other_belvo_url else {
        return Err(not_applicable("there is only one Belvo here"));
    };
    let other = site.config.environment.other();
    let answer = ask(site, elsewhere).await?;
    if answer.status == 200 {
        return Err(fail(format!("{other} accepts them: they are its keys")));
    }
    let answer = answer.must_be(401)?;
    let code = answer.json().pointer("/0/code").cloned();
    if code.as_ref().and_then(Value::as_str) != Some("authentication_failed") {
        return Err(fail(
            "401, but not in Belvo's form: it is not Belvo that answers",
        ));
    }
    Ok(format!("401 from {other}"))
}

async fn ask(site: &Site, belvo: &Url) -> Result<Answer, Other> {
    let Some(keys) = &site.config.secrets.belvo else {
        return Err(fail("there are no keys to try; set BELVO_SECRET"));
    };
    let url = below(belvo, "/api/links/?page_size=1&external_id=doctor-nobody")?;
    let request = site.outside.api(Method::GET, url);
    let password = keys.password.expose_secret();
    site.outside
        .send(request.basic_auth(&keys.id, Some(password)))
        .await
}
