//! The function's variables.

use runtime::{Env, InvalidConfig, service_url};
use url::Url;

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BELVO_BASE_URL`: where Belvo's API is.
    pub belvo_base_url: Url,
    /// `BELVO_SECRET_ID`: the secret with Belvo's keys.
    pub belvo_secret_id: String,
    /// `LINK_TABLE`: links and their webhook log.
    pub link_table: String,
    /// `CONNECTION_TABLE`: receipts of erasures.
    pub connection_table: String,
    /// `QUEUE_URL`: where jobs go.
    pub queue_url: String,
    /// `BELVO_REQUESTS_PER_30_SECONDS`: the requests all fetchers together may send to Belvo.
    pub belvo_requests_per_30_seconds: u32,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let belvo_base_url = env.parsed("BELVO_BASE_URL", service_url);
        let belvo_secret_id = env.text("BELVO_SECRET_ID");
        let link_table = env.text("LINK_TABLE");
        let connection_table = env.text("CONNECTION_TABLE");
        let queue_url = env.text("QUEUE_URL");
        let belvo_requests_per_30_seconds = env.parsed("BELVO_REQUESTS_PER_30_SECONDS", rate);
        env.finish(|| {
            Some(Self {
                belvo_base_url: belvo_base_url?,
                belvo_secret_id: belvo_secret_id?,
                link_table: link_table?,
                connection_table: connection_table?,
                queue_url: queue_url?,
                belvo_requests_per_30_seconds: belvo_requests_per_30_seconds?,
            })
        })
    }
}

fn rate(text: &str) -> Result<u32, &'static str> {
    let number = text.parse().ok();
    let number = number.filter(|number| *number > 0);
    number.ok_or("must be a whole number above 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(rate: &str) -> Result<Config, InvalidConfig> {
        let pairs = [
            ("BELVO_BASE_URL", "https://sandbox.belvo.com"),
            ("BELVO_SECRET_ID", "belvo"),
            ("LINK_TABLE", "links"),
            ("CONNECTION_TABLE", "connections"),
            ("QUEUE_URL", "queue"),
            ("BELVO_REQUESTS_PER_30_SECONDS", rate),
        ];
        Config::from_env(Env::new(pairs.map(|(k, v)| (k.to_owned(), v.to_owned()))))
    }

    #[test]
    fn a_rate_is_a_whole_number_above_zero() {
        assert_eq!(config("72").unwrap().belvo_requests_per_30_seconds, 72);
        for bad in ["0", "-1", "7.5", "many"] {
            let error = config(bad).unwrap_err().to_string();
            assert!(error.contains("BELVO_REQUESTS_PER_30_SECONDS"), "{error}");
        }
    }
}
