//! Where data comes from and goes, and what must hold before it does.

use domain::link::{OwnerCheck, Policy};
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
    /// `LINK_TABLE`: what is known and planned of links.
    pub link_table: String,
    /// `RESOURCE_TABLE`: Belvo's objects.
    pub resource_table: String,
    /// `CONNECTION_TABLE`: attempts.
    pub connection_table: String,
    /// `QUEUE_URL`: where jobs come from.
    pub queue_url: String,
    /// `OWNER_CHECK`, `ADOPT_EXISTING_LINKS`, `FETCH_RESOURCES`, `TRANSACTION_WINDOW_DAYS`,
    /// `DELETED_LINK_DAYS`.
    pub policy: Policy,
    /// `BELVO_REQUESTS_PER_30_SECONDS`: what all fetchers together may ask of Belvo.
    pub belvo_requests_per_30_seconds: usize,
    /// `FETCHER_CONCURRENCY`: how many fetchers share that.
    pub fetcher_concurrency: usize,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let belvo_base_url = env.parsed("BELVO_BASE_URL", service_url);
        let belvo_secret_id = env.text("BELVO_SECRET_ID");
        let session_secret_id = env.text("SESSION_SECRET_ID");
        let link_table = env.text("LINK_TABLE");
        let resource_table = env.text("RESOURCE_TABLE");
        let connection_table = env.text("CONNECTION_TABLE");
        let queue_url = env.text("QUEUE_URL");
        let owner_check = env.one_of(
            "OWNER_CHECK",
            &[
                ("required", OwnerCheck::Required),
                ("warn", OwnerCheck::Warn),
                ("off", OwnerCheck::Off),
            ],
        );
        let adopt_existing_links = env.parsed("ADOPT_EXISTING_LINKS", flag);
        let fetch_resources = env.parsed("FETCH_RESOURCES", |text| {
            let resources = ResourceSet::parse(text).map_err(|rule| rule.to_string())?;
            match owner_check {
                Some(OwnerCheck::Off) => Ok(resources),
                _ if resources.contains(ResourceKind::Owners) => Ok(resources),
                _ => Err("must contain OWNERS unless OWNER_CHECK is off".to_owned()),
            }
        });
        let transaction_window_days = env.parsed("TRANSACTION_WINDOW_DAYS", |text| {
            let days = text.parse::<u16>().ok().filter(|it| (7..=366).contains(it));
            days.ok_or("must be a number of days from 7 to 366")
        });
        let deleted_link_days = env.parsed("DELETED_LINK_DAYS", |text| {
            let days = text.parse::<u16>().ok().filter(|it| *it <= 3650);
            days.ok_or("must be a number of days from 0 to 3650")
        });
        let positive = |text: &str| {
            let number = text.parse::<usize>().ok().filter(|it| *it > 0);
            number.ok_or("must be a number from 1")
        };
        let belvo_requests_per_30_seconds = env.parsed("BELVO_REQUESTS_PER_30_SECONDS", positive);
        let fetcher_concurrency = env.parsed("FETCHER_CONCURRENCY", positive);
        env.finish(|| {
            Some(Self {
                belvo_base_url: belvo_base_url?,
                belvo_secret_id: belvo_secret_id?,
                session_secret_id: session_secret_id?,
                link_table: link_table?,
                resource_table: resource_table?,
                connection_table: connection_table?,
                queue_url: queue_url?,
                policy: Policy {
                    owner_check: owner_check?,
                    adopt_existing_links: adopt_existing_links?,
                    fetch_resources: fetch_resources?,
                    transaction_window_days: transaction_window_days?,
                    deleted_link_days: deleted_link_days?,
                },
                belvo_requests_per_30_seconds: belvo_requests_per_30_seconds?,
                fetcher_concurrency: fetcher_concurrency?,
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
            ("LINK_TABLE", "links"),
            ("RESOURCE_TABLE", "resources"),
            ("CONNECTION_TABLE", "connections"),
            ("QUEUE_URL", "https://sqs/jobs.fifo"),
            ("OWNER_CHECK", "required"),
            ("ADOPT_EXISTING_LINKS", "false"),
            ("FETCH_RESOURCES", "ACCOUNTS,OWNERS"),
            ("TRANSACTION_WINDOW_DAYS", "10"),
            ("DELETED_LINK_DAYS", "30"),
            ("BELVO_REQUESTS_PER_30_SECONDS", "72"),
            ("FETCHER_CONCURRENCY", "5"),
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
