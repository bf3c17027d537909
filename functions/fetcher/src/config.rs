//! Where data comes from and goes, and what must hold before it does.

use domain::{ResourceKind, ResourceSet};
use runtime::{Env, InvalidConfig, flag, service_url};
use url::Url;

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BELVO_BASE_URL`: where Belvo's API is.
    pub belvo_base_url: Url,
    /// `BELVO_SECRET_ID`: the secret with Belvo's keys.
    pub belvo_secret_id: String,
    /// `SESSION_SECRET_ID`: the secret with the keys documents were hashed with.
    pub session_secret_id: String,
    /// `RESOURCE_TABLE`: links and their data.
    pub resource_table: String,
    /// `CONNECTION_TABLE`: attempts.
    pub connection_table: String,
    /// `OWNER_CHECK`: what a link's owner must have to do with its user.
    pub owner_check: OwnerCheck,
    /// `ADOPT_EXISTING_LINKS`: whether a link needs no attempt of ours.
    pub adopt_existing_links: bool,
}

/// What a link's owner must have to do with its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerCheck {
    /// The owner holds the document the token was minted for, or nothing is stored.
    Required,
    /// The verdict is recorded, and the data is stored in any case.
    Warn,
    /// Nobody looks.
    Off,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let belvo_base_url = env.parsed("BELVO_BASE_URL", service_url);
        let belvo_secret_id = env.text("BELVO_SECRET_ID");
        let session_secret_id = env.text("SESSION_SECRET_ID");
        let resource_table = env.text("RESOURCE_TABLE");
        let connection_table = env.text("CONNECTION_TABLE");
        let owner_check = env.one_of(
            "OWNER_CHECK",
            &[
                ("required", OwnerCheck::Required),
                ("warn", OwnerCheck::Warn),
                ("off", OwnerCheck::Off),
            ],
        );
        let adopt_existing_links = env.parsed("ADOPT_EXISTING_LINKS", flag);
        env.parsed("FETCH_RESOURCES", |text| {
            let resources = ResourceSet::parse(text).map_err(|rule| rule.to_string())?;
            match owner_check {
                Some(OwnerCheck::Off) => Ok(()),
                _ if resources.contains(ResourceKind::Owners) => Ok(()),
                _ => Err("must contain OWNERS unless OWNER_CHECK is off".to_owned()),
            }
        });
        env.finish(|| {
            Some(Self {
                belvo_base_url: belvo_base_url?,
                belvo_secret_id: belvo_secret_id?,
                session_secret_id: session_secret_id?,
                resource_table: resource_table?,
                connection_table: connection_table?,
                owner_check: owner_check?,
                adopt_existing_links: adopt_existing_links?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changes: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        let base = [
            ("BELVO_BASE_URL", "https://sandbox.belvo.com"),
            ("BELVO_SECRET_ID", "belvo"),
            ("SESSION_SECRET_ID", "session"),
            ("RESOURCE_TABLE", "resources"),
            ("CONNECTION_TABLE", "connections"),
            ("OWNER_CHECK", "required"),
            ("ADOPT_EXISTING_LINKS", "false"),
            ("FETCH_RESOURCES", "ACCOUNTS,OWNERS"),
        ];
        let all = base.iter().chain(changes);
        Config::from_env(Env::new(
            all.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        ))
    }

    #[test]
    fn the_owner_can_only_be_checked_if_owners_are_fetched() {
        config(&[]).unwrap();
        let error = config(&[("FETCH_RESOURCES", "ACCOUNTS")]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("FETCH_RESOURCES must contain OWNERS")
        );
        config(&[("FETCH_RESOURCES", "ACCOUNTS"), ("OWNER_CHECK", "off")]).unwrap();
    }
}
