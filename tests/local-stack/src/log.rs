//! The output of the functions and of the stack itself, line by line.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::meter::Meter;

/// A stack that runs for days keeps this many lines; a test never comes near it.
const MOST_LINES: usize = 100_000;

/// A shared log; clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
    open_streams: watch::Sender<usize>,
    print: bool,
    meter: Meter,
}

/// A stream that may add lines until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream(watch::Sender<usize>);

impl Log {
    /// An empty log; `print` also copies every line to stderr.
    pub(crate) fn new(print: bool, meter: &Meter) -> Log {
        Log {
            lines: Arc::default(),
            open_streams: watch::Sender::new(0),
            print,
            meter: meter.clone(),
        }
    }

    /// Adds a line that `source` wrote.
    pub(crate) fn line(&self, source: &str, text: &str) {
        self.meter.line(source, text);
        let line = format!("[{source}] {text}");
        if self.print {
            eprintln!("{line}");
        }
        let mut lines = self.lines.lock();
        if lines.len() == MOST_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Registers a stream of lines.
    pub(crate) fn stream_opened(&self) -> OpenStream {
        self.open_streams.send_modify(|open| *open += 1);
        OpenStream(self.open_streams.clone())
    }

    /// Waits until no stream can add another line.
    pub(crate) async fn complete(&self) {
        // It fails only without a sender, and this is one.
        self.open_streams
            .subscribe()
            .wait_for(|open| *open == 0)
            .await
            .ok();
    }

    /// All lines so far, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
