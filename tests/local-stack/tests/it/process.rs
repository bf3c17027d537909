//! Processes of this machine.

use serde_json::Value;

use crate::world::LIMIT;

/// Whether a process runs (a killed one may stay as a zombie until it is waited for).
pub fn is_alive(pid: &Value) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status
        .rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Waits until a process is gone.
pub async fn gone(pid: &Value) {
    let gone = async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, gone)
        .await
        .expect("the process is still there");
}
