//! The options of a stack.

use std::{collections::BTreeMap, path::PathBuf};

/// The options of a [`Stack`](crate::Stack). The default suits tests: free ports, everything in
/// memory, our Belvo sandbox, and no output.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    /// The port of the API and the page; by default a free one.
    pub port: Option<u16>,
    /// The folder of the tables, which outlive a run there; by default they are in memory.
    pub data_dir: Option<PathBuf>,
    /// Template parameters; they override the stack's local values.
    pub parameters: BTreeMap<String, String>,
    /// Variables of functions. A variable of the template is replaced where the template sets it;
    /// any other goes to every function.
    pub variables: BTreeMap<String, String>,
    /// Values of secrets, by their names in the template; they override the stack's local values.
    /// `None` leaves a secret without a value, as the first deployment does.
    pub secrets: BTreeMap<String, Option<String>>,
    /// A visibility timeout, in seconds, for the queues whose template sets one, because a test
    /// cannot wait for minutes.
    pub visibility_timeout: Option<u32>,
    /// The executable that is started as the functions; by default this one.
    pub executable: Option<PathBuf>,
    /// Its arguments. A test harness can be the executable if they choose the one test that calls
    /// [`child_main`](crate::child_main): `["functions", "--exact", "--nocapture"]`.
    pub arguments: Vec<String>,
    /// Another template than the project's own.
    pub template: Option<String>,
    /// The simulated Belvo, or the real one.
    pub belvo: Belvo,
    /// The public address of the API, if a tunnel forwards to it.
    pub public_url: Option<String>,
    /// The `Authorization` value agreed with Belvo for its webhooks; random by default.
    pub webhook_authorization: Option<String>,
    /// Whether the template's schedules invoke their functions. A test does so itself, with the
    /// inputs of [`Stack::schedules`](crate::Stack::schedules).
    pub schedules: bool,
    /// Whether log lines also go to stderr.
    pub print_log: bool,
}

/// The Belvo of a stack.
#[derive(Clone, Debug)]
pub enum Belvo {
    /// Our own, in this process; the same seed makes the same people and data.
    Sandbox {
        /// The seed.
        seed: u64,
    },
    /// Belvo's sandbox environment, with the customer's keys.
    Real {
        /// The secret id.
        secret_id: String,
        /// The secret password.
        secret_password: String,
    },
}

impl Default for Belvo {
    fn default() -> Belvo {
        Belvo::Sandbox { seed: 1 }
    }
}
