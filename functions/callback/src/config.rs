//! The function's variables.

use domain::ReturnUrls;
use runtime::{Env, InvalidConfig, PrincipalConfig};

/// The function's configuration. One field for each variable of the template.
#[derive(Clone, Debug)]
pub struct Config {
    /// `SESSION_SECRET_ID`: the secret with the keys that sign sessions.
    pub session_secret_id: String,
    /// `QUEUE_URL`: where jobs go.
    pub queue_url: String,
    /// `EXTERNAL_ID_MODE`, `EXTERNAL_ID_CLAIM`, `EXTERNAL_ID_SECRET_ID`: who the user is.
    pub principal: PrincipalConfig,
    /// `RETURN_URLS`: where users may be sent back to.
    pub return_urls: ReturnUrls,
    /// `IDENTITY_SOURCE`: whether the return URL carries a proof for the app to post.
    pub proof_wanted: bool,
}

impl Config {
    /// Reads and checks all variables; the error names every mistake.
    pub fn from_env(mut env: Env) -> Result<Self, InvalidConfig> {
        let session_secret_id = env.text("SESSION_SECRET_ID");
        let queue_url = env.text("QUEUE_URL");
        let principal = PrincipalConfig::from_env(&mut env);
        let return_urls = env.parsed("RETURN_URLS", ReturnUrls::parse);
        let proof_wanted = env.one_of("IDENTITY_SOURCE", &[("claims", false), ("body", true)]);
        env.finish(|| {
            Some(Self {
                session_secret_id: session_secret_id?,
                queue_url: queue_url?,
                principal: principal?,
                return_urls: return_urls?,
                proof_wanted: proof_wanted?,
            })
        })
    }
}
