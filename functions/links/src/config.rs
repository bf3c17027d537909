//! Where data is, and whose it is.

use domain::Limits;
use runtime::{CallerConfig, Env, InvalidConfig};

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `RESOURCE_TABLE`: links and their data.
    pub resource_table: String,
    /// `CONNECTION_TABLE`: attempts and receipts.
    pub connection_table: String,
    /// `QUEUE_URL`: where refreshes and erasures go.
    pub queue_url: String,
    /// `SESSION_SECRET_ID`: the secret with the keys that sign cursors.
    pub session_secret_id: String,
    /// `EXTERNAL_ID_MODE`, `EXTERNAL_ID_CLAIM`, `EXTERNAL_ID_SECRET_ID`: who the user is.
    pub caller: CallerConfig,
    /// `IDENTITY_SOURCE`: whether a link is served only after its app has posted the proof.
    pub proof_wanted: bool,
    /// `OPEN_FINANCE_LIMITS`: what banks give in a month, as Belvo documents it.
    pub limits: Limits,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let resource_table = env.text("RESOURCE_TABLE");
        let connection_table = env.text("CONNECTION_TABLE");
        let queue_url = env.text("QUEUE_URL");
        let session_secret_id = env.text("SESSION_SECRET_ID");
        let caller = CallerConfig::from_env(&mut env);
        let proof_wanted = env.one_of("IDENTITY_SOURCE", &[("claims", false), ("body", true)]);
        let limits = env.parsed_if_set("OPEN_FINANCE_LIMITS", Limits::parse);
        env.finish(|| {
            Some(Self {
                resource_table: resource_table?,
                connection_table: connection_table?,
                queue_url: queue_url?,
                session_secret_id: session_secret_id?,
                caller: caller?,
                proof_wanted: proof_wanted?,
                limits: limits?.unwrap_or_default(),
            })
        })
    }
}
