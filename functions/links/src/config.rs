//! Where data is, and whose it is.

use domain::Limits;
use runtime::{Env, InvalidConfig, PrincipalConfig};

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `LINK_TABLE`: links, their consents and their webhook log.
    pub link_table: String,
    /// `RESOURCE_TABLE`: what banks hold.
    pub resource_table: String,
    /// `CONNECTION_TABLE`: attempts and receipts.
    pub connection_table: String,
    /// `QUEUE_URL`: where refreshes and erasures go.
    pub queue_url: String,
    /// `SESSION_SECRET_ID`: the secret with the keys that sign cursors.
    pub session_secret_id: String,
    /// `EXTERNAL_ID_MODE`, `EXTERNAL_ID_CLAIM`, `EXTERNAL_ID_SECRET_ID`: who the user is.
    pub principal: PrincipalConfig,
    /// `IDENTITY_SOURCE`: whether a link is served only after its app has posted the proof.
    pub proof_wanted: bool,
    /// `OPEN_FINANCE_LIMITS`: what banks give in a month, as Belvo documents it.
    pub limits: Limits,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let link_table = env.text("LINK_TABLE");
        let resource_table = env.text("RESOURCE_TABLE");
        let connection_table = env.text("CONNECTION_TABLE");
        let queue_url = env.text("QUEUE_URL");
        let session_secret_id = env.text("SESSION_SECRET_ID");
        let principal = PrincipalConfig::from_env(&mut env);
        let proof_wanted = env.one_of("IDENTITY_SOURCE", &[("claims", false), ("body", true)]);
        let limits = env.parsed_if_set("OPEN_FINANCE_LIMITS", Limits::parse);
        env.finish(|| {
            Some(Self {
                link_table: link_table?,
                resource_table: resource_table?,
                connection_table: connection_table?,
                queue_url: queue_url?,
                session_secret_id: session_secret_id?,
                principal: principal?,
                proof_wanted: proof_wanted?,
                limits: limits?.unwrap_or_default(),
            })
        })
    }
}
