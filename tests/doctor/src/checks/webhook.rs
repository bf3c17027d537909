//! The webhook, as Belvo calls it.

use std::time::Duration;

use reqwest::{Method, header::AUTHORIZATION};
use secrecy::ExposeSecret;

use crate::{
    Site,
    outside::Answer,
    row::{Other, Seen, by_hand, fail},
};

/// Belvo waits this long and then sends the webhook again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The source addresses of webhooks, as documented by Belvo.
const BELVO: [&str; 3] = ["3.130.254.46", "18.220.61.186", "18.223.45.212"];

/// 14: the address to register.
pub(crate) fn registered(site: &Site) -> Seen {
    let url = site.config.stack.webhook()?;
    let environment = site.config.environment;
    Err(by_hand(format!(
        "register {url} for {environment} at Belvo's dashboard, Webhooks; each environment has its own"
    )))
}

/// 17a: requests without the agreed value or with another one.
pub(crate) async fn refuses(site: &Site) -> Seen {
    for stranger in [None, Some("Basic ZG9jdG9yOm5vYm9keQ==")] {
        call(site, stranger, "").await?.must_be(401)?;
    }
    Ok("401 without the agreed Authorization, and with another".to_owned())
}

/// 17b and 17c: requests with it. Their bodies name no link, so the stack does nothing more.
pub(crate) async fn accepts(site: &Site, body: &'static str) -> Seen {
    let Some(agreed) = &site.config.secrets.webhook else {
        return Err(fail("there is no Authorization to try; set WEBHOOK_SECRET"));
    };
    let answer = call(site, Some(agreed.expose_secret()), body).await?;
    let listed = !site.config.stack.list("WebhookSourceIps").is_empty();
    if answer.status == 401 && listed {
        return Err(by_hand(
            "only WebhookSourceIps may call: register the webhook, connect a test user, and see the data arrive",
        ));
    }
    let took = answer.must_be(200)?.took;
    Ok(format!("200 after {} ms", took.as_millis()))
}

/// 18: whether the list, if it is set, has all of Belvo's addresses.
pub(crate) fn addresses(site: &Site) -> Seen {
    let listed = site.config.stack.list("WebhookSourceIps");
    if listed.is_empty() {
        return Err(by_hand(format!(
            "any caller with the Authorization may call; set WebhookSourceIps={} to allow Belvo only",
            BELVO.join(",")
        )));
    }
    let missing: Vec<_> = BELVO
        .into_iter()
        .filter(|it| !listed.contains(it))
        .collect();
    if !missing.is_empty() {
        return Err(fail(format!(
            "WebhookSourceIps lacks Belvo's {}",
            missing.join(", ")
        )));
    }
    Ok(format!(
        "WebhookSourceIps has Belvo's {} addresses",
        BELVO.len()
    ))
}

async fn call(
    site: &Site,
    authorization: Option<&str>,
    body: &'static str,
) -> Result<Answer, Other> {
    let request = site.outside.api(Method::POST, site.config.stack.webhook()?);
    let request = request.timeout(TIMEOUT).body(body);
    let request = match authorization {
        Some(value) => request.header(AUTHORIZATION, value),
        None => request,
    };
    site.outside.send(request).await
}
