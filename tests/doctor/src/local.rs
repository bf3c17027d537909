//! A local stack: its ready file holds everything that must be known of it.

use anyhow::{Context, ensure};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::{
    config::{Config, Environment},
    outside::is_loopback,
    secrets::{BelvoKeys, Secrets, TestUser},
    stack::Stack,
};

#[derive(Deserialize)]
struct ReadyFile {
    api_url: String,
    webhook_authorization: SecretString,
    issuer_url: Url,
    belvo_url: Url,
    belvo_secret_id: String,
    belvo_secret_password: SecretString,
}

impl Config {
    /// The local stack that wrote this file. Its development identity provider signs in two
    /// invented people.
    pub async fn local(ready_file: &str, mut stack: Stack) -> anyhow::Result<Self> {
        let ready: ReadyFile =
            serde_json::from_str(ready_file).context("expected a local stack's ready file")?;
        ensure!(
            is_loopback(&ready.belvo_url),
            "this local stack uses Belvo's own sandbox: check it with --env sandbox"
        );
        let api_url = ready.api_url;
        for (name, value) in [
            ("ReturnUrls", format!("{api_url}/done")),
            ("AllowedOrigins", api_url.clone()),
            ("ApiUrl", api_url),
        ] {
            stack.set_if_missing(name, value)?;
        }
        let person =
            json!({"sub": "doctor-individual", "cpf": "76109277673", "name": "Ralph Bragg"});
        let mut acting = person.clone();
        for (claim, value) in [
            ("sub", "doctor-company"),
            ("cnpj", "50685362006773"),
            ("company_name", "Bragg Mechanics"),
        ] {
            acting[claim] = value.into();
        }
        let mut foreign = person.clone();
        foreign["aud"] = "another-api".into();
        let secrets = Secrets {
            belvo: Some(BelvoKeys {
                id: ready.belvo_secret_id,
                password: ready.belvo_secret_password,
            }),
            webhook: Some(ready.webhook_authorization),
            individual: sign_in(&ready.issuer_url, &person).await?,
            company: sign_in(&ready.issuer_url, &acting).await?,
            foreign: sign_in(&ready.issuer_url, &foreign).await?.jwt,
        };
        Ok(Self {
            environment: Environment::Sandbox,
            belvo_url: ready.belvo_url,
            other_belvo_url: None,
            on_this_machine: true,
            stack,
            secrets,
            user_ids: None,
        })
    }
}

async fn sign_in(issuer: &Url, claims: &Value) -> anyhow::Result<TestUser> {
    #[derive(Deserialize)]
    struct Signed {
        access_token: SecretString,
    }
    ensure!(is_loopback(issuer), "the issuer must be on this machine");
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.post(issuer.join("/token")?).json(claims).send();
    let signed: Signed = answer.await.context("signing in")?.json().await?;
    Ok(TestUser {
        jwt: Some(signed.access_token),
        identification: None,
    })
}
