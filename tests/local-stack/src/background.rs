//! Loops that run in the background until the stack is stopped.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};

/// The time a stopped loop has for its current work.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A running loop; it ends when it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The signal that a loop checks before it starts new work.
#[derive(Debug)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Background {
    /// Starts a loop that must end soon after the signal.
    pub(crate) fn start<F>(run: impl FnOnce(Stopped) -> F) -> Background
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(Stopped(stopped)));
        Background { stop, task }
    }

    /// Starts no new work, and waits for the current work up to the limit.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        // The loop cannot fail. Work over the limit ends with the functions' processes.
        tokio::time::timeout(STOP_LIMIT, &mut self.task).await.ok();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stopped {
    /// Waits for the signal to end.
    pub(crate) async fn wait(&mut self) {
        // It fails only without a sender, which means that the loop is aborted.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}
