//! A development identity provider: it signs any claims.
//!
//! It replaces the customer's own provider (Cognito, Auth0, …). It checks nothing, which is
//! acceptable in a development tool: its key is new in every run, and only this stack trusts it.

use std::sync::Arc;

use anyhow::Context;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::emulators::listen;

/// The default audience of its tokens.
pub(crate) const AUDIENCE: &str = "belvo-backend";
/// The default lifetime of its tokens.
const LIFETIME_SECONDS: i64 = 3_600;
/// There is only one key.
const KEY_ID: &str = "local";

/// The running issuer.
#[derive(Clone)]
pub(crate) struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    jwks: Value,
}

impl Issuer {
    /// Makes a key and serves on a free port, in `servers`.
    pub(crate) async fn start(servers: &mut JoinSet<()>) -> anyhow::Result<Issuer> {
        let (listener, address) = listen().await?;
        let issuer = tokio::task::spawn_blocking(move || Issuer::new(format!("http://{address}")))
            .await
            .context("making the issuer's key")??;
        servers.spawn(issuer.clone().serve(listener));
        Ok(issuer)
    }

    fn new(url: String) -> anyhow::Result<Issuer> {
        let key = KeyPair::generate(KeySize::Rsa2048).context("making an RSA key")?;
        let private: Pkcs8V1Der<'_> = key.as_der().context("encoding an RSA key")?;
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(private.as_ref())
        );
        let modulus = key.public_key().modulus().big_endian_without_leading_zero();
        let exponent = key
            .public_key()
            .exponent()
            .big_endian_without_leading_zero();
        let jwk = json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": KEY_ID,
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        Ok(Issuer {
            inner: Arc::new(Inner {
                url,
                signing: EncodingKey::from_rsa_pem(pem.as_bytes())
                    .context("reading the RSA key back")?,
                verifying: DecodingKey::from_rsa_raw_components(modulus, exponent),
                jwks: json!({"keys": [jwk]}),
            }),
        })
    }

    /// The `iss` claim of its tokens.
    pub(crate) fn url(&self) -> &str {
        &self.inner.url
    }

    /// The public key for its tokens, and that key's id.
    pub(crate) fn verifying_key(&self) -> (&str, &DecodingKey) {
        (KEY_ID, &self.inner.verifying)
    }

    /// A token with these claims. Missing `iss`, `aud`, `iat` and `exp` are added.
    pub(crate) fn sign(&self, mut claims: Map<String, Value>) -> anyhow::Result<String> {
        let now = jiff::Timestamp::now().as_second();
        let mut default = |name: &str, value: Value| {
            claims.entry(name).or_insert(value);
        };
        default("iss", self.inner.url.clone().into());
        default("aud", AUDIENCE.into());
        default("iat", now.into());
        default("exp", (now + LIFETIME_SECONDS).into());
        let header = Header {
            kid: Some(KEY_ID.to_owned()),
            ..Header::new(Algorithm::RS256)
        };
        encode(&header, &claims, &self.inner.signing).context("signing a token")
    }

    async fn serve(self, listener: TcpListener) {
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/jwks.json", get(keys))
            .route("/token", post(token))
            .with_state(self);
        // The server ends only when it is dropped.
        axum::serve(listener, router).await.ok();
    }
}

async fn configuration(State(issuer): State<Issuer>) -> Json<Value> {
    let url = issuer.url();
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "token_endpoint": format!("{url}/token"),
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn keys(State(issuer): State<Issuer>) -> Json<Value> {
    Json(issuer.inner.jwks.clone())
}

async fn token(State(issuer): State<Issuer>, Json(claims): Json<Map<String, Value>>) -> Response {
    match issuer.sign(claims) {
        Ok(token) => (
            [(header::CACHE_CONTROL, "no-store")],
            Json(json!({"access_token": token})),
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}
