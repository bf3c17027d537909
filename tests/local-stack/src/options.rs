//! What a stack may be started with.

use std::{collections::BTreeMap, path::PathBuf};

/// How to start a [`Stack`](crate::Stack). The default is what tests want: free ports, everything
/// in memory, our Belvo sandbox, and silence.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    /// The port of the API and the page; free-chosen without one.
    pub port: Option<u16>,
    /// Where tables are kept between runs; in memory without one.
    pub data_dir: Option<PathBuf>,
    /// Template parameters, before the stack's own local values.
    pub parameters: BTreeMap<String, String>,
    /// Variables of functions. One that the template sets is replaced where it is set; any other
    /// is given to every function.
    pub variables: BTreeMap<String, String>,
    /// Values of secrets, by their names in the template, instead of those that a local stack sets;
    /// `None` leaves one without a value, as the first deployment does.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Another visibility timeout, in seconds, for the queues whose template sets one: a test of
    /// what happens after it cannot wait half an hour.
    pub visibility_timeout: Option<u32>,
    /// The executable that is started as the functions; this one without.
    pub executable: Option<PathBuf>,
    /// Its arguments. A test harness can be the executable if they choose the one test that calls
    /// [`child_main`](crate::child_main): `["functions", "--exact", "--nocapture"]`.
    pub arguments: Vec<String>,
    /// Another template than the project's own.
    pub template: Option<String>,
    /// Which Belvo to use.
    pub belvo: Belvo,
    /// Where the API is reached from outside, when something forwards to it.
    pub public_url: Option<String>,
    /// The `Authorization` value agreed with Belvo for its webhooks; made up without one.
    pub webhook_authorization: Option<String>,
    /// Whether the template's schedules call their functions. A test does that itself, when it
    /// wants it: [`Stack::schedules`](crate::Stack::schedules) says what with.
    pub schedules: bool,
    /// Whether log lines also go to stderr.
    pub print_log: bool,
}

/// The Belvo a stack talks to.
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
