//! The output of a process, on its way to the log.

use std::{
    io::{self, PipeWriter, Write},
    os::fd::OwnedFd,
    process::Stdio,
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::unix::pipe::Receiver,
    sync::watch,
};

use crate::log::Log;

/// The mark that the stack writes after a process's lines. No function prints it.
const MARK: &[u8] = b"\0that was all\0";

/// The pipe for a process's stdout and stderr.
///
/// The reader cannot see whether more output is to come. But a pipe keeps the order, and the stack
/// also holds its writing end: once the stack's mark arrives, all earlier output has arrived.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Arc<PipeWriter>,
    marks: u64,
    marks_read: watch::Receiver<u64>,
}

impl Output {
    /// A pipe whose lines go to the log as those of `source`.
    pub(super) fn new(log: &Log, source: &str) -> io::Result<Output> {
        let (reader, pipe) = io::pipe()?;
        let reader = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let (read, marks_read) = watch::channel(0);
        tokio::spawn(copy_lines(reader, log.clone(), source.to_owned(), read));
        Ok(Output {
            pipe: Arc::new(pipe),
            marks: 0,
            marks_read,
        })
    }

    /// The writing end for a process.
    pub(super) fn stdio(&self) -> io::Result<Stdio> {
        Ok(self.pipe.try_clone()?.into())
    }

    /// Waits until all output so far is in the log.
    pub(super) async fn logged(&mut self) {
        self.marks += 1;
        let (pipe, marks) = (Arc::clone(&self.pipe), self.marks);
        // The process shares this end and expects it to block, so it blocks here as well. It fails
        // only without a reader, in which case there is no output to wait for.
        let mark = move || (&*pipe).write_all(&[MARK, b"\n"].concat());
        tokio::task::spawn_blocking(mark);
        self.marks_read.wait_for(|read| *read >= marks).await.ok();
    }
}

async fn copy_lines(reader: Receiver, log: Log, source: String, marks: watch::Sender<u64>) {
    let _open = log.stream_opened();
    let mut lines = BufReader::new(reader).split(b'\n');
    // The stream ends when the process has ended and the stack has dropped it.
    while let Ok(Some(line)) = lines.next_segment().await {
        // A killed process may have left half a line in front of the mark.
        let printed = line.strip_suffix(MARK);
        if printed != Some(b"") {
            let text = String::from_utf8_lossy(printed.unwrap_or(&line));
            log.line(&source, text.trim_end());
        }
        if printed.is_some() {
            marks.send_modify(|read| *read += 1);
        }
    }
}
