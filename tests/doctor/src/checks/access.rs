//! Access tokens that open the API, and those that must not.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{
    Site,
    checks::tokens,
    row::{Other, Seen, by_hand, fail, not_applicable},
};

/// J: a token with a wrong signature, and a token for another API.
pub(crate) async fn refuses_others(site: &Site) -> Seen {
    let secrets = &site.config.secrets;
    let good = secrets.individual.jwt("INDIVIDUAL_JWT")?;
    let forged = forged(good).ok_or_else(|| fail("INDIVIDUAL_JWT is not a signed token"))?;
    let status = try_it(site, &forged).await?;
    if status != 401 {
        let seen = format!("{status} for a token with another signature, not 401");
        return Err(fail(seen));
    }
    let Some(foreign) = &secrets.foreign else {
        return Err(by_hand(
            "401 for another signature; set FOREIGN_JWT to a token of your issuer that is not for this API (another aud, or without JwtScope)",
        ));
    };
    match try_it(site, foreign).await? {
        status @ (401 | 403) => Ok(format!(
            "401 for another signature, {status} for FOREIGN_JWT"
        )),
        status => Err(fail(format!(
            "{status} for FOREIGN_JWT, not 401 or 403: see JwtAudience and JwtScope"
        ))),
    }
}

/// K: whether both test users' tokens have the scope.
pub(crate) fn scope(site: &Site) -> Seen {
    let Some(scope) = site.config.stack.get("JwtScope") else {
        return Err(not_applicable("tokens need no scope: JwtScope is empty"));
    };
    let secrets = &site.config.secrets;
    for (user, variable) in [
        (&secrets.individual, "INDIVIDUAL_JWT"),
        (&secrets.company, "COMPANY_JWT"),
    ] {
        let claims = tokens::claims(user.jwt(variable)?.expose_secret());
        if !claims.is_some_and(|claims| has_scope(&claims, scope)) {
            return Err(fail(format!("{variable} does not have JwtScope")));
        }
    }
    Ok("both test users' tokens have JwtScope".to_owned())
}

async fn try_it(site: &Site, jwt: &SecretString) -> Result<u16, Other> {
    let url = site.config.stack.api("/links")?;
    let request = site.outside.api(Method::GET, url);
    let request = request.bearer_auth(jwt.expose_secret());
    Ok(site.outside.send(request).await?.status)
}

/// The same token with another signature.
fn forged(jwt: &SecretString) -> Option<SecretString> {
    let (content, signature) = jwt.expose_secret().rsplit_once('.')?;
    // The first character, because decoders may ignore bits of the last one.
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let rest: String = signature.chars().skip(1).collect();
    Some(format!("{content}.{first}{rest}").into())
}

/// API Gateway reads `scope` or `scp`, a text with spaces or a list.
fn has_scope(claims: &Value, wanted: &str) -> bool {
    let named = ["scope", "scp"].iter().filter_map(|name| claims.get(name));
    let mut scopes = named.flat_map(|scopes| match scopes {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text.split(' ').collect(),
        _ => Vec::new(),
    });
    scopes.any(|scope| scope == wanted)
}
