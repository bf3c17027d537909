//! One process of one function.

use std::{process::Stdio, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::oneshot,
    task::JoinSet,
};
use uuid::Uuid;

use super::{
    error::InvokeError,
    output::Output,
    pool::Launcher,
    runtime_api::{Answer, RuntimeApi, Start, Work},
};
use crate::{
    aws::{ACCOUNT_ID, REGION},
    emulators::listen,
    template::Function,
};

/// Lambda gives a process ten seconds to start; a debug build on a busy machine needs more.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running process; dropping it kills it.
#[derive(Debug)]
pub(super) struct Instance {
    child: Child,
    output: Output,
    api: RuntimeApi,
    // The process ends when this pipe closes.
    _stdin: Option<ChildStdin>,
    // The Runtime API; aborted when dropped.
    _server: JoinSet<()>,
}

impl Instance {
    /// Starts a process; [`Instance::started`] tells whether it succeeds.
    pub(super) async fn start(
        function: &Function,
        launcher: &Launcher,
    ) -> anyhow::Result<Instance> {
        let (listener, address) = listen().await?;
        let (api, server) = RuntimeApi::new(listener);
        let stream = format!(
            "{}/[$LATEST]{}",
            jiff::Timestamp::now().strftime("%Y/%m/%d"),
            Uuid::new_v4().simple()
        );
        let output = Output::new(&launcher.log, &function.name)?;
        let mut child = Command::new(&launcher.executable)
            .args(&launcher.arguments)
            .env_clear()
            .envs(
                launcher
                    .surroundings
                    .variables(function, &address.to_string(), &stream),
            )
            .stdin(Stdio::piped())
            .stdout(output.stdio()?)
            .stderr(output.stdio()?)
            // Ctrl-C reaches the terminal's whole process group, but the stack stops its children
            // itself after their last invocation.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", launcher.executable.display()))?;
        let mut servers = JoinSet::new();
        servers.spawn(server);
        Ok(Instance {
            _stdin: child.stdin.take(),
            child,
            output,
            api,
            _server: servers,
        })
    }

    /// Waits until the process requests an invocation.
    pub(super) async fn started(&mut self) -> Result<(), InvokeError> {
        let start = &mut self.api.start;
        tokio::select! {
            biased;
            state = start.wait_for(|state| *state != Start::Underway) => match state.as_deref() {
                Ok(Start::Failed(error)) => Err(InvokeError::Start { error: error.clone() }),
                Ok(Start::Underway | Start::Finished) | Err(_) => Ok(()),
            },
            status = self.child.wait() => Err(InvokeError::exited(status)),
            () = tokio::time::sleep(START_LIMIT) => Err(InvokeError::TimedOut { after: START_LIMIT }),
        }
    }

    /// Whether the process still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// One invocation. After any error but [`InvokeError::Function`] the process must be replaced.
    pub(super) async fn invoke(
        &mut self,
        function: &Function,
        payload: Bytes,
    ) -> Result<Bytes, InvokeError> {
        let limit = Duration::from_secs(u64::from(function.timeout));
        let (reply, answer) = oneshot::channel();
        let id = Uuid::new_v4();
        let now = jiff::Timestamp::now();
        let work = Work {
            payload,
            deadline_ms: now
                .as_millisecond()
                .saturating_add(i64::from(function.timeout) * 1_000),
            function_arn: format!(
                "arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{}",
                function.name
            ),
            trace_id: trace_id(now, id),
            id: id.to_string(),
            reply,
        };
        let answered = async {
            // Both fail only without the Runtime API, which ends together with the process.
            self.api.work.send(work).await.ok();
            answer.await
        };
        tokio::select! {
            biased;
            answer = answered => match answer {
                Ok(Answer::Response(body)) => Ok(body),
                Ok(Answer::Error(error)) => Err(InvokeError::Function { error }),
                Err(_) => Err(InvokeError::exited(self.child.wait().await)),
            },
            status = self.child.wait() => Err(InvokeError::exited(status)),
            () = tokio::time::sleep(limit) => Err(InvokeError::TimedOut { after: limit }),
        }
    }

    /// Waits until all of the process's output is in the log.
    pub(super) async fn logged(&mut self) {
        self.output.logged().await;
    }

    /// Kills the process, and waits until it has ended and its output is in the log.
    pub(super) async fn kill(mut self) {
        // It fails if the process has already ended, which is just as good.
        self.child.kill().await.ok();
        self.output.logged().await;
    }
}

/// The trace id of an X-Ray header; not sampled.
fn trace_id(now: jiff::Timestamp, id: Uuid) -> String {
    let random = id.simple().to_string();
    let (root, parent) = random.split_at(16);
    format!(
        "Root=1-{:08x}-{root}00000000;Parent={parent};Sampled=0",
        now.as_second()
    )
}
