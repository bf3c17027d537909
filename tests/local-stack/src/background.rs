//! Loops that run beside everything else until the stack is stopped.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};

/// How long what a loop is in the middle of may take when the stack is stopped.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A running loop; it ends when it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What a loop looks at before it begins anything new.
#[derive(Debug)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Background {
    /// Starts a loop that ends by itself soon after it is told to.
    pub(crate) fn start<F>(run: impl FnOnce(Stopped) -> F) -> Background
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(Stopped(stopped)));
        Background { stop, task }
    }

    /// Begins nothing any more, and waits a while for what is running.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        // The loop cannot fail; running over the limit ends with the functions' processes.
        tokio::time::timeout(STOP_LIMIT, &mut self.task).await.ok();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stopped {
    /// Waits until the loop has to end.
    pub(crate) async fn wait(&mut self) {
        // It fails only without a sender, which is when the loop is aborted.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}
