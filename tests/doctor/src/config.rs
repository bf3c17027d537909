//! The subject of a check: the stack, Belvo's environment, and the secrets.

use std::fmt;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use url::Url;

use crate::{outside::is_loopback, secrets::Secrets, stack::Stack};

/// Belvo's environments. Keys, links and webhooks of one are unknown to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// For development.
    Sandbox,
    /// For real users.
    Production,
}

impl Environment {
    /// The environment whose keys, links and webhooks differ.
    pub fn other(self) -> Self {
        match self {
            Self::Sandbox => Self::Production,
            Self::Production => Self::Sandbox,
        }
    }

    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox.belvo.com",
            Self::Production => "api.belvo.com",
        }
    }

    fn url(self) -> anyhow::Result<Url> {
        let url = Url::parse(&format!("https://{}", self.host()));
        url.context("Belvo's address")
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        })
    }
}

/// The subject of a check, with everything needed for it.
pub struct Config {
    /// The environment that is to go live.
    pub environment: Environment,
    /// Belvo's API in that environment.
    pub belvo_url: Url,
    /// Belvo's API in the other environment, where the keys must be refused; `None` if there is
    /// only one.
    pub other_belvo_url: Option<Url>,
    /// Whether it is a local stack. Its check sends no request beyond this machine.
    pub on_this_machine: bool,
    /// Parameters and outputs of the stack.
    pub stack: Stack,
    /// The secrets that requests present.
    pub secrets: Secrets,
    /// A sample of the ids that users have at the identity provider. They are counted, and neither
    /// printed nor written.
    pub user_ids: Option<Vec<String>>,
}

impl Config {
    /// A stack in an account. `belvo_url` must be on this machine, because keys are sent to it.
    pub fn deployed(
        environment: Environment,
        stack: Stack,
        secrets: Secrets,
        belvo_url: Option<Url>,
    ) -> anyhow::Result<Self> {
        let (belvo_url, other_belvo_url) = match belvo_url {
            Some(url) => {
                ensure!(is_loopback(&url), "--belvo-url must be on this machine");
                (url, None)
            }
            None => (environment.url()?, Some(environment.other().url()?)),
        };
        Ok(Self {
            environment,
            belvo_url,
            other_belvo_url,
            on_this_machine: false,
            stack,
            secrets,
            user_ids: None,
        })
    }
}
