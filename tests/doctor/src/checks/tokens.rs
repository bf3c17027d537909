//! `POST /token`, as two test users.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::ExternalId;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Site,
    row::{Other, Seen, by_hand, fail},
    secrets::TestUser,
};

/// An access token of Belvo, from the address of its widget.
pub(crate) struct Minted {
    widget_url: Url,
    /// Belvo's claims about it.
    claims: Value,
}

/// A token for a single link of a person.
pub(crate) async fn for_a_person(site: &Site) -> Result<Minted, Other> {
    let user = &site.config.secrets.individual;
    let wish = json!({"holder": "individual", "access_mode": "single"});
    mint(site, user, "INDIVIDUAL", wish).await
}

/// A token for a recurrent link of a company.
pub(crate) async fn for_a_company(site: &Site) -> Result<Minted, Other> {
    let user = &site.config.secrets.company;
    let wish = json!({"holder": "company", "access_mode": "recurrent"});
    mint(site, user, "COMPANY", wish).await
}

async fn mint(site: &Site, user: &TestUser, whose: &str, mut wish: Value) -> Result<Minted, Other> {
    let stack = &site.config.stack;
    let jwt = user.jwt(&format!("{whose}_JWT"))?;
    match &user.identification {
        Some(identification) => {
            wish["identification"] = identification.clone().into();
            // In this mode, the user returns with a proof of the session, so the token needs a return
            // address.
            wish["return_url"] = stack.list("ReturnUrls").first().copied().into();
        }
        None if stack.get("IdentitySource") == Some("body") => {
            let missing =
                format!("there is no identification for the body; set {whose}_IDENTIFICATION");
            return Err(fail(missing));
        }
        None => {}
    }
    let request = site.outside.api(Method::POST, stack.api("/token")?);
    let request = request.bearer_auth(jwt.expose_secret()).json(&wish);
    let answer = site.outside.send(request).await?.must_be(201)?.json();
    let widget_url = answer.get("widget_url").and_then(Value::as_str);
    let widget_url = widget_url.and_then(|text| Url::parse(text).ok());
    let widget_url = widget_url.ok_or_else(|| fail("201, but without widget_url"))?;
    let token = answer.get("access_token").and_then(Value::as_str);
    let claims = token.and_then(claims).unwrap_or_default();
    Ok(Minted { widget_url, claims })
}

impl TestUser {
    /// The token, or the variable that must hold it.
    pub(crate) fn jwt(&self, variable: &str) -> Result<&secrecy::SecretString, Other> {
        let jwt = self.jwt.as_ref();
        jwt.ok_or_else(|| fail(format!("there is no access token to try; set {variable}")))
    }
}

/// The claims of a token. They are not verified, and no decision of the stack rests on them.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

impl Minted {
    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.widget_url.query_pairs();
        let (_, value) = pairs.find(|(found, _)| found == name)?;
        Some(value.into_owned()).filter(|it| !it.is_empty())
    }

    /// The text of a claim.
    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// The further checks of a token, if there is one.
pub(crate) fn minted(token: &Result<Minted, Other>) -> Result<&Minted, Other> {
    token
        .as_ref()
        .map_err(|_| fail("there is no token, see 4a"))
}

/// 4: whether the widget's address is complete.
pub(crate) fn widget(token: &Result<Minted, Other>) -> Seen {
    let minted = token.as_ref().map_err(Other::clone)?;
    if minted.parameter("access_token").is_none() {
        return Err(fail("201, but widget_url has no access_token"));
    }
    if minted.parameter("locale").as_deref() != Some("pt") {
        return Err(fail(
            "201, but widget_url does not have locale=pt: see WidgetParameters",
        ));
    }
    Ok("201, widget_url with access_token and locale=pt".to_owned())
}

/// 2: whether Belvo will keep the `external_id`; it silently drops one that looks like personal
/// data.
pub(crate) fn external_id(site: &Site, token: &Result<Minted, Other>) -> Seen {
    let Some(external_id) = minted(token)?.parameter("external_id") else {
        return Err(fail("widget_url has no external_id"));
    };
    match ExternalId::of_user(&external_id) {
        Ok(_) => sample_of_ids(site)
            .unwrap_or_else(|| Ok("widget_url has one, in a form Belvo keeps".to_owned())),
        Err(rule) => Err(fail(format!("widget_url has one that {rule}"))),
    }
}

/// Which share of a sample of users could not connect, because Belvo would drop their ids; `None`
/// without a sample, or if ids are derived.
fn sample_of_ids(site: &Site) -> Option<Seen> {
    let is_derived = site.config.stack.get("ExternalIdMode") == Some("derived");
    let ids = site.config.user_ids.as_ref().filter(|_| !is_derived)?;
    let ids = ids.iter().filter(|it| !it.trim().is_empty());
    let refused = ids
        .clone()
        .filter(|it| ExternalId::of_user(it.trim()).is_err());
    let (refused, all) = (refused.count(), ids.count());
    if refused == 0 {
        return Some(Ok(format!(
            "Belvo keeps the ids of all {all} users of the sample"
        )));
    }
    let percent = (refused * 100).div_ceil(all);
    Some(Err(fail(format!(
        "{refused} of {all} users ({percent} %) would be refused with derived-id-required: set ExternalIdMode=derived before links are connected"
    ))))
}

/// 3: whether the token of a single link names the resources of the parameter. Belvo repeats them
/// in the token, but does not document it.
pub(crate) fn single(site: &Site, token: &Result<Minted, Other>) -> Seen {
    let minted = minted(token)?;
    if minted.parameter("access_mode").as_deref() != Some("single") {
        return Err(fail(
            "widget_url does not have the access_mode=single it was asked for",
        ));
    }
    let fetched = minted
        .claims
        .get("fetch_resources")
        .and_then(Value::as_array);
    let mut fetched: Vec<&str> = fetched
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if fetched.is_empty() {
        return Err(by_hand(
            "access_mode=single; see in the first link what Belvo fetches",
        ));
    }
    let mut wanted = site.config.stack.list("FetchResources");
    fetched.sort_unstable();
    wanted.sort_unstable();
    if !wanted.is_empty() && wanted != fetched {
        return Err(fail(
            "Belvo's token names other resources than FetchResources",
        ));
    }
    Ok(format!(
        "access_mode=single; Belvo's token names {} resources",
        fetched.len()
    ))
}
