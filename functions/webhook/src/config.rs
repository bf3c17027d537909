//! The function's variables.

use std::net::IpAddr;

use runtime::{Env, InvalidConfig};

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `WEBHOOK_SECRET_ID`: the secret with the agreed `Authorization` value.
    pub webhook_secret_id: String,
    /// `QUEUE_URL`: where jobs go.
    pub queue_url: String,
    /// `WEBHOOK_SOURCE_IPS`: addresses that may call; empty means any address with the right value.
    pub source_ips: Vec<IpAddr>,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let webhook_secret_id = env.text("WEBHOOK_SECRET_ID");
        let queue_url = env.text("QUEUE_URL");
        let source_ips = env.parsed_if_set("WEBHOOK_SOURCE_IPS", addresses);
        env.finish(|| {
            Some(Self {
                webhook_secret_id: webhook_secret_id?,
                queue_url: queue_url?,
                source_ips: source_ips?.unwrap_or_default(),
            })
        })
    }
}

fn addresses(text: &str) -> Result<Vec<IpAddr>, &'static str> {
    let parsed: Result<_, _> = text.split(',').map(|part| part.trim().parse()).collect();
    parsed.map_err(|_| "must be IP addresses separated by commas")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(ips: &str) -> Result<Config, InvalidConfig> {
        let pairs = [
            ("WEBHOOK_SECRET_ID", "s"),
            ("QUEUE_URL", "q"),
            ("WEBHOOK_SOURCE_IPS", ips),
        ];
        Config::from_env(Env::new(pairs.map(|(k, v)| (k.to_owned(), v.to_owned()))))
    }

    #[test]
    fn belvos_three_addresses_are_a_list_and_empty_text_is_an_empty_list() {
        let ips = config("3.130.254.46, 18.220.61.186,18.223.45.212")
            .unwrap()
            .source_ips;
        assert_eq!(ips.len(), 3);
        assert!(config("").unwrap().source_ips.is_empty());
        assert!(
            config("belvo.com")
                .unwrap_err()
                .to_string()
                .contains("WEBHOOK_SOURCE_IPS")
        );
    }
}
