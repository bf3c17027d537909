//! The addresses for redirects from the widget, and the route that reports a bank's refusal.

use reqwest::Method;
use serde_json::json;

use crate::{
    Site,
    row::{Other, Seen, fail},
};

/// 5: each address answers an unknown session with our own page, and records nothing.
pub(crate) async fn ours(site: &Site) -> Seen {
    for outcome in ["success", "exit", "event"] {
        let path = format!("/callback/doctor/{outcome}");
        our_page(site, &path).await.map_err(|it| it.of(&path))?;
    }
    Ok("our page (400: no such session) for success, exit and event".to_owned())
}

async fn our_page(site: &Site, path: &str) -> Result<(), Other> {
    let request = site
        .outside
        .api(Method::GET, site.config.stack.public(path)?);
    let answer = site.outside.send(request).await?.must_be(400)?;
    let html = answer
        .header("content-type")
        .is_some_and(|it| it.starts_with("text/html"));
    // Our page sends no Referer, because its address contains the session.
    let ours = html && answer.header("referrer-policy") == Some("no-referrer");
    if !ours {
        return Err(fail("something answers, but not our callback function"));
    }
    Ok(())
}

/// 6b: the route refuses an unknown session, and records nothing.
pub(crate) async fn reports(site: &Site) -> Seen {
    let url = site.config.stack.public("/connection-reports")?;
    let report = json!({"session": "doctor", "code": "risk_analysis_denied"});
    let request = site.outside.api(Method::POST, url).json(&report);
    let answer = site.outside.send(request).await?.must_be(400)?;
    let body = answer.json();
    match body.get("type").and_then(|it| it.as_str()) {
        Some("/problems/invalid-session") => Ok("400 for an unknown session".to_owned()),
        _ => Err(fail("something answers, but not our callback function")),
    }
}
