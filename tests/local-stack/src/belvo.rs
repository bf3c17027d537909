//! The Belvo of the functions: our sandbox, or the real one.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use belvo_sandbox::{Config, Sandbox, WebhookTarget};

use crate::{options::Belvo, random};

/// Belvo's sandbox environment.
const SANDBOX_ENVIRONMENT: &str = "https://sandbox.belvo.com";
/// Too long to guess, as Belvo's own keys are.
const KEY_LENGTH: usize = 40;
/// The length of the random password in the webhooks' `Authorization`.
const WEBHOOK_PASSWORD_LENGTH: usize = 32;

/// A Belvo and its API keys.
pub(crate) struct BelvoSide {
    pub(crate) url: String,
    /// The widget's address, if it differs from the template's.
    pub(crate) widget_url: Option<String>,
    /// The portal's address as browsers open it, if it differs from the template's.
    pub(crate) portal_url: Option<String>,
    pub(crate) secret_id: String,
    pub(crate) secret_password: String,
    pub(crate) sandbox: Option<Sandbox>,
}

impl BelvoSide {
    /// Starts the sandbox, or records the address of the real Belvo.
    pub(crate) async fn start(
        belvo: &Belvo,
        api_url: &str,
        authorization: &str,
    ) -> anyhow::Result<BelvoSide> {
        match belvo {
            Belvo::Sandbox { seed } => Self::start_sandbox(*seed, api_url, authorization).await,
            Belvo::Real {
                secret_id,
                secret_password,
            } => Ok(BelvoSide {
                url: SANDBOX_ENVIRONMENT.to_owned(),
                widget_url: None,
                portal_url: None,
                secret_id: secret_id.clone(),
                secret_password: secret_password.clone(),
                sandbox: None,
            }),
        }
    }

    async fn start_sandbox(
        seed: u64,
        api_url: &str,
        authorization: &str,
    ) -> anyhow::Result<BelvoSide> {
        let secret_id = uuid::Uuid::new_v4().to_string();
        let secret_password = random::text(random::LETTERS_AND_DIGITS, KEY_LENGTH)?;
        let sandbox = Sandbox::start(Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret_id: secret_id.clone(),
            secret_password: secret_password.clone(),
            seed,
            webhook: Some(WebhookTarget {
                url: format!("{api_url}/webhook"),
                authorization: Some(authorization.to_owned()),
            }),
        })
        .await
        .context("starting the Belvo sandbox")?;
        Ok(BelvoSide {
            url: sandbox.url().to_owned(),
            widget_url: Some(sandbox.widget_url()),
            portal_url: Some(format!("{}?mode=landing", sandbox.portal_url())),
            secret_id,
            secret_password,
            sandbox: Some(sandbox),
        })
    }
}

/// A random value for the webhooks' `Authorization`.
pub(crate) fn webhook_authorization() -> anyhow::Result<String> {
    let password = random::text(random::LETTERS_AND_DIGITS, WEBHOOK_PASSWORD_LENGTH)?;
    let credentials = STANDARD.encode(format!("belvo:{password}"));
    Ok(format!("Basic {credentials}"))
}
