//! The HTTP API: its callers, and the origins of its pages.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, de::IgnoredAny};

use super::{Resources, structure};

/// The one `AWS::Serverless::HttpApi` of the template.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Its logical id, which is also its id here.
    pub id: String,
    /// The authorizer of routes that name none.
    pub(super) default_authorizer: Option<String>,
    /// The issuer of the tokens.
    pub issuer: String,
    /// The accepted audiences; one of them must be in `aud` (or be the `client_id`).
    pub audience: Vec<String>,
    /// The accepted scopes; a token needs one of them unless the list is empty.
    pub scopes: Vec<String>,
    /// The cross-origin rules, if any.
    pub cors: Option<Cors>,
}

/// `CorsConfiguration`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Cors {
    /// Allowed origins, or `*`.
    #[serde(default)]
    pub allow_origins: Vec<String>,
    /// Allowed methods.
    #[serde(default)]
    pub allow_methods: Vec<String>,
    /// Allowed request headers.
    #[serde(default)]
    pub allow_headers: Vec<String>,
    /// Response headers a page may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// Whether cookies may be sent.
    #[serde(default)]
    pub allow_credentials: bool,
    /// Seconds a browser may remember the answer.
    #[serde(default, deserialize_with = "structure::optional_number")]
    pub max_age: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    auth: Auth,
    cors_configuration: Option<Cors>,
    #[serde(rename = "AccessLogSettings")]
    _access_log: Option<IgnoredAny>,
    #[serde(rename = "DefaultRouteSettings")]
    _route_settings: Option<IgnoredAny>,
    #[serde(rename = "Description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "RouteSettings")]
    _settings_of_routes: Option<IgnoredAny>,
    #[serde(rename = "Tags")]
    _tags: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Auth {
    default_authorizer: Option<String>,
    authorizers: BTreeMap<String, Authorizer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Authorizer {
    identity_source: String,
    jwt_configuration: JwtConfiguration,
    #[serde(default)]
    authorization_scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtConfiguration {
    issuer: String,
    audience: Vec<String>,
}

pub(super) fn read(resources: &Resources<'_>) -> anyhow::Result<Api> {
    let mut apis = resources.of("AWS::Serverless::HttpApi");
    let resource = apis
        .next()
        .context("Resources: one AWS::Serverless::HttpApi is needed")?;
    if let Some(second) = apis.next() {
        bail!(
            "Resources.{}: a second HTTP API is not understood here",
            second.name
        );
    }
    let (value, place) = resources.properties(resource)?;
    let Properties {
        auth,
        cors_configuration,
        ..
    } = structure::read(&value, &place)?;

    let mut authorizers = auth.authorizers.into_iter();
    let (name, authorizer) = authorizers
        .next()
        .with_context(|| format!("{place}.Auth.Authorizers: one authorizer is needed"))?;
    if let Some((second, _)) = authorizers.next() {
        bail!("{place}.Auth.Authorizers.{second}: a second authorizer is not understood here");
    }
    if authorizer.identity_source != "$request.header.Authorization" {
        bail!(
            "{place}.Auth.Authorizers.{name}.IdentitySource: only the Authorization header is understood here"
        );
    }
    if auth
        .default_authorizer
        .as_ref()
        .is_some_and(|default| *default != name)
    {
        bail!("{place}.Auth.DefaultAuthorizer: there is no such authorizer");
    }
    Ok(Api {
        id: resource.name.to_owned(),
        default_authorizer: auth.default_authorizer,
        issuer: authorizer.jwt_configuration.issuer,
        audience: authorizer.jwt_configuration.audience,
        scopes: authorizer.authorization_scopes,
        cors: cors_configuration,
    })
}
